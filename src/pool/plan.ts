/** How many workers a model gets, with how many threads each, and what that costs. */
import { availableParallelism } from 'node:os'

import type { MemoryEstimate } from '../../registry/memory.js'
import { estimateMemory } from '../../registry/memory.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { RUN_TOKENS } from '../packed/packing.js'

/** What the caller fixed. */
export interface PlanRequest {
  readonly workers: number | undefined
  readonly threads: number | undefined
  /** Longest text the model will be given. */
  readonly maxLength: number
  readonly dimensions: readonly number[]
}

/** The decision. */
export interface Plan {
  readonly workers: number
  /** Threads inside each run of each worker. */
  readonly threads: number
  readonly memory: MemoryEstimate
}

/**
 * A model whose packed weights are larger than this gets one worker with all cores: each further worker would hold a
 * copy of them for a few per cent of speed (`bench/workers.ts`).
 */
const COPY_LIMIT_BYTES = 256e6

/** Chooses workers and threads for the cores this process may use. */
export function planModel(info: StellaModelInfo, request: PlanRequest): Plan {
  const cores = availableParallelism()
  const runTokens = Math.max(RUN_TOKENS, request.maxLength)
  const cost = (workers: number): MemoryEstimate =>
    estimateMemory(info, { workers, runTokens, dimensions: request.dimensions })
  const workers = request.workers ?? (cost(1).weights > COPY_LIMIT_BYTES ? 1 : cores)
  const threads = request.threads ?? Math.max(1, Math.floor(cores / workers))
  return { workers, threads, memory: cost(workers) }
}
