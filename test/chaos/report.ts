/** What came of chaos: counts by operation and outcome, and what was found to be wrong. Plain data, and its table. */

/** Something that must not be. */
export interface Finding {
  /** What kind of thing: `wrong result`, `unexplained`, `never settled`, `left over`, `warning` … */
  readonly kind: string
  readonly operation: string
  readonly detail: string
}

/** What came of one seed. */
export interface SeedReport {
  readonly seed: number
  /** Operations that were begun. */
  readonly played: number
  /** Calls by operation, then by outcome: `ok`, or a code. */
  readonly counts: Counts
  /** How often harm was met. */
  readonly hits: Readonly<Record<string, number>>
  readonly findings: readonly Finding[]
  /** What was done around each of them, and last; filled in by whoever keeps the journal. */
  readonly journal: readonly string[]
}

/** Numbers by operation, then by outcome. */
export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>

/** Adds one up. */
export class Tally {
  readonly #counts = new Map<string, Map<string, number>>()

  add(operation: string, outcome: string, count = 1): void {
    const row = this.#counts.get(operation) ?? new Map<string, number>()
    row.set(outcome, (row.get(outcome) ?? 0) + count)
    this.#counts.set(operation, row)
  }

  addAll(counts: Counts): void {
    for (const [operation, row] of Object.entries(counts)) {
      for (const [outcome, count] of Object.entries(row)) this.add(operation, outcome, count)
    }
  }

  get counts(): Counts {
    return Object.fromEntries([...this.#counts].map(([name, row]) => [name, Object.fromEntries(row)]))
  }
}

/** A Markdown table of counts: operations, how many, and how they ended. */
export function table(counts: Counts): string {
  const rows = Object.entries(counts)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([operation, row]) => {
      const total = Object.values(row).reduce((sum, count) => sum + count, 0)
      const { ok = 0, ...others } = row
      const rest = Object.entries(others)
        .sort(([, a], [, b]) => b - a)
        .map(([outcome, count]) => `${outcome} ${count}`)
      return [operation, String(total), String(ok), rest.join(', ')]
    })
  return markdown(['operation', 'times', 'ok', 'otherwise'], rows)
}

/** A Markdown table. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
