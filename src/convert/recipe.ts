/** Which way of building graphs an artefact was made with. */
import { StellaError } from '../errors.js'
import type { Manifest } from '../files/manifest.js'

/**
 * Raise `version` with every change of the graphs or of the artefact's files: older artefacts are made again, and
 * fingerprints differ.
 */
export const RECIPE = { name: 'packed', version: 2 } as const

/** ONNX file format version that ONNX 1.19 pairs with operator set 24 (https://github.com/onnx/onnx/blob/main/docs/Versioning.md). */
export const IR_VERSION = 12

/** Operator sets: `Attention` with key lengths needs 24. */
export const OPSETS = { '': 24, 'com.microsoft': 1 } as const

/** A precision an artefact can have. */
export type Precision = Manifest['precision']

/** The precisions an artefact can be made in. */
export const PRECISIONS = ['fp32', 'int8', 'int4'] as const satisfies readonly Precision[]

/** What a caller may ask for: `auto` is the fastest precision that is faithful enough on this checkpoint. */
export type PrecisionRequest = 'auto' | Precision

/**
 * The request, checked.
 *
 * @throws {StellaError} OPTION_INVALID naming what is accepted.
 */
export function checkPrecision(request: PrecisionRequest): PrecisionRequest {
  const accepted = ['auto', ...PRECISIONS] as const
  if (accepted.includes(request)) return request
  const given: unknown = request
  throw new StellaError(
    'OPTION_INVALID',
    `Expected \`precision\` to be ${accepted.join(', ')}; got ${String(given)} (${typeof given})`,
    { details: { option: 'precision', accepted } },
  )
}
