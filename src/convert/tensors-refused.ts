/** The error for tensors that a checkpoint misses, or has and should not. */
import { StellaError } from '../errors.js'
import type { TensorReader } from '../files/safetensors.js'

/** More names than this in one message help nobody. */
const NAMES_SHOWN = 5

/** What exporters call the factors of 8-bit weights: without them the weights are wrong. */
const SCALE = /scale(_inv)?$/

/**
 * CHECKPOINT_INVALID for `tensors`.
 *
 * @param problem - What is the matter with them, as the verb of "the checkpoint" and up to their names.
 */
export function tensorsRefused(problem: string, tensors: readonly string[], reader: TensorReader): StellaError {
  const shown = tensors.slice(0, NAMES_SHOWN).join(', ')
  const rest = tensors.length > NAMES_SHOWN ? ` and ${tensors.length - NAMES_SHOWN} more` : ''
  const advice = tensors.some((name) => SCALE.test(name))
    ? '. Scales of quantised weights are not applied: save the checkpoint with them multiplied in, in bf16'
    : ''
  const files = reader.files.join(', ')
  return new StellaError('CHECKPOINT_INVALID', `${files}: the checkpoint ${problem} ${shown}${rest}${advice}`, {
    details: { folder: reader.folder, files: [...reader.files], tensors: tensors.slice(0, 100) },
  })
}
