/** Catches what is expected to fail, and insists that it fails with a StellaError. */
import { StellaError } from '../../src/errors.js'

/** The StellaError that `work` throws or rejects with; anything else fails the test. */
export async function failureOf(work: () => unknown): Promise<StellaError> {
  let result: unknown
  try {
    result = await work()
  } catch (error) {
    if (error instanceof StellaError) return error
    throw error
  }
  throw new Error(`expected a StellaError, but it gave ${typeof result}`)
}
