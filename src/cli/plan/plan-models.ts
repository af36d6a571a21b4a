/** Plans models one after another under one budget, as a pool that loads them in this order would. Reads nothing. */
import type { StellaModelInfo } from '../../../registry/types.js'
import type { StellaError } from '../../errors.js'
import { isStellaError } from '../../errors.js'
import { MIN_MAX_LENGTH, invalid } from '../../inference/options.js'
import { RUN_TOKENS } from '../../packed/packing.js'
import { MemoryLedger } from '../../pool/memory-ledger.js'
import type { Plan } from '../../pool/plan.js'
import { planModel } from '../../pool/plan.js'
import type { PlanSubject } from './subject.js'

/** What is to be planned within. */
export interface PlanLimits {
  /** Bytes for all models together. */
  readonly budget: number
  readonly cores: number
  readonly workers: number | undefined
  readonly threads: number | undefined
  /** Longest text in tokens, no more than each model's limit. Undefined: what each was trained for. */
  readonly maxLength: number | undefined
}

/** What one model gets. */
export interface ModelPlan {
  readonly subject: PlanSubject
  /** Longest text in tokens. */
  readonly maxLength: number
  /** Most tokens of a run. */
  readonly batchTokens: number
  readonly plan: Plan
  /** Bytes of the budget that the models before have left. */
  readonly available: number
  /** MEMORY_EXHAUSTED as a pool would say it; undefined: it fits. */
  readonly refusal: StellaError | undefined
}

/** A plan for each model; one that does not fit takes nothing from those after it. */
export function planModels(subjects: readonly PlanSubject[], limits: PlanLimits): readonly ModelPlan[] {
  const ledger = new MemoryLedger(limits.budget)
  return subjects.map((subject) => {
    const { info, precision, weights, storedBytes } = subject
    const maxLength = lengthOf(info, limits)
    const { available } = ledger
    const plan = planModel(info, {
      ...{ cores: limits.cores, available, workers: limits.workers, threads: limits.threads, maxLength },
      // All heads are charged, as a pool does: any of them may be asked for without a reload.
      dimensions: info.heads.map((head) => head.dimensions),
      ...{ precision, weights, storedBytes },
    })
    const batchTokens = Math.max(RUN_TOKENS, maxLength)
    return { subject, maxLength, batchTokens, plan, available, refusal: take(ledger, subject, plan) }
  })
}

/** Whether all of them fit. */
export function allFit(subjects: readonly PlanSubject[], limits: PlanLimits): boolean {
  return planModels(subjects, limits).every(({ refusal }) => refusal === undefined)
}

/**
 * Refuses a length that no model takes, before anything is read.
 *
 * @throws {StellaError} OPTION_INVALID naming the range.
 */
export function checkMaxLength(models: readonly StellaModelInfo[], maxLength: number | undefined): void {
  const most = Math.max(...models.map((info) => info.tokens.max))
  if (maxLength === undefined || (maxLength >= MIN_MAX_LENGTH && maxLength <= most)) return
  const names = models.map((info) => info.key).join(', ')
  throw invalid('maxLength', `an integer from ${MIN_MAX_LENGTH} to ${most}, the limit of ${names}`, maxLength)
}

function lengthOf({ tokens }: StellaModelInfo, { maxLength }: PlanLimits): number {
  return Math.min(maxLength ?? tokens.recommended, tokens.max)
}

function take(ledger: MemoryLedger, { info }: PlanSubject, plan: Plan): StellaError | undefined {
  const { memory, workers, precision } = plan
  try {
    ledger.grant(info.key, memory.total, { workers, precision, ...memory })
    return undefined
  } catch (error) {
    if (isStellaError(error) && error.code === 'MEMORY_EXHAUSTED') return error
    throw error
  }
}
