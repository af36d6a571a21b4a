/**
 * The entry of a process that packs the weights of one artefact, checks them and ends. A process of its own, because
 * it blocks for seconds, holds a copy of the weights meanwhile, and runs kernels on memory nobody has run them on: what
 * goes wrong there must not take a server with it.
 */
import { makePackedWeights } from '../src/inference/make-packed-weights.js'
import type { PackOrder, PackOutcome } from './pack-protocol.js'
import { encodeError } from './protocol.js'

// Whoever asked is gone: nobody will rename what is made here into place.
process.once('disconnect', () => process.exit())

process.once('message', (order) => {
  void answer(order as PackOrder)
})

async function answer(order: PackOrder): Promise<void> {
  let outcome: PackOutcome
  try {
    outcome = { ok: true, check: await makePackedWeights(order) }
  } catch (error) {
    outcome = { ok: false, error: encodeError(error, 'INTERNAL') }
  }
  process.send?.(outcome, () => {
    process.disconnect()
  })
}
