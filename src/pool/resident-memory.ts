/**
 * What the process really holds, beside what the ledger says: the ledger is an estimate, and this is what it must not fall
 * short of. Knows no model but by name.
 */
import { readFile } from 'node:fs/promises'

import type { Logger } from '../inference/logger.js'
import type { MemoryLedger } from './memory-ledger.js'
import { formatBytes } from './memory-ledger.js'
import { surfaced } from './surfaced.js'

/** Memory of this process. */
export interface ResidentReading {
  readonly bytes: number
  /**
   * `pss`: a page counts once, however often it is mapped, and shared with other processes it counts in part. `rss`: it
   * counts for each mapping, so that weights which four workers share count four times.
   */
  readonly kind: 'pss' | 'rss'
}

/** What was found. */
export interface ResidentReport {
  /** Bytes beyond what the process held when the pool was opened. Whatever else the program has taken since is in it. */
  readonly measured: number
  /** Bytes that were granted at the time. */
  readonly granted: number
  /** `granted / measured`: below 1 the ledger falls short. Undefined where nothing is held. */
  readonly ratio: number | undefined
  readonly kind: ResidentReading['kind']
}

/**
 * How much more than is granted may be held before it is told: the program's own heap grows, too, and a garbage collector
 * that has not run yet is no leak.
 */
export const MEASURED_TOLERANCE = { share: 0.1, bytes: 64e6 } as const

/** Where Linux tells the sum over all mappings. */
const ROLLUP = '/proc/self/smaps_rollup'

/**
 * Pss on Linux, else the resident set.
 *
 * The kernel walks all pages: 5 to 8 ms for each GB, on a thread of libuv's and not on the event loop. It holds the
 * lock of the address space meanwhile, so that whoever maps or unmaps memory in that time waits for it. With 4 GB held
 * the event loop's delay (p99) was 8 ms with a read every 20 ms where it allocated nothing, 19 ms where it allocated 4 MB
 * at a time, and 21 ms with `readFileSync`. It is therefore read once a minute and after loads, not every few seconds.
 */
export async function readResident(path: string = ROLLUP): Promise<ResidentReading> {
  const pss = await readPss(path)
  return pss === undefined ? { bytes: process.memoryUsage.rss(), kind: 'rss' } : { bytes: pss, kind: 'pss' }
}

async function readPss(path: string): Promise<number | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    // No Linux, one before 4.14, or a sandbox that has no such file.
    return undefined
  }
  // The kernel's kB are 1,024 bytes.
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}

/** What to compare with, and whom to tell. */
export interface ResidentMemoryOptions {
  readonly ledger: Pick<MemoryLedger, 'granted' | 'holders'>
  readonly logger: Logger
  readonly read: () => Promise<ResidentReading>
}

/** Reads its baseline when it is made. */
export class ResidentMemory {
  readonly #options: ResidentMemoryOptions
  readonly #baseline: Promise<ResidentReading | undefined>
  /** Sets of models of which it was told that they hold more than they were granted. */
  readonly #told = new Set<string>()
  #measuring: Promise<ResidentReport | undefined> | undefined
  #last: ResidentReport | undefined

  constructor(options: ResidentMemoryOptions) {
    this.#options = options
    // Without a baseline nothing is ever reported; nobody is there yet to be told of a failure.
    this.#baseline = options.read().catch(() => undefined)
  }

  /** The last report. */
  get last(): ResidentReport | undefined {
    return this.#last
  }

  /**
   * Reads, and tells once for each set of models where more is held than was granted. Undefined where it cannot be read as
   * the baseline was. Calls under way at once share a read.
   */
  measure(): Promise<ResidentReport | undefined> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined
    })
    return this.#measuring
  }

  async #measure(): Promise<ResidentReport | undefined> {
    const baseline = await this.#baseline
    const now = await this.#options.read()
    if (baseline?.kind !== now.kind) return undefined
    const measured = Math.max(0, now.bytes - baseline.bytes)
    const { granted } = this.#options.ledger
    this.#last = { measured, granted, ratio: measured === 0 ? undefined : granted / measured, kind: now.kind }
    // The resident set counts shared pages over and over: it says nothing of an excess.
    if (now.kind === 'pss') this.#compare(this.#last)
    return this.#last
  }

  #compare({ measured, granted }: ResidentReport): void {
    const { share, bytes } = MEASURED_TOLERANCE
    // Once all is given back, what is left is the program's own.
    if (granted === 0 || measured <= granted * (1 + share) + bytes) return
    const models = [...new Set(this.#options.ledger.holders.map(({ owner }) => owner))].sort()
    const key = JSON.stringify(models)
    if (this.#told.has(key)) return
    this.#told.add(key)
    surfaced(() => {
      this.#options.logger.warn(
        { reason: 'measured', models, measured, granted },
        `the process holds ${formatBytes(measured)} more than when the pool was opened, and the pool has charged ` +
          `${formatBytes(granted)}: models take more than was estimated, or the program itself has grown`,
      )
    })
  }
}
