/** What would fit instead: each suggestion has been planned, and fits. Reads nothing. */
import { PRECISIONS } from '../../convert/recipe.js'
import { RUN_TOKENS } from '../../packed/packing.js'
import type { ModelPlan, PlanLimits } from './plan-models.js'
import { allFit, planModels } from './plan-models.js'
import type { PlanSubject } from './subject.js'
import { estimatedSubject } from './subject.js'

/** A change of one option, under which every model fits. */
export interface Alternative {
  readonly option: 'memory' | 'max-length' | 'workers' | 'precision'
  /** As it is written on a command line. */
  readonly value: string
}

/** Raises of the budget before the search is given up; each is enough for the model that fell short. */
const MAX_RAISES = 1000

/** What would fit where `limits` do not; empty where they do. */
export function alternatives(subjects: readonly PlanSubject[], limits: PlanLimits): readonly Alternative[] {
  if (allFit(subjects, limits)) return []
  const length = longestThatFits(subjects, limits)
  const workers = mostWorkersThatFit(subjects, limits)
  const precision = precisionThatFits(subjects, limits)
  return [
    { option: 'memory', value: memoryText(leastMemory(subjects, limits)) },
    ...(length === undefined ? [] : [{ option: 'max-length', value: String(length) } as const]),
    ...(workers === undefined ? [] : [{ option: 'workers', value: String(workers) } as const]),
    ...(precision === undefined ? [] : [{ option: 'precision', value: precision } as const]),
  ]
}

/**
 * The smallest budget under which all models fit, in bytes. No smaller one does: with less, the models before the one
 * that falls short take at least as much, and it needs no less.
 */
export function leastMemory(subjects: readonly PlanSubject[], limits: PlanLimits): number {
  let budget = 0
  for (let raise = 0; raise < MAX_RAISES; raise++) {
    const short = planModels(subjects, { ...limits, budget }).find(({ refusal }) => refusal !== undefined)
    if (short === undefined) return budget
    budget += Math.ceil(short.plan.memory.total - short.available)
  }
  throw new Error(`no budget was found for ${subjects.map(({ info }) => info.key).join(', ')}`)
}

/**
 * A length under which all models fit, the longest where there is one model; undefined where not even the shortest
 * texts do. Runs hold at least {@link RUN_TOKENS} whatever the length, so less than that saves nothing.
 */
export function longestThatFits(subjects: readonly PlanSubject[], limits: PlanLimits): number | undefined {
  const fits = (maxLength: number): boolean => allFit(subjects, { ...limits, maxLength })
  const most = Math.max(...subjects.map(({ info }) => info.tokens.max))
  if (fits(most)) return most
  let [low, high] = [Math.min(RUN_TOKENS, most), most]
  if (!fits(low)) return undefined
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle
  }
  return low
}

/** The longest text of one model that has been planned, in what the models before have left. */
export function longestOf({ subject, available }: ModelPlan, limits: PlanLimits): number | undefined {
  return longestThatFits([subject], { ...limits, budget: available })
}

/** Fewer workers than were asked for; one each, where nobody asked and several models share the budget. */
function mostWorkersThatFit(subjects: readonly PlanSubject[], limits: PlanLimits): number | undefined {
  const fits = (workers: number): boolean => allFit(subjects, { ...limits, workers })
  const asked = limits.workers ?? (subjects.length > 1 ? 2 : 1)
  if (asked <= 1 || !fits(1)) return undefined
  // With the number fixed, more workers never take less.
  let [low, high] = [1, asked]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle
  }
  return low
}

/** The most faithful precision that takes less, where every model has one and the same. */
function precisionThatFits(subjects: readonly PlanSubject[], limits: PlanLimits): string | undefined {
  return PRECISIONS.find((precision) => {
    if (subjects.every((subject) => subject.precision === precision)) return false
    return allFit(
      subjects.map(({ info }) => estimatedSubject(info, precision)),
      limits,
    )
  })
}

/** Bytes as `--memory` takes them, rounded up to three digits or so. */
export function memoryText(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)}MB` : `${(Math.ceil(bytes / 1e7) / 100).toFixed(2)}GB`
}
