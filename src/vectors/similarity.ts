/** How alike two vectors are. Knows numbers only: no model, no text. */
import { StellaError } from '../errors.js'
import { cosineOf } from './metric.js'

/**
 * Sum of products, in float64 whatever the vectors are stored as.
 *
 * @param a - `[dimensions]`
 * @param b - `[dimensions]`, as many as `a`
 * @throws {StellaError} INPUT_INVALID when the sizes differ or are 0, or a number is not finite.
 */
export function dotProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkSizes(a, b)
  return finite(sumOfProducts(a, b))
}

/**
 * Cosine of the angle between two vectors, from -1 to 1. A vector of zeros has no direction: its cosine with anything,
 * itself included, is 0.
 *
 * @param a - `[dimensions]`
 * @param b - `[dimensions]`, as many as `a`
 * @throws {StellaError} INPUT_INVALID when the sizes differ or are 0, or a number is not finite.
 */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkSizes(a, b)
  const product = finite(sumOfProducts(a, b))
  return cosineOf(product, finite(Math.sqrt(sumOfProducts(a, a)) * Math.sqrt(sumOfProducts(b, b))))
}

/** Adds up from the first dimension to the last: the order that the blocked loops keep, so that they agree to the bit. */
function sumOfProducts(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}

function checkSizes(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length === b.length && a.length > 0) return
  throw new StellaError(
    'INPUT_INVALID',
    a.length === b.length
      ? 'Expected two vectors of at least one dimension; got empty ones'
      : `Expected two vectors of the same size; got ${a.length} and ${b.length} dimensions. ` +
          'Embed both with one model and one `dimensions`',
    { details: { dimensions: [a.length, b.length] } },
  )
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value
  throw new StellaError('INPUT_INVALID', 'Expected vectors of finite numbers; got NaN, Infinity, or too large a number')
}
