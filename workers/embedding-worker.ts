/**
 * The entry of a worker thread: loads one model once, then embeds packed batches with it. Its handlers never reject:
 * an error that crosses as itself would lose its code.
 *
 * Nothing native happens at the module's top level, and everything native between `tryBegin` and `end`: ending a thread
 * inside the engine aborts the whole process. No promise is left under way when a handler answers: while no task is
 * here, Piscina blocks this thread, and the rest would wait for the next one.
 */
import { threadId, workerData } from 'node:worker_threads'

import { move, transferableSymbol, valueSymbol } from 'piscina'

import { StellaError } from '../src/errors.js'
import { LoadedStellaModel } from '../src/inference/loaded-stella-model.js'
import type { EmbedTask, LoadOutcome, TaskOutcome, WorkerSetup } from './protocol.js'
import { encodeError } from './protocol.js'
import { countLoad, end, tryBegin } from './shared-counts.js'

const { info, artefact, fingerprint, threads, device, sharedWeights, shared } = workerData as WorkerSetup

let model: LoadedStellaModel | undefined

/** When the task taken last is done. */
let last: Promise<unknown> = Promise.resolve()

// Of this thread alone. It ends by itself, in whatever way: a process that is leaving must not wait for it.
process.once('exit', () => {
  end(shared)
})

/** Loads the model. */
export async function load(): Promise<LoadOutcome> {
  try {
    const { loadMs, weights } = await inTurn(async () => {
      countLoad(shared)
      model = await LoadedStellaModel.load(info, {
        artefact,
        fingerprint,
        threads,
        device,
        sharedWeights,
        tokenizer: false,
      })
      return model
    })
    return { type: 'ready', worker: threadId, loadMs, weights }
  } catch (thrown) {
    return { type: 'failed', error: encodeError(thrown, 'MODEL_LOAD_FAILED') }
  }
}

/** Embeds a batch. */
export async function embed(task: EmbedTask): Promise<TaskOutcome> {
  try {
    return await inTurn(async () => {
      if (model === undefined) throw new StellaError('INTERNAL', `The worker of ${info.key} was not told to load first`)
      const started = performance.now()
      const slab = await model.embedTokens(task, task)
      return transferring({ ok: true, slab, runMs: performance.now() - started }, slab)
    })
  } catch (thrown) {
    return { ok: false, error: encodeError(thrown, 'INTERNAL') }
  }
}

/**
 * Works on one task after the other: two may be here, and there is one busy count. Refuses once the process is leaving,
 * and lets a leaving process wait for what has begun.
 *
 * @throws {StellaError} POOL_CLOSED once runs are forbidden; and what `work` throws.
 */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = last.then(async () => {
    if (!tryBegin(shared)) throw new StellaError('POOL_CLOSED', `The worker of ${info.key} is being stopped`)
    try {
      return await work()
    } finally {
      end(shared)
    }
  })
  last = turn.catch(() => undefined)
  return turn
}

/** Piscina's form of an answer whose buffer changes owner instead of being copied. */
function transferring(outcome: TaskOutcome, slab: Float32Array): TaskOutcome {
  const answer = { [valueSymbol]: outcome, [transferableSymbol]: [slab.buffer] }
  return move(answer) as unknown as TaskOutcome
}
