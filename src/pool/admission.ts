/**
 * A model's way into the budget. What it takes is known in two steps: at first what it takes at least, so that a model
 * that cannot fit is refused before anything is read, converted or downloaded; then what its artefact says.
 */
import type { WeightPrecision } from '../../registry/memory.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { BACKBONE_FILE } from '../convert/artefact-files.js'
import { isWorthQuantising } from '../convert/auto-precision.js'
import type { Manifest } from '../files/manifest.js'
import { availableCores } from '../runtime/cores.js'
import type { MemoryGrant, MemoryLedger } from './memory-ledger.js'
import type { Plan, PlanRequest } from './plan.js'
import { planModel } from './plan.js'
import type { ResolvedPoolOptions } from './pool-options.js'

/** Options that say what a model takes. */
export type AdmissionOptions = Pick<
  ResolvedPoolOptions,
  'workers' | 'threads' | 'maxLength' | 'precision' | 'sharedWeights'
>

/** A model's grant, from the first estimate to the last. */
export class Admission {
  readonly grant: MemoryGrant
  readonly #info: StellaModelInfo
  readonly #ledger: MemoryLedger
  readonly #request: Omit<PlanRequest, 'available'>

  /** @throws {StellaError} MEMORY_EXHAUSTED where the model does not fit in the least it can take. */
  constructor(info: StellaModelInfo, ledger: MemoryLedger, options: AdmissionOptions) {
    this.#info = info
    this.#ledger = ledger
    this.#request = {
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
    const { memory, workers, precision } = planModel(info, { ...this.#request, available: ledger.available })
    this.grant = ledger.grant(info.key, memory.total, { workers, precision, ...memory })
  }

  /**
   * The plan for the artefact that came of it, and how its weights are held; the grant is what that takes.
   *
   * @throws {StellaError} MEMORY_EXHAUSTED where it takes more than is left; the grant is as it was.
   */
  settle(manifest: Manifest, weights: 'shared' | 'own'): Plan {
    const { precision, files } = manifest
    const plan = planModel(this.#info, {
      ...this.#request,
      precision,
      weights,
      storedBytes: files[`${BACKBONE_FILE}.data`]?.bytes,
      available: this.#ledger.available + this.grant.bytes,
    })
    const { memory, workers } = plan
    this.grant.resize(memory.total, { workers, precision, ...memory })
    return plan
  }
}

/** The precision that takes least of those that may come of the request. */
function leastPrecision(info: StellaModelInfo, request: ResolvedPoolOptions['precision'] = 'auto'): WeightPrecision {
  if (request !== 'auto') return request
  return isWorthQuantising(info) ? 'int8' : 'fp32'
}
