/** How each model would be run on this machine, with the budget and the options that the environment sets. */
import type { StellaModelInfo } from '../../../../registry/types.js'
import { isStellaError } from '../../../errors.js'
import { readMemoryLimits, resolveMemoryBudget } from '../../../pool/memory-budget.js'
import { formatBytes } from '../../../pool/memory-ledger.js'
import { availableCores } from '../../../runtime/cores.js'
import type { OptionName, OptionValues } from '../../options.js'
import { parseOptions } from '../../parse.js'
import { alternatives } from '../../plan/alternatives.js'
import type { PlanLimits } from '../../plan/plan-models.js'
import { planModels } from '../../plan/plan-models.js'
import { counted } from '../../plan/plan-text.js'
import type { PlanSubject } from '../../plan/subject.js'
import { planSubject } from '../../plan/subject.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { notOk, ok } from '../finding.js'

/** Options that have a say in it. */
const PLANNING = ['memory', 'workers', 'threads', 'precision', 'max-length'] as const satisfies readonly OptionName[]

/** See above. Each model is planned for alone. */
export async function* checkPlans({ models, named, home, env, doing }: CheckContext): AsyncGenerator<Finding, void> {
  const values = settings(env)
  const limits = await limitsOf(values)
  for (const info of models) {
    doing(info.key)
    const subject = await planSubject(info, values.precision ?? 'auto', home)
    yield planFinding(info, subject, limits, named)
  }
}

/** Whatever is no value is `settings.stella`'s to tell, and counts as unset here. */
function settings(env: CheckContext['env']): Pick<OptionValues, (typeof PLANNING)[number]> {
  const usable: NodeJS.ProcessEnv = {}
  for (const name of PLANNING) {
    const variable = `STELLA_${name.toUpperCase().replaceAll('-', '_')}`
    const value = env[variable]
    try {
      parseOptions([], [name], { [variable]: value })
      usable[variable] = value
    } catch (error) {
      if (!isStellaError(error)) throw error
    }
  }
  return parseOptions([], PLANNING, usable).values
}

async function limitsOf(values: ReturnType<typeof settings>): Promise<PlanLimits> {
  const limits = await readMemoryLimits()
  const { workers, threads } = values
  const rest = { cores: availableCores(), workers, threads, maxLength: values['max-length'] }
  try {
    return { budget: resolveMemoryBudget(values.memory, limits), ...rest }
  } catch (error) {
    // Told of by `memory.limits`.
    if (!isStellaError(error)) throw error
    return { budget: resolveMemoryBudget(undefined, limits), ...rest }
  }
}

/** @param named - A model that was asked about and does not fit is a problem; any other is a fact about the machine. */
export function planFinding(info: StellaModelInfo, subject: PlanSubject, limits: PlanLimits, named: boolean): Finding {
  const id = 'model.plan'
  const [planned] = planModels([subject], limits)
  if (planned === undefined) throw new Error(`${info.key} was not planned for`)
  const { plan, batchTokens, maxLength, refusal } = planned
  const { workers, threads, memory } = plan
  const basis = subject.artefact === undefined ? 'estimate' : 'artefact'
  const facts = {
    precision: subject.precision,
    basis,
    workers,
    threads,
    batchTokens,
    maxLength,
    ...memory,
    budget: limits.budget,
  }
  const details = { subject: info.key, facts }
  const shape = `${counted(workers, 'worker')} × ${counted(threads, 'thread')} × ${batchTokens} tokens`
  const size = `${formatBytes(memory.total)} of ${formatBytes(limits.budget)}${basis === 'estimate' ? ' (estimated)' : ''}`
  if (refusal === undefined) return ok(id, `${info.key} in ${subject.precision}: ${shape}, ${size}`, details)
  const ways = alternatives([subject], limits).map(({ option, value }) => `--${option} ${value}`)
  const advice = `Use one of ${ways.join(', ')}; see \`stella plan ${info.key}\``
  return notOk(named ? 'problem' : 'warning', id, `${info.key} does not fit: ${size}`, advice, details)
}
