/** What the process that leaves during a run says before it does. */

/** The code it leaves with: none that Node or a shell gives by itself. */
export const EXIT_CODE = 7

/** See above. */
export interface LeavingNote {
  /** Texts that were given and had no vector yet. */
  readonly waiting: number
  /** Time from opening the pool to the first vector, in milliseconds. */
  readonly firstTextMs: number
}

/** The note in what it printed; undefined where it never came so far. */
export function readLeavingNote(stdout: string): LeavingNote | undefined {
  for (const line of stdout.split('\n')) {
    const match = /^leaving waiting=(\d+) firstTextMs=(\d+)$/.exec(line)
    if (match !== null) return { waiting: Number(match[1]), firstTextMs: Number(match[2]) }
  }
  return undefined
}

/** The note as a line. */
export function leavingNote({ waiting, firstTextMs }: LeavingNote): string {
  return `leaving waiting=${waiting} firstTextMs=${Math.round(firstTextMs)}\n`
}
