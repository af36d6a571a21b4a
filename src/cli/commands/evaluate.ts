/** `stella evaluate`: pairs in, scores and a report out. Puts pairs, model and files together; does the work of none. */
import { realpath } from 'node:fs/promises'
import { extname, resolve } from 'node:path'

import type { StellaModelInfo } from '../../../registry/types.js'
import type { StellaConfig } from '../../config/stella-config.js'
import { scoreLines } from '../../evaluation/report/score-lines.js'
import type { ScoresFormat } from '../../evaluation/report/scores-format.js'
import { renderReport } from '../../evaluation/report/render-report.js'
import { StellaEvaluator } from '../../evaluation/stella-evaluator.js'
import { resolveEmbedOptions } from '../../inference/options.js'
import type { TaskName } from '../../inference/task.js'
import { StellaModel } from '../../model/stella-model.js'
import type { StellaModelOptions } from '../../model/stella-model-options.js'
import type { CommandContext, RunCommand } from '../command.js'
import { runEvaluate } from '../evaluate-run.js'
import type { Evaluated } from '../evaluate-summary.js'
import { reportOf, tellEvaluated } from '../evaluate-summary.js'
import { EXIT } from '../exit-code.js'
import type { PairsInput } from '../input/pairs.js'
import { openPairs } from '../input/pairs.js'
import { chooseModel, withPool } from '../model.js'
import type { OptionValues } from '../options.js'
import type { OutputFile } from '../output-file.js'
import { openOutputFile } from '../output-file.js'
import { UsageError } from '../usage-error.js'

/** The task of two texts that stand side by side; both get the same prompt. */
const DEFAULT_TASK = 's2s_query'

/** What a prompt of `--prompt` is called in scores and reports. */
const OWN_PROMPT = 'own'

/**
 * Pairs at the model at once. Runs are made of texts of like length: of more texts, more alike ones are found. Beyond
 * this, nothing is gained.
 */
const PAIRS_IN_FLIGHT = 256

/** Runs the command. */
export const run: RunCommand = async (context) => {
  const { values } = context
  const input = await openPairs(context)
  await checkFiles(input, values)
  const info = await chooseModel(context)
  const asked = modelOptions(context, info)
  const scores = values.out === undefined ? undefined : await openOutputFile(values.out)
  const { 'report-file': reportPath } = values
  let report: OutputFile | undefined
  try {
    report = reportPath === undefined ? undefined : await openOutputFile(reportPath, '--report')
    const evaluated = await evaluate(context, { input, info, asked, scores })
    await report?.write(renderReport(reportOf(evaluated)))
    await scores?.commit()
    await report?.commit()
    await tellEvaluated(context, evaluated)
    return evaluated.summary.failed === 0 ? EXIT.done : EXIT.failed
  } finally {
    await scores?.discard()
    await report?.discard()
  }
}

interface Asked {
  readonly options: Pick<StellaModelOptions, 'promptType' | 'prompts' | 'embeddingDimension' | 'maxLength'>
  /** Words before each text; may be empty. */
  readonly prompt: string
  readonly maxLength: number
}

/** What is asked of the model, checked before it is loaded. */
function modelOptions({ values, config }: CommandContext, info: StellaModelInfo): Asked {
  const { prompt: own, dimensions } = values
  // Whatever was typed: `resolveEmbedOptions` knows the tasks and refuses the rest.
  const task = (values.task ?? (own === undefined ? DEFAULT_TASK : undefined)) as TaskName | undefined
  const given = { task, prompt: own, dimensions, maxLength: values['max-length'] ?? info.tokens.recommended }
  const { prompt, maxLength } = resolveEmbedOptions(info, given)
  const rest = { embeddingDimension: dimensions, maxLength }
  if (own === undefined) return { options: { promptType: task, ...rest }, prompt, maxLength }
  const name = nameOfPrompt(own, config)
  return { options: { promptType: name, prompts: { [name]: own }, ...rest }, prompt, maxLength }
}

/** The name that the file of `--config` has for a prompt, where it comes from there. */
function nameOfPrompt(prompt: string, config: StellaConfig | undefined): string {
  const { promptType = '', prompts = {} } = config?.model ?? {}
  return Object.hasOwn(prompts, promptType) && prompts[promptType] === prompt ? promptType : OWN_PROMPT
}

interface Job {
  readonly input: PairsInput
  readonly info: StellaModelInfo
  readonly asked: Asked
  readonly scores: OutputFile | undefined
}

async function evaluate(context: CommandContext, { input, info, asked, scores }: Job): Promise<Evaluated> {
  const { values, config, output, report, signal } = context
  const format = scoresFormat(values)
  const { batch, summary: kept } = config?.evaluation ?? {}
  const maxInFlight = batch?.maxInFlight ?? config?.model.batchSize ?? PAIRS_IN_FLIGHT
  if (batch?.ordered === false) report.note('scores are written in the order of the pairs, whatever `ordered` says')
  return withPool(context, info, { workers: values.workers, maxLength: asked.maxLength }, async (pool) => {
    await using model = await StellaModel.open({ pool, model: info, ...asked.options, signal })
    await using evaluator = new StellaEvaluator({ model })
    await evaluator.initialize()
    const phase = report.phase(`evaluating with ${info.key}`, 'pairs', false)
    const summary = await runEvaluate({
      rows: input.rows,
      evaluate: (pairs) => evaluator.evaluateBatch(pairs, { signal, maxInFlight }),
      scores: scoreLines({ format, texts: values.texts }),
      target: scores ?? output,
      kept,
      onProgress: (done) => {
        phase.update(done, input.expected())
      },
    })
    const { elapsedMs } = evaluator.getStats()
    const { precision, device, embeddingDimension: dimensions } = model
    const { maxLength, prompt, options } = asked
    const promptType = options.promptType ?? DEFAULT_TASK
    const facts = { key: info.key, precision, device, dimensions, maxLength, promptType, prompt }
    return { input, info, config: config?.file, model: facts, summary, elapsedMs }
  })
}

function scoresFormat(values: OptionValues): ScoresFormat {
  const { out } = values
  return values['scores-format'] ?? (out !== undefined && extname(out).toLowerCase() === '.csv' ? 'csv' : 'jsonl')
}

/** Refuses a result that would take the place of the pairs, or of another result. */
async function checkFiles({ path: pairs }: PairsInput, values: OptionValues): Promise<void> {
  const { out, 'report-file': report } = values
  const named: readonly (readonly [string, string | undefined])[] = [
    ['the pairs', pairs],
    ['`--out`', out],
    ['`--report`', report],
  ]
  const seen = new Map<string, string>()
  for (const [name, path] of named) {
    if (path === undefined) continue
    const target = await realpath(path).catch(() => resolve(path))
    const other = seen.get(target)
    // Both may go to the same device, such as /dev/null.
    if (other !== undefined && !target.startsWith('/dev/')) {
      throw new UsageError(`${other} and ${name} name the same file, ${path}; name another`)
    }
    seen.set(target, name)
  }
}
