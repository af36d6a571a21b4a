/** Where the marks of an axis stand: at round numbers. Knows no picture. */

/** Marks of the axis of scores, about. */
const SCORE_TICKS = 8

/** Marks of the axis of counts besides 0, at most. */
const COUNT_TICKS = 4

/** Counts from 0 to at least `most`, evenly apart. */
export function countTicks(most: number): readonly number[] {
  const step = Math.max(1, roundStep(most / COUNT_TICKS))
  return Array.from({ length: Math.ceil(Math.max(1, most) / step) + 1 }, (_, tick) => tick * step)
}

/** Scores within `low` and `high`, and how many digits after the point tell them apart. */
export function axisTicks(low: number, high: number): { readonly ticks: readonly number[]; readonly decimals: number } {
  const step = roundStep((high - low) / SCORE_TICKS)
  // What rounding adds to a bound must not cost its mark.
  const slack = step / 1e6
  const first = Math.ceil((low - slack) / step)
  const last = Math.floor((high + slack) / step)
  const ticks = Array.from({ length: last - first + 1 }, (_, tick) => (first + tick) * step)
  return { ticks, decimals: decimalsOf(step) }
}

/** Digits after the point that write a multiple of `step`, which has one digit, without loss. */
export function decimalsOf(step: number): number {
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
}

/** 1, 2 or 5 times a power of ten, and not below `least`. */
function roundStep(least: number): number {
  if (least <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(least))
  const found = [1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9))
  return (found ?? 10) * power
}
