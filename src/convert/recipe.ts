/** Which way of building graphs an artefact was made with. */
import { StellaError } from '../errors.js'

/**
 * Raise `version` with every change of the graphs or of the artefact's files: older artefacts are made again, and
 * fingerprints differ.
 */
export const RECIPE = { name: 'packed', version: 1 } as const

/** ONNX file format version that ONNX 1.19 pairs with operator set 24 (https://github.com/onnx/onnx/blob/main/docs/Versioning.md). */
export const IR_VERSION = 12

/** Operator sets: `Attention` with key lengths needs 24. */
export const OPSETS = { '': 24, 'com.microsoft': 1 } as const

/** The precisions this version makes. */
export const PRECISIONS = ['fp32'] as const

/** A precision an artefact can have. */
export type Precision = (typeof PRECISIONS)[number]

/** What a caller may ask for: `auto` is the fastest precision that is faithful enough, here always fp32. */
export type PrecisionRequest = 'auto' | Precision

/**
 * The precision a request stands for.
 *
 * @throws {StellaError} OPTION_INVALID naming what is accepted.
 */
export function resolvePrecision(request: PrecisionRequest): Precision {
  if (request === 'auto') return 'fp32'
  if (PRECISIONS.includes(request)) return request
  const given: unknown = request
  const accepted = ['auto', ...PRECISIONS]
  throw new StellaError(
    'OPTION_INVALID',
    `Expected \`precision\` to be ${accepted.join(', ')}; got ${String(given)} (${typeof given})`,
    { details: { option: 'precision', accepted } },
  )
}
