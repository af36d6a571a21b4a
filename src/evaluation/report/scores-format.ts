/** How scores may be written. Imports nothing, so that a command line can name them without loading a writer. */

/** How scores are written. */
export type ScoresFormat = 'jsonl' | 'csv'

/** The formats there are. */
export const SCORES_FORMATS = ['jsonl', 'csv'] as const satisfies readonly ScoresFormat[]
