/** One batch on one worker: packed, traced where anyone listens, and of the right size. Knows no scheduler. */
import type { StellaModelInfo } from '../../registry/types.js'
import { packTexts } from '../packed/packing.js'
import type { Batch } from '../scheduler/scheduler.js'
import type { RunResult } from './backend.js'
import type { CrewMember } from './crew-contract.js'
import { wrongSize } from './text-errors.js'
import { batchTracing } from './tracing.js'

/** @throws {StellaError} as the worker; INTERNAL where it gives more numbers than the batch has, or fewer. */
export async function runBatch(info: StellaModelInfo, member: CrewMember, batch: Batch<unknown>): Promise<RunResult> {
  const result = await traced(info, member, batch)
  const expected = batch.texts.length * batch.variant.dimensions
  if (result.slab.length !== expected) throw wrongSize(info, expected, result.slab.length)
  return result
}

function traced(
  { key }: StellaModelInfo,
  { run, worker }: CrewMember,
  { texts, tokens, variant, suspect }: Batch<unknown>,
): Promise<RunResult> {
  if (!batchTracing.active) return run(packTexts(texts), variant, suspect)
  return batchTracing.run(
    () => ({ model: key, worker, texts: texts.length, tokens }),
    async (trace) => {
      const result = await run(packTexts(texts), variant, suspect)
      if (trace !== undefined) trace.runMs = result.runMs
      return result
    },
  )
}
