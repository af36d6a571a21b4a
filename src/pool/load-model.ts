/** From a descriptor to a model that takes calls: memory first, then the artefact, then the workers. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { StellaError } from '../errors.js'
import { throwIfAborted } from '../files/cancellation.js'
import type { RespawnBackoff } from './backoff.js'
import type { Backend, PreparedModel, WorkerFacts } from './backend.js'
import type { Governor } from './governor.js'
import type { MemoryArithmetic, MemoryGrant } from './memory-ledger.js'
import type { ModelMeters } from './model-meters.js'
import type { Plan } from './plan.js'
import { planMemory } from './plan.js'
import type { ResolvedPoolOptions } from './pool-options.js'
import type { Reclaimable } from './reclaim.js'
import type { BatchReport } from './served-model.js'
import { ServedModel } from './served-model.js'
import type { Tell } from './tell.js'
import { loadTracing } from './tracing.js'

/** What to load with. */
export interface LoadRequest {
  readonly backend: Backend
  readonly governor: Governor
  readonly options: ResolvedPoolOptions
  /** Whose memory it will be. */
  readonly requester: Reclaimable
  readonly meters: ModelMeters
  readonly backoff: RespawnBackoff
  readonly tell: Tell
  /** It was loaded, and has since lost all its workers for good. */
  readonly onStranded: () => void
  /** Heads that the first calls want; undefined where the model has none. */
  readonly dimensions: readonly number[] | undefined
  readonly signal: AbortSignal
  /** From now on it loads to its end, whatever the signal says: a thread cannot be stopped while it loads. */
  readonly onCommitted: (grant: MemoryGrant) => void
}

/**
 * Takes the memory of the workers that every load starts, makes sure of the artefact, and starts them. Others join them
 * when there is work for them. On failure nothing stays behind.
 *
 * @throws {StellaError} MEMORY_EXHAUSTED, before anything is read where the model cannot fit, or once it shows that it
 * takes more than it might have; what preparing and loading throw; ABORTED.
 */
export function loadModel(info: StellaModelInfo, request: LoadRequest): Promise<ServedModel> {
  if (!loadTracing.active) return load(info, request)
  return loadTracing.run(
    () => ({ model: info.key }),
    async (trace) => {
      const served = await load(info, request)
      if (trace !== undefined) trace.precision = served.precision
      return served
    },
  )
}

async function load(info: StellaModelInfo, request: LoadRequest): Promise<ServedModel> {
  const { backend, governor, options, requester, signal } = request
  const least = options.workers ?? 1
  const estimate = backend.estimate(info, governor.attainable(requester))
  const grant = await governor.acquire(requester, ...cost(estimate, least), signal)
  let model: PreparedModel | undefined
  let served: ServedModel | undefined
  try {
    model = await backend.prepare(info, { dimensions: request.dimensions, signal })
    const plan = model.plan(governor.attainable(requester) + grant.bytes)
    await governor.resize(grant, ...cost(plan, least), signal)
    // What every load starts with stays charged: a lost worker has its memory to come back to.
    const charge = (workers: number): boolean => grant.tryResize(planMemory(plan, Math.max(workers, least)).total)
    const { idleTimeoutMs } = options
    const most = Math.max(least, plan.workers)
    served = new ServedModel({
      ...{ model, plan, grant, meters: request.meters },
      crew: { least, most, idleTimeoutMs, charge, backoff: request.backoff },
      ...observers(request),
      onStranded: request.onStranded,
    })
    throwIfAborted(signal, `loading ${info.key}`)
    request.onCommitted(grant)
    await Promise.all([model.ready(), served.crew.start(least)])
    return served
  } catch (error) {
    try {
      await served?.crew.close()
      await model?.close()
    } finally {
      grant.release()
    }
    throw error
  }
}

/** What to charge for so many workers, and what that is made of. */
function cost(plan: Plan, workers: number): [bytes: number, arithmetic: MemoryArithmetic] {
  const memory = planMemory(plan, workers)
  return [memory.total, { workers, precision: plan.precision, ...memory }]
}

function observers({ tell, meters }: LoadRequest) {
  return {
    crewObserver: {
      onSpawning: () => {
        tell('workerSpawning', {})
      },
      onReady: ({ worker, loadMs }: WorkerFacts) => {
        meters.workerLoaded(loadMs)
        tell('workerReady', { worker, loadMs })
      },
      onLost: (worker: number, error: StellaError) => {
        tell('workerLost', { worker, message: error.message })
      },
      onRetired: (worker: number) => {
        tell('workerEvicted', { worker })
      },
    },
    onBatch: (report: BatchReport) => {
      tell('batchCompleted', report)
    },
  }
}
