/**
 * Counts the bytes of a pull and reports them, not more often than is useful. Knows no network and no file.
 */

/** Least time between two reports of the same state, in milliseconds: what a progress bar can show. */
export const PROGRESS_INTERVAL_MS = 100

/** How far a pull has got. */
export interface PullProgress {
  /** Path inside the repository. */
  readonly file: string
  /** Bytes of the file that are here; falls back to 0 where a file is fetched anew. */
  readonly fileBytes: number
  /** Size of the file, in bytes. */
  readonly fileTotal: number
  /** Bytes of all files of the pull that are here. */
  readonly bytes: number
  /** Size of all files of the pull, in bytes. */
  readonly total: number
  /**
   * `cached`: was here. `resumed`: a part was here and is kept. `downloading`: bytes arrive. `verifying`: all arrived,
   * the hash is computed. `done`: verified and in place. A file ends in `cached` or `done`.
   */
  readonly state: 'cached' | 'resumed' | 'downloading' | 'verifying' | 'done'
}

/** Collects the progress of one pull. */
export interface ProgressMeter {
  readonly report: (file: string, fileBytes: number, state: PullProgress['state']) => void
}

/**
 * A meter over `sizes`, the bytes of each file by path.
 *
 * @param onProgress - Receives the reports; what it throws ends the pull.
 */
export function createProgressMeter(
  sizes: ReadonlyMap<string, number>,
  onProgress: ((progress: PullProgress) => void) | undefined,
): ProgressMeter {
  const here = new Map<string, number>()
  const total = sum(sizes.values())
  let last = { file: '', state: '', at: 0 }
  return {
    report: (file, fileBytes, state) => {
      here.set(file, fileBytes)
      const now = performance.now()
      const repeated = last.file === file && last.state === state
      if (onProgress === undefined || (repeated && now - last.at < PROGRESS_INTERVAL_MS)) return
      last = { file, state, at: now }
      onProgress({ file, fileBytes, fileTotal: sizes.get(file) ?? fileBytes, bytes: sum(here.values()), total, state })
    },
  }
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
