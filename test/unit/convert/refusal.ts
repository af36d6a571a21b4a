/** Spoils copies of tiny checkpoints and catches what describing them throws. */
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import type { StellaError } from '../../../src/errors.js'
import { failureOf } from '../../support/failure.js'
import type { TinyName } from '../../support/tiny-checkpoint.js'
import { copyOfTiny } from '../../support/tiny-checkpoint.js'

/** The CHECKPOINT_INVALID of a copy of `name` under `parent`, described after `spoil`. */
export async function refusalUnder(
  parent: string,
  name: TinyName,
  spoil: (folder: string) => Promise<void>,
): Promise<StellaError> {
  const folder = await copyOfTiny(parent, name)
  await spoil(folder)
  const error = await failureOf(() => describeCheckpoint(folder))
  if (error.code !== 'CHECKPOINT_INVALID') throw error
  return error
}
