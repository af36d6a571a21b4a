/** How well two rankings agree, and how well scores tell two classes apart. Knows numbers only. */

/** Ranks from 0, of equal values their mean. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i)
  order.sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  const found = new Float64Array(values.length)
  for (let start = 0; start < order.length;) {
    let end = start + 1
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++
    for (let i = start; i < end; i++) found[order[i] ?? 0] = (start + end - 1) / 2
    start = end
  }
  return found
}

/** Spearman's correlation: Pearson's, of the ranks. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const x = ranks(a)
  const y = ranks(b)
  // Both have the ranks 0 to n - 1, so one mean.
  const mean = (x.length - 1) / 2
  let xy = 0
  let xx = 0
  let yy = 0
  for (let i = 0; i < x.length; i++) {
    const dx = (x[i] ?? 0) - mean
    const dy = (y[i] ?? 0) - mean
    xy += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  return xy / Math.sqrt(xx * yy)
}

/** Chance that a score of a positive is above one of a negative: the area under the ROC curve (Mann and Whitney). */
export function areaUnderCurve(scores: readonly number[], positive: readonly boolean[]): number {
  const found = ranks(scores)
  const count = positive.filter(Boolean).length
  let sum = 0
  for (const [i, isPositive] of positive.entries()) if (isPositive) sum += found[i] ?? 0
  return (sum - (count * (count - 1)) / 2) / (count * (positive.length - count))
}
