/** What is known of a model's needs before anything is read. The same for every engine: a fake one is charged alike. */
import type { WeightPrecision } from '../../registry/memory.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { isWorthQuantising } from '../convert/auto-precision.js'
import { availableCores } from '../runtime/cores.js'
import type { PlanRequest } from './plan.js'
import type { PoolOptions } from './pool-options.js'

/** Options that say what a model takes. */
export type PlanOptions = Pick<PoolOptions, 'workers' | 'threads' | 'maxLength' | 'precision' | 'sharedWeights'>

/** What to plan for, as far as the descriptor and the options tell. */
export function planRequest(info: StellaModelInfo, options: PlanOptions): Omit<PlanRequest, 'available'> {
  return {
    cores: availableCores(),
    workers: options.workers,
    threads: options.threads,
    maxLength: Math.min(options.maxLength ?? info.tokens.max, info.tokens.max),
    // All heads are charged: any of them may be asked for, by any call, without a reload.
    dimensions: info.heads.map((head) => head.dimensions),
    precision: leastPrecision(info, options.precision),
    weights: options.sharedWeights === false ? 'own' : undefined,
    storedBytes: undefined,
  }
}

/** The precision that takes least of those that may come of the request. */
function leastPrecision(info: StellaModelInfo, request: PlanOptions['precision'] = 'auto'): WeightPrecision {
  if (request !== 'auto') return request
  return isWorthQuantising(info) ? 'int8' : 'fp32'
}
