import { describe, expect, it } from 'vitest'

import type { EmbedChunk } from '../../../src/cli/embed-run.js'
import { CHUNK_TEXTS, runEmbed } from '../../../src/cli/embed-run.js'
import type { ResultRow, ResultSink, ResultSums } from '../../../src/cli/formats/sink.js'
import type { RowSource, TextRow } from '../../../src/cli/input/rows.js'
import { StellaError } from '../../../src/errors.js'

interface Counts {
  read: number
  written: number
  /** Most rows read and not yet written. */
  held: number
}

function sourceOf(texts: Iterable<string>, counts: Counts): RowSource {
  // eslint-disable-next-line @typescript-eslint/require-await -- stands in for a file
  async function* rows(): AsyncGenerator<TextRow> {
    for (const text of texts) {
      counts.read++
      counts.held = Math.max(counts.held, counts.read - counts.written)
      yield { text, number: counts.read, extra: { id: text } }
    }
  }
  return { label: 'x.txt line', rows: rows(), expected: () => undefined }
}

class Recording implements ResultSink {
  readonly rows: ResultRow[] = []
  sums: ResultSums | undefined
  readonly #counts: Counts
  constructor(counts: Counts) {
    this.#counts = counts
  }
  write(rows: readonly ResultRow[]): Promise<void> {
    this.rows.push(...rows)
    this.#counts.written += rows.length
    return Promise.resolve()
  }
  finish(sums: ResultSums): Promise<void> {
    this.sums = sums
    return Promise.resolve()
  }
}

/** One number per text: its length. */
const byLength: EmbedChunk = (texts, _signal, onDone) => {
  onDone(texts.length)
  return Promise.resolve({
    embeddings: texts.map((text) => Float32Array.of(text.length)),
    dimensions: 1,
    usage: { tokens: texts.length, tokensTotal: texts.length * 2 },
    tokens: texts.map(() => 1),
    truncated: texts.map((text) => text.length > 3),
  })
}

function setUp(texts: Iterable<string>, embed: EmbedChunk = byLength, signal = new AbortController().signal) {
  const counts: Counts = { read: 0, written: 0, held: 0 }
  const sink = new Recording(counts)
  const progress: number[] = []
  const run = runEmbed({
    source: sourceOf(texts, counts),
    embed,
    sink,
    encode: (embedding) => embedding,
    signal,
    onProgress: (done) => progress.push(done),
  })
  return { run, sink, counts, progress }
}

function* numbered(count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield `${i}`
}

describe('runEmbed', () => {
  it('numbers and carries rows in the order of the input, over chunks', async () => {
    const { run, sink, progress } = setUp(numbered(CHUNK_TEXTS * 2 + 5))
    const sums = await run
    expect(sums).toEqual({ texts: 1029, tokens: 1029, tokensTotal: 2058, truncated: 29 })
    expect(sink.sums).toEqual(sums)
    expect(sink.rows.map((row) => row.index)).toEqual([...Array(1029).keys()])
    expect(sink.rows.every((row) => row.extra?.['id'] === String(row.index))).toBe(true)
    expect(sink.rows[1000]).toMatchObject({ tokens: 1, truncated: true, embedding: Float32Array.of(4) })
    expect(progress.at(-1)).toBe(1029)
  })

  it('keeps the order when a later chunk is done first', async () => {
    let release: (() => void) | undefined
    const first = new Promise<void>((resolve) => (release = resolve))
    let chunks = 0
    const embed: EmbedChunk = async (texts, signal, onDone) => {
      if (chunks++ === 0) await first
      else release?.()
      return byLength(texts, signal, onDone)
    }
    const { run, sink } = setUp(numbered(CHUNK_TEXTS + 1), embed)
    await run
    expect(sink.rows.map((row) => row.index)).toEqual([...Array(CHUNK_TEXTS + 1).keys()])
  })

  it('holds two chunks at most, however long the input', async () => {
    const { run, counts } = setUp(numbered(CHUNK_TEXTS * 20))
    await run
    // Two chunks, and the row that completes the next.
    expect(counts.held).toBeLessThanOrEqual(CHUNK_TEXTS * 2 + 1)
  })

  it('cuts chunks short where texts are long', async () => {
    const sizes: number[] = []
    const embed: EmbedChunk = (texts, signal, onDone) => {
      sizes.push(texts.length)
      return byLength(texts, signal, onDone)
    }
    const long = 'x'.repeat(1_000_000)
    await setUp([long, long, long, long, long], embed).run
    expect(sizes).toEqual([4, 1])
  })

  it('names the line of a text that was refused, and stops the rest', async () => {
    let aborted = false
    const embed: EmbedChunk = (texts, signal, onDone) => {
      const index = texts.indexOf('bad')
      if (index !== -1) {
        return Promise.reject(
          new StellaError('INPUT_TOO_LONG', `Text ${index} has 9 tokens`, { details: { index, tokens: 9 } }),
        )
      }
      signal.addEventListener('abort', () => (aborted = true))
      return byLength(texts, signal, onDone)
    }
    const { run, sink } = setUp([...numbered(600), 'bad', ...numbered(600)], embed)
    await expect(run).rejects.toMatchObject({
      code: 'INPUT_TOO_LONG',
      message: 'x.txt line 601 has 9 tokens',
      details: { source: 'x.txt line', number: 601, tokens: 9 },
    })
    expect(aborted).toBe(true)
    expect(sink.rows).toHaveLength(CHUNK_TEXTS)
    expect(sink.sums).toBeUndefined()
  })

  it('ends a chunk under way when the sink fails', async () => {
    const embed: EmbedChunk = (texts, signal, onDone) => {
      if (texts.length === CHUNK_TEXTS) return byLength(texts, signal, onDone)
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new StellaError('ABORTED', 'aborted'))
        })
      })
    }
    const { run, sink } = setUp(numbered(CHUNK_TEXTS + 1), embed)
    sink.write = () => Promise.reject(new StellaError('INTERNAL', 'disk full'))
    await expect(run).rejects.toMatchObject({ code: 'INTERNAL', message: 'disk full' })
  })
})
