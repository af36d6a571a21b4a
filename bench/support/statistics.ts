/** Medians, quantiles and ratios of timings, and how timings are taken so that drift cancels. Knows no model. */

/** A figure with its quartiles: how much it moved between rounds. */
export interface Spread {
  readonly median: number
  /** First quartile. */
  readonly low: number
  /** Third quartile. */
  readonly high: number
}

/** Something to time. Resolves to milliseconds where it has measured itself, else the clock around it counts. */
export type Work = () => Promise<unknown>

/**
 * The value below which `share` of the values lie, interpolated between neighbours.
 *
 * @param share - From 0 to 1.
 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('a quantile of no values')
  const sorted = [...values].sort((a, b) => a - b)
  const place = share * (sorted.length - 1)
  const [below = NaN, above = below] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return below + (above - below) * (place - Math.floor(place))
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Median and quartiles. */
export function spread(values: readonly number[]): Spread {
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) }
}

/**
 * The ratio of two series round by round. What slows the machine slows both halves of a round, so this moves less than
 * the ratio of two medians.
 */
export function pairedRatio(numerators: readonly number[], denominators: readonly number[]): Spread {
  if (numerators.length !== denominators.length) {
    throw new Error(`${numerators.length} numerators, ${denominators.length} denominators: not of the same rounds`)
  }
  return spread(numerators.map((value, round) => value / (denominators[round] ?? NaN)))
}

/**
 * Milliseconds of every work in every round. Works take turns, so that drift of the machine falls on all of them alike;
 * a round before the first warms up and is not counted.
 *
 * @param onRound - Called after each round, the warm-up included as round 0.
 * @returns `[work][round]`
 */
export async function takeTurns(
  works: readonly Work[],
  rounds: number,
  onRound: (round: number) => void = () => undefined,
): Promise<readonly (readonly number[])[]> {
  const samples = works.map((): number[] => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [index, work] of works.entries()) {
      const started = performance.now()
      const measured = await work()
      const elapsed = performance.now() - started
      if (round > 0) samples[index]?.push(typeof measured === 'number' ? measured : elapsed)
    }
    onRound(round)
  }
  return samples
}
