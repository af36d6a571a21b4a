/** How many workers a model gets, with how many threads each, and what that costs. */
import type { MemoryEstimate, WeightPrecision } from '../../registry/memory.js'
import { MIN_SHARED_BYTES, estimateMemory } from '../../registry/memory.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { RUN_TOKENS } from '../packed/packing.js'

/** What is to be planned for. */
export interface PlanRequest {
  /** Cores this process may keep busy. */
  readonly cores: number
  /** Bytes that the model may take. */
  readonly available: number
  /** What the caller fixed; kept whatever it costs. */
  readonly workers: number | undefined
  readonly threads: number | undefined
  /** Longest text the model will be given. */
  readonly maxLength: number
  readonly dimensions: readonly number[]
  readonly precision: WeightPrecision
  /** Undefined while nobody knows: what the size of the weights lets expect. */
  readonly weights: 'shared' | 'own' | undefined
  /** Bytes of the artefact's weights; undefined before there is one. */
  readonly storedBytes: number | undefined
}

/** The decision. */
export interface Plan {
  /** Threads that each load the model, at most. */
  readonly workers: number
  /** Threads inside each run of each worker. */
  readonly threads: number
  /** Of the weights. */
  readonly precision: WeightPrecision
  /** May be more than is available: then not even one worker fits, or the caller wants more than do. */
  readonly memory: MemoryEstimate
}

/** What one worker of a plan takes, in bytes. */
export function workerBytes({ memory }: Plan): number {
  return memory.weights + memory.scratch + memory.base
}

/** What a plan takes with so many workers. */
export function planMemory(plan: Plan, workers: number): MemoryEstimate {
  return { ...plan.memory, total: plan.memory.shared + plan.memory.once + workers * workerBytes(plan) }
}

/**
 * Packed weights of a worker's own that are larger than this are not copied for speed, in bytes: the model gets one
 * worker with all cores.
 */
const COPY_LIMIT_BYTES = 256e6

/**
 * Most workers of a model where the caller names no number. Each holds activations and a thread's isolate, and a text
 * alone has the threads of one worker only: cores beyond go into those. Not measured: it takes more cores than
 * `bench/workers.ts` has run on.
 */
export const MAX_WORKERS = 4

/**
 * Threads of a run, where there are cores for them. The 400M on 2 cores (`bench/workers.ts`), two workers with a thread
 * each against one with two threads:
 *
 * | precision | many calls at once  | a call of 4 × 64 tokens | one text of 32 tokens |
 * | --------- | ------------------- | ----------------------- | --------------------- |
 * | fp32      | 1.10 × the tokens/s | 1.94 × the time         | 1.89 × the time       |
 * | int8      | 1.17 × the tokens/s | 1.60 × the time         | 1.49 × the time       |
 *
 * In fp32 two threads are worth nearly two workers, for half the memory and half the wait. What int8 does between its
 * matrix products divides less well, and many calls are what a second worker is for. Two workers with two threads each
 * are as quick with one text as one, and 5 % (int8) to 17 % (fp32) behind with many.
 */
const RUN_THREADS: Readonly<Record<WeightPrecision, number>> = { fp32: 2, int8: 1, int4: 1 }

/** Speed of a run on so many threads is that of one, times their number to this power: 1.7 times on two, in int8. */
const THREAD_GAIN = 0.77

/**
 * Chooses workers and threads.
 *
 * - A worker for each core, or each two in fp32, as far as {@link MAX_WORKERS}; of more cores each run gets more threads.
 *   A model so small that it is not shared gets a worker for each core in any precision.
 * - One worker with all cores where every worker would hold a large copy of the weights.
 * - Fewer workers where memory is short, down to one. What the caller fixed is kept: it is for the ledger to refuse.
 * - Workers × threads never exceed the cores, unless the caller says so.
 */
export function planModel(info: StellaModelInfo, request: PlanRequest): Plan {
  const { cores, precision, weights, storedBytes, dimensions } = request
  const runTokens = Math.max(RUN_TOKENS, request.maxLength)
  const cost = (count: number): MemoryEstimate =>
    estimateMemory(info, { workers: count, runTokens, dimensions, precision, weights, storedBytes })
  const one = cost(1)
  const copies = one.weights > COPY_LIMIT_BYTES
  const isSmall = one.shared + one.weights < MIN_SHARED_BYTES
  const fits = (count: number): boolean => !copies && cost(count).total <= request.available
  const workers = request.workers ?? fastest(request, isSmall ? 1 : RUN_THREADS[precision], fits)
  const threads = request.threads ?? Math.max(1, Math.floor(cores / workers))
  return { workers, threads, precision, memory: cost(workers) }
}

/** Workers for the most tokens a second of those that `fits` allows; one is always allowed. */
function fastest({ cores, threads }: PlanRequest, leastThreads: number, fits: (workers: number) => boolean): number {
  const most = Math.min(MAX_WORKERS, Math.floor(cores / (threads ?? leastThreads)))
  const speed = (workers: number): number => workers * (threads ?? Math.floor(cores / workers)) ** THREAD_GAIN
  let best = 1
  for (let workers = 2; workers <= most && fits(workers); workers++) {
    if (speed(workers) >= speed(best)) best = workers
  }
  return best
}
