/** How files of pairs may be written. Imports nothing, so that a command line can name them without loading a parser. */

/** How pairs are written. */
export type PairsFormat = 'jsonl' | 'csv'

/** The formats there are. */
export const PAIRS_FORMATS = ['jsonl', 'csv'] as const satisfies readonly PairsFormat[]

/** What may stand between the fields of a table. */
export const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' } as const satisfies Record<string, string>

/**
 * Name of a delimiter.
 *
 * @useDeclaredType
 */
export type DelimiterName = keyof typeof DELIMITERS

/** The delimiters there are, by name. */
export const DELIMITER_NAMES = ['comma', 'semicolon', 'tab', 'pipe'] as const satisfies readonly DelimiterName[]
