/** Numbers as reports write them. */

/** Digits after the point of a score: its figures are exact to as many. */
const SCORE_DIGITS = 4

/** A score, such as `0.8123`. */
export function scoreText(score: number): string {
  return score.toFixed(SCORE_DIGITS)
}

/** A count, such as `12,345`. */
export function countText(count: number): string {
  return count.toLocaleString('en')
}

/** A count and what it counts: `1 pair`, `12 pairs`. */
export function pairsText(count: number): string {
  return `${countText(count)} ${count === 1 ? 'pair' : 'pairs'}`
}

/** A share of a whole, such as `12.5 %`; small ones are not 0. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '0 %'
  const percent = (part / whole) * 100
  return part > 0 && percent < 0.1
    ? '< 0.1 %'
    : `${percent.toFixed(percent >= 10 || Number.isInteger(percent) ? 0 : 1)} %`
}

/** A time, such as `850 ms`, `12.3 s` or `3 min 20 s`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return `${countText(Math.floor(whole / 60))} min ${whole % 60} s`
}
