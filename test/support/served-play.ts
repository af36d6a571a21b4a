/** A loaded model on a hand-made engine, with its queue's budget, its memory and what it told. */
import { STELLA_NANO } from '../../registry/index.js'
import type { EmbedInput } from '../../src/inference/embed-texts.js'
import type { BatchEmbedOptions } from '../../src/inference/options.js'
import { resolveEmbedOptions } from '../../src/inference/options.js'
import { RespawnBackoff } from '../../src/pool/backoff.js'
import { MemoryLedger } from '../../src/pool/memory-ledger.js'
import { ModelMeters } from '../../src/pool/model-meters.js'
import type { FailureMode } from '../../src/pool/pending-call.js'
import { planMemory } from '../../src/pool/plan.js'
import type { BatchReport } from '../../src/pool/served-model.js'
import { ServedModel } from '../../src/pool/served-model.js'
import type { TextOutcome } from '../../src/pool/text-outcome.js'
import type { EmbedTrace } from '../../src/pool/tracing.js'
import type { QueueLimits } from '../../src/scheduler/queue-budget.js'
import { QUEUE_LIMITS, QueueBudget } from '../../src/scheduler/queue-budget.js'
import type { Lane } from '../../src/scheduler/scheduler.js'
import type { Automatic, ManualRun, ManualWorker } from './manual-engine.js'
import { ManualEngine, SHARED_BYTES, WORKER_BYTES } from './manual-engine.js'

/** How to call. */
export interface PlayCall extends BatchEmbedOptions {
  readonly lane?: Lane
  readonly mode?: FailureMode
  readonly trace?: EmbedTrace
}

/** See the head of this file. */
export interface ServedPlay {
  readonly served: ServedModel
  readonly engine: ManualEngine
  readonly ledger: MemoryLedger
  readonly queue: QueueBudget
  readonly meters: ModelMeters
  readonly batches: BatchReport[]
  readonly stranded: () => number
  /** As a slot does it: with a reservation, which is released when the call has ended. */
  readonly embed: (inputs: readonly EmbedInput[], call?: PlayCall) => Promise<readonly TextOutcome[]>
  readonly worker: (place: number) => ManualWorker
  /** A batch under way. */
  readonly run: (place?: number) => ManualRun
}

/** Starts it with one worker. */
export async function playServed(
  options: {
    readonly most?: number
    readonly automatic?: Partial<Automatic>
    readonly limits?: Partial<QueueLimits>
  } = {},
): Promise<ServedPlay> {
  const engine = new ManualEngine(options.most ?? 1)
  const model = await engine.prepare(STELLA_NANO, { dimensions: undefined, signal: new AbortController().signal })
  const ledger = new MemoryLedger(1000)
  const plan = model.plan(1000)
  const memory = planMemory(plan, 1)
  const grant = ledger.grant('model', memory.total, { workers: 1, precision: 'fp32', ...memory })
  const queue = new QueueBudget({ limits: { ...QUEUE_LIMITS, ...options.limits } })
  const meters = new ModelMeters()
  const batches: BatchReport[] = []
  let stranded = 0
  const nothing = (): void => undefined
  const served = new ServedModel({
    ...{ model, plan, grant, meters },
    crew: {
      ...{ least: 1, most: plan.workers, idleTimeoutMs: Number.POSITIVE_INFINITY },
      charge: (workers) => grant.tryResize(SHARED_BYTES + Math.max(1, workers) * WORKER_BYTES),
      backoff: new RespawnBackoff(() => 0),
    },
    crewObserver: {
      ...{ onSpawning: nothing, onLost: nothing, onRetired: nothing },
      onReady: ({ loadMs }) => {
        meters.workerLoaded(loadMs)
      },
    },
    onBatch: (report) => batches.push(report),
    onStranded: () => stranded++,
  })
  await served.crew.start(1)
  Object.assign(engine.automatic, options.automatic)
  return {
    ...{ served, engine, ledger, queue, meters, batches },
    stranded: () => stranded,
    embed: async (inputs, { lane = 'bulk', mode = 'all-or-none', trace, ...rest } = {}) => {
      const reservation = queue.reserve({ texts: inputs.length, bytes: 2 * inputs.length })
      try {
        const embed = resolveEmbedOptions(STELLA_NANO, rest)
        return await served.embed(inputs, embed, { reservation, lane, mode, trace })
      } finally {
        reservation.release()
      }
    },
    worker: (place) => at(engine.workers, place),
    run: (place = 0) => at(engine.running, place),
  }
}

/** The vectors of texts of which none failed. */
export function vectorsOf(outcomes: readonly TextOutcome[]): readonly Float32Array[] {
  return outcomes.map((outcome) => {
    if (!outcome.ok) throw outcome.error
    return outcome.embedding
  })
}

function at<T>(items: readonly T[], place: number): T {
  const item = items[place]
  if (item === undefined) throw new Error(`there is no ${place} of ${items.length}`)
  return item
}
