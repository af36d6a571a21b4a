/**
 * Seeded random numbers that come out the same on every machine: a 32-bit generator and normal deviates from a table.
 * Uses only IEEE-exact arithmetic (no Math.log, Math.cos), and knows nothing of models or files.
 */

/** Entries of the normal table: one per 16-bit draw. */
const TABLE_SIZE = 65_536

/** Draws thrown away after seeding, so that similar seeds part company (the sfc32 author's advice is 12 or more). */
const WARM_UP_DRAWS = 16

/** A stream of random numbers; the same seed gives the same stream. */
export interface Random {
  /** Uniform in [0, 2^32). */
  readonly nextUint32: () => number
  /** Uniform in [0, 1), 32 bits fine. */
  readonly nextFloat: () => number
  /** Fills `target` with normal deviates of this mean and standard deviation; none is further out than 4.33 deviations. */
  readonly fillNormal: (target: Float32Array, mean: number, deviation: number) => void
}

/** Independent streams of one seed, by name. */
export function randomStreams(seed: number): (name: string) => Random {
  const normals = normalTable()
  return (name) => createRandom(`${seed}:${name}`, normals)
}

/** A stream seeded by any text. Generator: sfc32 (C. Doty-Humphrey, PractRand; public domain). */
function createRandom(seed: string, normals: Float64Array): Random {
  let [a, b, c, counter] = seedWords(seed)

  const nextUint32 = (): number => {
    const output = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + output) | 0
    return output >>> 0
  }

  const fillNormal = (target: Float32Array, mean: number, deviation: number): void => {
    // The generator's step is repeated here on locals: a call per number would triple the time of a 6 GB checkpoint.
    let [p, q, r, n] = [a, b, c, counter]
    for (let i = 0; i < target.length; i += 2) {
      const output = (p + q + n) | 0
      n = (n + 1) | 0
      p = q ^ (q >>> 9)
      q = (r + (r << 3)) | 0
      r = (((r << 21) | (r >>> 11)) + output) | 0
      target[i] = mean + deviation * (normals[output & 0xffff] ?? 0)
      // Past the end of an odd-length array this write is dropped, as typed arrays do.
      target[i + 1] = mean + deviation * (normals[output >>> 16] ?? 0)
    }
    ;[a, b, c, counter] = [p, q, r, n]
  }

  for (let draw = 0; draw < WARM_UP_DRAWS; draw++) nextUint32()
  return { nextUint32, nextFloat: () => nextUint32() / 2 ** 32, fillNormal }
}

/** Four state words from a text: FNV-1a over its UTF-16 units, then a murmur3-style finaliser per word. */
function seedWords(seed: string): [number, number, number, number] {
  let hash = 0x811c9dc5
  for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193)
  const word = (index: number): number => {
    let h = (hash + Math.imul(index + 1, 0x9e3779b9)) | 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) | 0
  }
  return [word(0), word(1), word(2), 1]
}

/** Quantiles of the standard normal at (i + ½) / 65536. */
function normalTable(): Float64Array {
  return Float64Array.from({ length: TABLE_SIZE }, (_, i) => normalQuantile((i + 0.5) / TABLE_SIZE))
}

/** Inverse of the normal distribution function: P. J. Acklam's rational approximation, relative error under 1.2e-9. */
function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p)
  if (p >= 0.02425) {
    const q = p - 0.5
    const r = q * q
    return (
      (q *
        polynomial(
          r,
          [
            -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
            2.506628277459239,
          ],
        )) /
      polynomial(
        r,
        [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
      )
    )
  }
  const q = Math.sqrt(-2 * exactLog(p))
  return (
    polynomial(
      q,
      [
        -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
        2.938163982698783,
      ],
    ) / polynomial(q, [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1])
  )
}

/** Horner's rule, highest power first. */
function polynomial(x: number, coefficients: readonly number[]): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0)
}

/** Natural logarithm of 0 < x < 1 from additions and divisions only: engines may differ in the last bit of Math.log. */
function exactLog(x: number): number {
  let mantissa = x
  let halvings = 0
  while (mantissa < 0.75) {
    mantissa *= 2
    halvings++
  }
  const t = (mantissa - 1) / (mantissa + 1)
  let sum = 0
  for (let power = 29; power >= 1; power -= 2) sum = sum * t * t + 1 / power
  return 2 * t * sum - halvings * Math.LN2
}
