/**
 * Streams texts through a model: reads the next while the last are embedded, writes in the order they came, and holds
 * two chunks at most. Knows neither where texts come from nor what results look like.
 */
import { StellaError, isStellaError } from '../errors.js'
import type { BatchEmbedResult } from '../inference/embed-texts.js'
import type { EncodedEmbedding } from '../vectors/codes.js'
import type { ResultRow, ResultSink, ResultSums } from './formats/sink.js'
import type { RowSource, TextRow } from './input/rows.js'

/** Texts embedded at once: enough to fill runs with texts of like length, few enough to hold their vectors. */
export const CHUNK_TEXTS = 512

/** Characters of a chunk; long texts make smaller chunks. */
export const CHUNK_CHARACTERS = 4_000_000

/** Embeds texts, and says how many are done as it goes. */
export type EmbedChunk = (
  texts: readonly string[],
  signal: AbortSignal,
  onDone: (done: number) => void,
) => Promise<BatchEmbedResult>

/** Turns a vector into what is written of it. */
export type Encode = (embedding: Float32Array) => EncodedEmbedding

/** What to run. */
export interface EmbedRun {
  readonly source: RowSource
  readonly embed: EmbedChunk
  readonly sink: ResultSink
  /** What is written of each vector; called in their order. */
  readonly encode: Encode
  readonly signal: AbortSignal
  /** Called with the texts done so far. */
  readonly onProgress: (done: number) => void
}

/**
 * Runs to the end of the source and completes the sink.
 *
 * @throws {StellaError} what source, model or sink throw; errors about a text name its line.
 */
export async function runEmbed(run: EmbedRun): Promise<ResultSums> {
  const { source, sink } = run
  const sums = { texts: 0, tokens: 0, tokensTotal: 0, truncated: 0 }
  const failed = new AbortController()
  // What is still under way when something fails would only delay the message.
  const signal = AbortSignal.any([run.signal, failed.signal])
  let finished = 0
  const start = async (rows: readonly TextRow[]): Promise<BatchEmbedResult> => {
    let counted = 0
    const texts = rows.map((row) => row.text)
    try {
      return await run.embed(texts, signal, (done) => {
        finished += done - counted
        counted = done
        run.onProgress(finished)
      })
    } catch (error) {
      throw located(error, rows, source.label)
    }
  }
  const write = async (rows: readonly TextRow[], result: BatchEmbedResult): Promise<void> => {
    await sink.write(rows.map((row, place) => resultRow(row, place, sums.texts, result, run.encode)))
    sums.texts += rows.length
    sums.tokens += result.usage.tokens
    sums.tokensTotal += result.usage.tokensTotal
    sums.truncated += result.truncated.filter(Boolean).length
  }
  let previous: { readonly rows: readonly TextRow[]; readonly result: Promise<BatchEmbedResult> } | undefined
  try {
    for await (const rows of chunksOf(source.rows)) {
      const result = start(rows)
      // Awaited below, after the chunk before it; until then a failure is nobody's.
      result.catch(() => undefined)
      const before = previous
      previous = { rows, result }
      if (before !== undefined) await write(before.rows, await before.result)
    }
    if (previous !== undefined) await write(previous.rows, await previous.result)
  } catch (error) {
    failed.abort()
    await previous?.result.catch(() => undefined)
    throw error
  }
  await sink.finish(sums)
  return sums
}

async function* chunksOf(rows: AsyncIterable<TextRow>): AsyncGenerator<readonly TextRow[]> {
  let chunk: TextRow[] = []
  let characters = 0
  for await (const row of rows) {
    chunk.push(row)
    characters += row.text.length
    if (chunk.length < CHUNK_TEXTS && characters < CHUNK_CHARACTERS) continue
    yield chunk
    chunk = []
    characters = 0
  }
  if (chunk.length > 0) yield chunk
}

function resultRow(
  { extra }: TextRow,
  place: number,
  first: number,
  { embeddings, tokens, truncated }: BatchEmbedResult,
  encode: Encode,
): ResultRow {
  const embedding = embeddings[place]
  if (embedding === undefined)
    throw new Error(`the model returned ${embeddings.length} vectors; one for ${place} is missing`)
  return {
    index: first + place,
    embedding: encode(embedding),
    tokens: tokens[place] ?? 0,
    truncated: truncated[place] ?? false,
    extra,
  }
}

/** An error about text 17 of a chunk, as one about the line it came from. */
function located(error: unknown, rows: readonly TextRow[], label: string): unknown {
  if (!isStellaError(error)) return error
  const { index } = error.details
  const row = typeof index === 'number' ? rows[index] : undefined
  if (row === undefined) return error
  return new StellaError(error.code, error.message.replace(/^Text \d+/, `${label} ${row.number}`), {
    cause: error,
    details: { ...error.details, index: undefined, source: label, number: row.number },
  })
}
