/** `stella embed`: texts in, vectors out. Puts source, model and format together; does the work of none of them. */
import type { StellaModelInfo } from '../../../registry/types.js'
import type { EmbedOptions } from '../../inference/options.js'
import { resolveEmbedOptions } from '../../inference/options.js'
import type { TaskName } from '../../inference/task.js'
import type { CommandContext, RunCommand } from '../command.js'
import type { EmbedEncoder } from '../embed-encoder.js'
import { openEncoder } from '../embed-encoder.js'
import { runEmbed } from '../embed-run.js'
import { EXIT } from '../exit-code.js'
import { jsonSink } from '../formats/json.js'
import { jsonlSink } from '../formats/jsonl.js'
import { npySink } from '../formats/npy.js'
import type { MakeSink, ResultFacts, ResultSums } from '../formats/sink.js'
import type { RowSource } from '../input/rows.js'
import { openSource } from '../input/source.js'
import { chooseModel, withPool } from '../model.js'
import { OPTIONS } from '../options.js'
import type { OptionValues } from '../options.js'
import type { Phase } from '../progress.js'
import { openOutputFile } from '../output-file.js'
import { UsageError } from '../usage-error.js'

type Format = NonNullable<OptionValues['format']>

const SINKS = { jsonl: jsonlSink, json: jsonSink, npy: npySink } as const satisfies Record<Format, MakeSink>

/** Runs the command. */
export const run: RunCommand = async (context) => {
  const { values } = context
  const format = chooseFormat(context)
  const source = await openSource(context)
  const info = await chooseModel(context)
  const options = embedOptions(values, info)
  const { dimensions, maxLength } = resolveEmbedOptions(info, options)
  const encoding = values.encoding ?? OPTIONS.encoding.default
  const normalized = !values['no-normalize']
  const encoder = await openEncoder(context, encoding, { model: info.key, dimensions, normalized })
  try {
    const facts = { model: info.key, dimensions, encoding }
    const sums = await embedSource(context, { format, source, info, options, maxLength, encoder, facts })
    tell(context, sums, maxLength)
  } finally {
    await encoder.discard()
  }
  return EXIT.done
}

/** What to embed, with what, and what to make of it. */
interface Job {
  readonly format: Format
  readonly source: RowSource
  readonly info: StellaModelInfo
  readonly options: EmbedOptions
  readonly maxLength: number
  readonly encoder: EmbedEncoder
  readonly facts: ResultFacts
}

async function embedSource(context: CommandContext, job: Job): Promise<ResultSums> {
  const { values, output, report } = context
  const { format, source, info, options, maxLength, encoder, facts } = job
  const file = values.out === undefined ? undefined : await openOutputFile(values.out)
  try {
    const sums = await withPool(context, info, { workers: values.workers, maxLength }, (pool) => {
      // Begun with the first texts done: the rate is not to count a load, or a conversion.
      let phase: Phase | undefined
      const onProgress = (done: number): void => {
        phase ??= report.phase(`embedding with ${info.key}`, 'texts', false)
        phase.update(done, source.expected())
      }
      const sink = SINKS[format](file ?? output, facts)
      return runEmbed({
        source,
        embed: (texts, signal, onDone) =>
          pool.batchEmbed(info, texts, {
            ...options,
            signal,
            onProgress: ({ done }) => {
              onDone(done)
            },
          }),
        sink,
        encode: encoder.encode,
        signal: context.signal,
        onProgress,
      })
    })
    // First, as it can still be refused.
    await encoder.commit()
    await file?.commit()
    return sums
  } finally {
    await file?.discard()
  }
}

/** The options of a call, as the command line gave them. */
export function embedOptions(values: OptionValues, info: StellaModelInfo): EmbedOptions {
  return {
    // Whatever was typed: `resolveEmbedOptions` knows the tasks and refuses the rest.
    task: values.task as TaskName | undefined,
    prompt: values.prompt,
    dimensions: values.dimensions,
    normalize: !values['no-normalize'],
    maxLength: values['max-length'] ?? info.tokens.recommended,
    overflow: values.overflow,
  }
}

function chooseFormat({ values, output }: CommandContext): Format {
  const { format, json, out } = values
  if (json && format === 'npy')
    throw new UsageError('`--json` and `--format npy` contradict each other; give one of them')
  const chosen = format ?? (json ? 'json' : OPTIONS.format.default)
  if (chosen !== 'npy' || out !== undefined || !output.isTerminal) return chosen
  throw new UsageError(
    '`--format npy` is binary and standard output is a terminal',
    'Write to a file with --out, or pipe it on',
  )
}

function tell({ values, report }: CommandContext, sums: ResultSums, maxLength: number): void {
  if (sums.truncated > 0) {
    const texts = `${sums.truncated} of ${sums.texts} ${sums.texts === 1 ? 'text' : 'texts'}`
    report.note(
      `${texts} ${sums.truncated === 1 ? 'was' : 'were'} cut at ${maxLength} tokens; see --max-length and --overflow`,
    )
  }
  if (values.out !== undefined) report.note(`wrote ${sums.texts} embeddings to ${values.out}`)
}
