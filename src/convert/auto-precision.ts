/** What `auto` means for a checkpoint: int8 where it is faithful enough and worth it, else fp32. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { Manifest } from '../files/manifest.js'
import { passesAuto } from './fidelity-bars.js'

/**
 * float32 bytes of all layers below which `auto` stays with fp32: memory is no concern there, and a conversion that
 * measures would take longer than all the embedding it speeds up. A judgement; only the size of the embedded model and
 * those of the Stella models were looked at.
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

/** An int8 artefact that `auto` may not take; thrown and caught inside this folder. */
export class RefusedByAuto extends Error {
  /** What the fp32 artefact that is made instead is to remember. */
  readonly rejected: NonNullable<Manifest['rejected']>

  constructor(rejected: NonNullable<Manifest['rejected']>) {
    super('int8 is not faithful enough on this checkpoint')
    this.rejected = rejected
  }
}

/** @throws {RefusedByAuto} */
export function acceptForAuto({ precision, fidelity, calibration }: Manifest): void {
  if (precision !== 'int8' || passesAuto(fidelity)) return
  const known = fidelity !== null && calibration !== null
  throw new RefusedByAuto(known ? [{ precision, fidelity, calibration: calibration.sha256 }] : [])
}
