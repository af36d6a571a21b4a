/** A plan as a text for people and as JSON for programs. Plans nothing. */
import { formatBytes } from '../../pool/memory-ledger.js'
import type { Alternative } from './alternatives.js'
import type { ModelPlan, PlanLimits } from './plan-models.js'

/** Everything that was found out. */
export interface PlanReport {
  readonly limits: PlanLimits
  readonly models: readonly PlannedModel[]
  /** Changes under which all of them fit; empty where they do. */
  readonly alternatives: readonly Alternative[]
}

/** A model's plan, and how far it reaches. */
export interface PlannedModel extends ModelPlan {
  /** Longest text that fits in what this model has, in tokens; undefined where none does. */
  readonly longest: number | undefined
}

/** Bytes of the budget that are left after all models that fit. */
export function leftOver({ limits, models }: PlanReport): number {
  const held = models.filter(({ refusal }) => refusal === undefined)
  return limits.budget - held.reduce((sum, { plan }) => sum + plan.memory.total, 0)
}

/** The report for programs. Sizes are in bytes. */
export function planJson(report: PlanReport): object {
  const { limits, models, alternatives } = report
  return {
    fits: models.every(({ refusal }) => refusal === undefined),
    budget: limits.budget,
    left: leftOver(report),
    cores: limits.cores,
    models: models.map(({ subject, plan, maxLength, batchTokens, available, longest, refusal }) => ({
      model: subject.info.key,
      precision: subject.precision,
      basis: subject.artefact === undefined ? 'estimate' : 'artefact',
      artefact: subject.artefact ?? null,
      workers: plan.workers,
      threads: plan.threads,
      batchTokens,
      maxLength,
      longestThatFits: longest ?? null,
      memory: plan.memory,
      available,
      fits: refusal === undefined,
      refusal: refusal?.toProblemDetails() ?? null,
    })),
    alternatives: alternatives.map(({ option, value }) => ({ option: `--${option}`, value })),
  }
}

/** The report for people. */
export function planText(report: PlanReport): string {
  const { limits, models, alternatives } = report
  const parts = models.map((model) => modelText(model, limits))
  const left = `${formatBytes(leftOver(report))} of the budget of ${formatBytes(limits.budget)} are left\n`
  if (alternatives.length === 0) return [...parts, left].join('\n')
  const [one, ...more] = models
  const what = one !== undefined && more.length === 0 ? one.subject.info.key : 'All of them'
  const lines = alternatives.map(({ option, value }) => `  --${option} ${value}\n`)
  return [...parts, `${what} would fit with any one of\n${lines.join('')}`].join('\n')
}

function modelText(model: PlannedModel, limits: PlanLimits): string {
  const { subject, plan, available, batchTokens, maxLength, refusal } = model
  const { total } = plan.memory
  const rest =
    refusal === undefined
      ? `fits: ${formatBytes(available - total)} left of ${formatBytes(available)}`
      : `does not fit: ${formatBytes(total - available)} more than the ${formatBytes(available)} there are`
  const rows: readonly (readonly [string, string])[] = [
    ['plan', `${counted(plan.workers, 'worker')} × ${counted(plan.threads, 'thread')} × ${batchTokens} tokens a batch`],
    ['memory', sumText(model)],
    ['budget', rest],
    ['texts', `up to ${maxLength} tokens; ${longestText(model)}`],
    ['weights', basisText(model)],
    ...warnings(model, limits),
  ]
  const lines = rows.map(([title, text]) => `  ${title.padEnd(8)} ${text}\n`)
  return `${subject.info.key} in ${subject.precision}\n${lines.join('')}`
}

/** The formula of `MemoryEstimate.total`, with its numbers. */
function sumText({ plan }: ModelPlan): string {
  const { shared, once, weights, scratch, base, total } = plan.memory
  const each = `${formatBytes(weights)} weights + ${formatBytes(scratch)} scratch + ${formatBytes(base)} thread`
  const whole = `${formatBytes(shared)} shared + ${formatBytes(once)} process`
  return `${formatBytes(total)} = ${whole} + ${counted(plan.workers, 'worker')} × (${each})`
}

function longestText({ subject, longest }: PlannedModel): string {
  const { tokens } = subject.info
  if (longest === undefined) return 'no length fits'
  return longest < tokens.max
    ? `${longest} at most, of the ${tokens.max} that the model takes`
    : `${tokens.max}, the model's limit, would fit`
}

function basisText({ subject }: ModelPlan): string {
  const held = subject.weights === 'own' ? '; not shared on this machine: each worker holds a copy' : ''
  if (subject.artefact !== undefined) return `${subject.artefact}${held}`
  return `estimated: there is no ${subject.precision} artefact yet${held}`
}

function warnings({ plan }: ModelPlan, { cores }: PlanLimits): readonly (readonly [string, string])[] {
  const busy = plan.workers * plan.threads
  if (busy <= cores) return []
  return [['note', `${busy} threads on ${counted(cores, 'core')}: they will be in each other's way`]]
}

/** `1 worker`, `2 workers`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
