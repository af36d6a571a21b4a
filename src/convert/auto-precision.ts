/** What `auto` means for a checkpoint: int8 where it is faithful enough and worth it, else fp32. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { Manifest } from '../files/manifest.js'
import { passesAuto } from './fidelity-bars.js'

/**
 * float32 bytes of all layers below which `auto` stays with fp32: such weights fit a cache, where rounding activations
 * costs as much as it saves (`bench/small-models.ts`), and memory is no concern.
 */
const WORTH_QUANTISING_BYTES = 32e6

/** Whether int8 would gain anything on this model. */
export function isWorthQuantising({ parameters }: StellaModelInfo): boolean {
  return parameters.layers * Float32Array.BYTES_PER_ELEMENT >= WORTH_QUANTISING_BYTES
}

/**
 * What artefacts made before settle: an int8 one is its own judge, an fp32 one remembers what was refused.
 *
 * @returns undefined when nothing was tried yet.
 */
export function settledBefore(int8: Manifest | undefined, fp32: Manifest | undefined): 'int8' | 'fp32' | undefined {
  if (int8 !== undefined) return passesAuto(int8.fidelity) ? 'int8' : 'fp32'
  return (fp32?.rejected ?? []).length > 0 ? 'fp32' : undefined
}

/** What an fp32 artefact is to remember of an int8 one; undefined where `auto` may take the int8 one. */
export function rejectionOf({ precision, fidelity }: Manifest): NonNullable<Manifest['rejected']> | undefined {
  if (precision !== 'int8' || passesAuto(fidelity)) return undefined
  return fidelity === null ? [] : [{ precision, fidelity }]
}
