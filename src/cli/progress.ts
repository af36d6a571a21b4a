/**
 * Notes and progress on standard error: a bar that moves where it is a terminal, one calm line per phase where it is not.
 * Knows no command.
 */
import type { Writable } from 'node:stream'

import { formatBytes } from '../pool/memory-ledger.js'

/** Least time between two drawings, in milliseconds: what an eye can follow. */
const DRAW_INTERVAL_MS = 100

/** Characters of the bar. */
const BAR_CELLS = 24

/** A rate taken over less than this says nothing, in seconds. */
const RATE_AFTER_SECONDS = 0.5

/** Columns of a terminal that does not say. */
const DEFAULT_COLUMNS = 80

/** Back to the first column, and empty to the end of the line (ECMA-48). */
const CLEAR_LINE = '\r\u001b[2K'

/** What a phase counts. */
export type ProgressUnit = 'bytes' | 'texts' | 'pairs' | 'runs'

/** A stretch of work. */
export interface Phase {
  /** @param total - Absent where it is not known; then no bar is drawn. */
  update(done: number, total?: number): void
}

/** How to report. */
export interface ReporterOptions {
  readonly stream: Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined }
  readonly quiet: boolean
  /** Milliseconds; for tests. @default performance.now */
  readonly now?: (() => number) | undefined
}

/** Standard error. */
export class Reporter {
  /** Whether a bar can be drawn. */
  readonly isTerminal: boolean
  readonly #stream: ReporterOptions['stream']
  readonly #quiet: boolean
  readonly #now: () => number
  readonly #announced = new Set<string>()
  #drawn = false
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor({ stream, quiet, now = () => performance.now() }: ReporterOptions) {
    this.#stream = stream
    this.#quiet = quiet
    this.isTerminal = stream.isTTY === true
    this.#now = now
    // A reader of the notes that goes away must not end the work.
    stream.on('error', () => undefined)
  }

  /** A line for people; nothing under `--quiet`. */
  note(text: string): void {
    if (this.#quiet) return
    this.clear()
    this.#stream.write(`stella: ${text}\n`)
  }

  /** A text that is printed under `--quiet` too. */
  print(text: string): void {
    this.clear()
    this.#stream.write(text)
  }

  /**
   * Begins a phase. Without a terminal, `label` is printed once; with one, it stands before the bar.
   *
   * @param announce - Whether it is worth that line. @default true
   */
  phase(label: string, unit: ProgressUnit, announce = true): Phase {
    if (this.#quiet) return { update: () => undefined }
    if (!this.isTerminal) {
      if (announce && !this.#announced.has(label)) this.note(`${label} …`)
      this.#announced.add(label)
      return { update: () => undefined }
    }
    const began = this.#now()
    return {
      update: (done, total) => {
        const now = this.#now()
        if (now - this.#drawnAt < DRAW_INTERVAL_MS) return
        this.#drawnAt = now
        this.#draw([label, ...drawing(unit, done, total, (now - began) / 1000)].join('  '))
      },
    }
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#drawn) this.#stream.write(CLEAR_LINE)
    this.#drawn = false
  }

  #draw(line: string): void {
    // A line that wraps cannot be cleared.
    this.#stream.write(CLEAR_LINE + line.slice(0, (this.#stream.columns ?? DEFAULT_COLUMNS) - 1))
    this.#drawn = true
  }
}

function drawing(unit: ProgressUnit, done: number, total: number | undefined, seconds: number): readonly string[] {
  const amount = (value: number): string => (unit === 'bytes' ? formatBytes(value) : value.toLocaleString('en'))
  const perSecond = seconds < RATE_AFTER_SECONDS ? 0 : done / seconds
  const rate = unit === 'bytes' ? `${formatBytes(perSecond)}/s` : `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`
  const rates = perSecond > 0 ? [rate] : []
  if (total === undefined || total <= 0) return [`${amount(done)}${unit === 'bytes' ? '' : ` ${unit}`}`, ...rates]
  const share = Math.min(1, done / total)
  const filled = Math.round(share * BAR_CELLS)
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}]`
  const left = perSecond > 0 ? [`${clock((total - done) / perSecond)} left`] : []
  return [bar, `${amount(done)} of ${amount(total)}`, ...rates, ...left]
}

function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
