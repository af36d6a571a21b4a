/** `stella similarity`: how alike two texts are. */
import { StellaError } from '../../errors.js'
import { cosineSimilarity } from '../../vectors/similarity.js'
import { resolveEmbedOptions } from '../../inference/options.js'
import type { RunCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { chooseModel, withPool } from '../model.js'
import { jsonText } from '../output.js'
import { UsageError } from '../usage-error.js'
import { embedOptions } from './embed.js'

/** The task of two texts that stand side by side; both get the same prompt. */
const DEFAULT_TASK = 's2s_query'

/** Digits after the point. */
const DIGITS = 6

/** Runs the command. */
export const run: RunCommand = async (context) => {
  const { values, positionals, output, signal } = context
  const texts = [...positionals]
  const blank = texts.findIndex((text) => text.trim() === '')
  if (blank !== -1) throw new UsageError(`Text ${blank + 1} is empty; there is nothing to compare`)
  const info = await chooseModel(context)
  const given = embedOptions(values, info)
  const task = given.task ?? (given.prompt === undefined ? DEFAULT_TASK : undefined)
  const options = { ...given, task }
  const { maxLength, dimensions } = resolveEmbedOptions(info, options)
  const result = await withPool(context, info, { workers: values.workers ?? 1, maxLength }, (pool) => {
    return pool.batchEmbed(info, texts, { ...options, signal })
  })
  const [a, b] = result.embeddings
  if (a === undefined || b === undefined) throw new StellaError('INTERNAL', 'The model returned no two vectors')
  const similarity = cosineSimilarity(a, b)
  const { tokens, truncated } = result
  const answer = {
    model: info.key,
    task: task ?? null,
    prompt: given.prompt ?? null,
    dimensions,
    similarity,
    tokens,
    truncated,
  }
  await output.write(values.json ? jsonText(answer) : `${similarity.toFixed(DIGITS)}\n`)
  const cut = truncated.filter(Boolean).length
  if (cut > 0)
    context.report.note(`${cut} of 2 texts ${cut === 1 ? 'was' : 'were'} cut at ${maxLength} tokens; see --max-length`)
  return EXIT.done
}
