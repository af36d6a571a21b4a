/** Tables and numbers in Markdown. Knows no benchmark. */
import type { Spread } from './statistics.js'

/** A table. Cells are text already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/** What stands where nothing was measured. */
export const ABSENT = '–'

/** Three figures: `1234`, `12.3`, `0.0123`. */
export function figures(value: number | null): string {
  if (value === null) return ABSENT
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(digits, 6))
}

/** A ratio with its quartiles: `3.10 (3.02–3.15)`. */
export function ratio(value: Spread | null): string {
  if (value === null) return ABSENT
  const [median, low, high] = [value.median, value.low, value.high].map((part) => part.toFixed(2))
  return low === high ? (median ?? '') : `${median ?? ''} (${low ?? ''}–${high ?? ''})`
}

/** A share in per cent. */
export function percent(value: Spread | null): string {
  return value === null ? ABSENT : `${(value.median * 100).toFixed(0)} %`
}
