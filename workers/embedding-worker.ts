/**
 * The entry of a worker thread: loads one model once, then embeds packed batches with it. Its handler never rejects
 * and its module never fails to load: Piscina would start the thread again and again.
 */
import { parentPort, threadId } from 'node:worker_threads'

import { move, transferableSymbol, valueSymbol, workerData } from 'piscina'

import { LoadedStellaModel } from '../src/inference/loaded-stella-model.js'
import type { EmbedTask, EncodedError, LoadOutcome, TaskOutcome, WorkerSetup } from './protocol.js'
import { encodeError } from './protocol.js'
import { end, enterThread, tryBegin } from './shared-counts.js'

const { info, artefact, fingerprint, threads, sharedWeights, shared } = workerData as WorkerSetup

type Loaded = { readonly model: LoadedStellaModel; readonly busy: number } | { readonly error: EncodedError }

/**
 * Loaded before the module is: while no task waits, Piscina blocks this thread, and a load still under way would stop.
 */
const loaded: Loaded = await load()

async function load(): Promise<Loaded> {
  try {
    const busy = enterThread(shared, threadId)
    const options = { artefact, fingerprint, threads, sharedWeights, tokenizer: false }
    const model = await guarded(busy, () => LoadedStellaModel.load(info, options))
    post({ type: 'ready', worker: threadId, loadMs: model.loadMs, weights: model.weights })
    return { model, busy }
  } catch (thrown) {
    const error = encodeError(thrown, 'MODEL_LOAD_FAILED')
    post({ type: 'failed', worker: threadId, error })
    return { error }
  }
}

function post(outcome: LoadOutcome): void {
  parentPort?.postMessage(outcome)
}

/**
 * Runs native code only while the process is not leaving, and lets a leaving process wait for it: ending a thread
 * inside the engine aborts the whole process.
 */
async function guarded<T>(busy: number, run: () => Promise<T>): Promise<T> {
  // The thread ends with the process, or with its pool: nobody waits for this answer.
  if (!tryBegin(shared, busy)) return new Promise<never>(() => undefined)
  try {
    return await run()
  } finally {
    end(shared, busy)
  }
}

async function handle(task: EmbedTask): Promise<TaskOutcome> {
  if ('error' in loaded) return { ok: false, error: loaded.error }
  try {
    const started = performance.now()
    const slab = await guarded(loaded.busy, () => loaded.model.embedTokens(task, task))
    return transferring({ ok: true, slab, runMs: performance.now() - started }, slab)
  } catch (thrown) {
    return { ok: false, error: encodeError(thrown, 'INTERNAL') }
  }
}

/** Piscina's form of an answer whose buffer changes owner instead of being copied. */
function transferring(outcome: TaskOutcome, slab: Float32Array): TaskOutcome {
  const answer = { [valueSymbol]: outcome, [transferableSymbol]: [slab.buffer] }
  return move(answer) as unknown as TaskOutcome
}

export default handle
