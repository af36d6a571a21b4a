/** `stella plan`: how models would be run in so much memory, and what would fit where they would not. Loads none. */
import type { StellaModelInfo } from '../../../registry/types.js'
import { resolvePoolOptions } from '../../pool/pool-options.js'
import { availableCores } from '../../runtime/cores.js'
import type { CommandContext, RunCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { modelOrFolder } from '../model.js'
import { OPTIONS } from '../options.js'
import { jsonText } from '../output.js'
import { alternatives, longestOf } from '../plan/alternatives.js'
import type { PlanLimits } from '../plan/plan-models.js'
import { checkMaxLength, planModels } from '../plan/plan-models.js'
import type { PlanReport } from '../plan/plan-text.js'
import { planJson, planText } from '../plan/plan-text.js'
import { planSubject } from '../plan/subject.js'
import { UsageError } from '../usage-error.js'

/** Runs the command. */
export const run: RunCommand = async (context) => {
  const { values, output, environment } = context
  // What was typed wrongly is told before anything is read.
  const { memory, workers, threads } = values
  const { budget } = await resolvePoolOptions({ memory, workers, threads })
  const models = await modelsOf(context)
  checkMaxLength(models, values['max-length'])
  const limits: PlanLimits = {
    budget,
    cores: availableCores(),
    workers,
    threads,
    maxLength: values['max-length'],
  }
  const precision = values.precision ?? OPTIONS.precision.default
  const subjects = await Promise.all(models.map((info) => planSubject(info, precision, environment.home)))
  const plans = planModels(subjects, limits)
  const report: PlanReport = {
    limits,
    models: plans.map((plan) => ({ ...plan, longest: longestOf(plan, limits) })),
    alternatives: alternatives(subjects, limits),
  }
  await output.write(values.json ? jsonText(planJson(report)) : planText(report))
  const refused = plans.find(({ refusal }) => refusal !== undefined)
  if (refused?.refusal !== undefined) throw refused.refusal
  return EXIT.done
}

async function modelsOf({ positionals }: CommandContext): Promise<readonly StellaModelInfo[]> {
  const models: StellaModelInfo[] = []
  for (const name of positionals) {
    const info = await modelOrFolder(name)
    // A pool holds a model once, whatever it is called.
    if (models.some(({ key }) => key === info.key)) throw new UsageError(`\`${info.key}\` is named twice`)
    models.push(info)
  }
  return models
}
