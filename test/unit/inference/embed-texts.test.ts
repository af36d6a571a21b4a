/** The way from texts to embeddings and back into order, with a run that computes nothing but remembers everything. */
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'

import type { EmbedInput, RunBatch } from '../../../src/inference/embed-texts.js'
import { single } from '../../../src/inference/embed-texts.js'
import { RUN_TOKENS } from '../../../src/packed/packing.js'
import type { BatchProgress } from '../../../src/inference/options.js'
import { resolveEmbedOptions } from '../../../src/inference/options.js'
import { failureOf } from '../../support/failure.js'
import { INFO, WIDTH, compute, embed, fullRun, held, textsOf, tokenizer, vectorOf } from './fake-run.js'

const anyInput: fc.Arbitrary<EmbedInput> = fc.oneof(
  fc.string({ minLength: 1, maxLength: 80 }),
  fc
    .array(fc.integer({ min: 0, max: INFO.architecture.vocab - 1 }), { minLength: 1, maxLength: 300 })
    .map((ids) => Int32Array.from(ids)),
)

describe('results', () => {
  it('are in the order of the inputs, whatever order the runs took', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyInput, { maxLength: 40 }), fc.infiniteStream(fc.nat()), async (inputs, picks) => {
        const { waiting, run } = held()
        const result = embed(inputs, {}, run)
        // Tokenising takes native threads: the runs come when it is done.
        const texts = await tokenizer.encode(
          inputs.filter((input) => typeof input === 'string'),
          resolveEmbedOptions(INFO),
        )
        await vi.waitFor(() => {
          expect(inputs.length === 0 || waiting.length > 0).toBe(true)
        })
        while (waiting.length > 0) waiting.splice((picks.next().value ?? 0) % waiting.length, 1)[0]?.finish()
        const { embeddings, tokens, truncated, usage, dimensions } = await result
        const ids = inputs.map((input) => (typeof input === 'string' ? texts.shift()?.ids : input) ?? new Int32Array())
        expect(embeddings).toEqual(ids.map(vectorOf))
        expect(tokens).toEqual(ids.map((text) => text.length))
        expect(truncated).toEqual(ids.map(() => false))
        expect(usage.tokens).toBe(ids.reduce((sum, text) => sum + text.length, 0))
        expect(dimensions).toBe(WIDTH)
      }),
      { numRuns: 40 },
    )
  })

  it('have buffers of their own: giving one away harms no other', async () => {
    const { embeddings } = await embed(['one', 'two', 'three'])
    expect(new Set(embeddings.map((embedding) => embedding.buffer)).size).toBe(3)
    for (const embedding of embeddings) expect(embedding.buffer.byteLength).toBe(4 * WIDTH)
    const [first, second] = embeddings
    const kept = second?.slice()
    structuredClone(first?.buffer, { transfer: [first?.buffer as ArrayBuffer] })
    expect(second).toEqual(kept)
  })

  it('count tokens after and before truncation', async () => {
    const long = 'fox '.repeat(100)
    const { tokens, truncated, usage } = await embed(['fox', long], { maxLength: 20 })
    const whole = await embed([long], { maxLength: 2048 })
    expect(tokens[1]).toBe(20)
    expect(truncated).toEqual([false, true])
    expect(usage).toEqual({ tokens: 20 + (tokens[0] ?? 0), tokensTotal: whole.usage.tokens + (tokens[0] ?? 0) })
  })

  it('of nothing are nothing, and nothing runs', async () => {
    const run = vi.fn(compute)
    const onProgress = vi.fn()
    expect(await embed([], { onProgress }, run)).toEqual({
      embeddings: [],
      dimensions: WIDTH,
      usage: { tokens: 0, tokensTotal: 0 },
      tokens: [],
      truncated: [],
    })
    expect(run).not.toHaveBeenCalled()
    expect(onProgress).not.toHaveBeenCalled()
  })

  it('of one text become its own with single()', async () => {
    const batch = await embed(['fox'])
    expect(single(batch)).toEqual({
      embedding: batch.embeddings[0],
      dimensions: WIDTH,
      usage: batch.usage,
      truncated: false,
    })
  })

  it('carry the prompt in front of each text', async () => {
    const seen: number[][] = []
    const run: RunBatch = (batch) => {
      seen.push(...textsOf(batch).map((ids) => [...ids]))
      return compute(batch)
    }
    await embed(['fox'], { prompt: 'find the ' }, run)
    await embed(['find the fox'], {}, run)
    expect(seen[0]).toEqual(seen[1])
  })
})

describe('runs', () => {
  it('are handed over all at once, and within the token limit', async () => {
    const { waiting, run } = held()
    const result = embed([1, 2, 3].map(fullRun), {}, run)
    await vi.waitFor(() => {
      expect(waiting).toHaveLength(3)
    })
    for (const { batch } of waiting) expect(batch.ids.length).toBeLessThanOrEqual(RUN_TOKENS)
    for (const { finish } of waiting) finish()
    expect((await result).embeddings).toHaveLength(3)
  })

  it('that fail reject the call with what they failed with, once all have settled', async () => {
    const { waiting, run } = held()
    const settled = vi.fn()
    const result = embed([1, 2, 3].map(fullRun), {}, run)
    result.then(settled, settled)
    await vi.waitFor(() => {
      expect(waiting).toHaveLength(3)
    })
    const failure = new Error('the second run')
    waiting[1]?.fail(failure)
    waiting[0]?.finish()
    await new Promise(setImmediate)
    expect(settled).not.toHaveBeenCalled()
    waiting[2]?.fail(new Error('the third run'))
    await expect(result).rejects.toBe(failure)
  })

  it('that give too few or too many numbers are refused: no vector is ever short', async () => {
    for (const length of [WIDTH - 1, WIDTH, 2 * WIDTH + 1]) {
      const error = await failureOf(() => embed(['fox', 'river'], {}, () => Promise.resolve(new Float32Array(length))))
      expect(error.code).toBe('INTERNAL')
      expect(error.details).toMatchObject({ found: length, expected: 2 * WIDTH })
    }
  })

  it('that throw at once do the same', async () => {
    const run: RunBatch = () => {
      throw new Error('no worker')
    }
    await expect(embed(['fox'], {}, run)).rejects.toThrow('no worker')
  })
})

describe('progress', () => {
  it('only grows, and ends at the whole', async () => {
    const reports: BatchProgress[] = []
    const inputs = Array.from({ length: 200 }, (_, index) => `text ${'fox '.repeat(index % 37)}`)
    await embed(inputs, { onProgress: (progress) => reports.push(progress) })
    expect(reports.length).toBeGreaterThan(1)
    const done = reports.map((report) => report.done)
    expect(done).toEqual([...new Set(done)].sort((a, b) => a - b))
    expect(reports.every((report) => report.total === 200)).toBe(true)
    expect(done.at(-1)).toBe(200)
  })

  it('whose listener throws rejects the call with that, once all runs have settled', async () => {
    const { waiting, run } = held()
    const failure = new Error('listener')
    const onProgress = vi.fn(() => {
      throw failure
    })
    const settled = vi.fn()
    const result = embed([1, 2].map(fullRun), { onProgress }, run)
    result.then(settled, settled)
    await vi.waitFor(() => {
      expect(waiting).toHaveLength(2)
    })
    waiting[0]?.finish()
    await vi.waitFor(() => {
      expect(onProgress).toHaveBeenCalledTimes(1)
    })
    await new Promise(setImmediate)
    expect(settled).not.toHaveBeenCalled()
    waiting[1]?.finish()
    await expect(result).rejects.toBe(failure)
  })
})

describe('an abort', () => {
  it('before the call runs nothing, of texts and of ids', async () => {
    const run = vi.fn(compute)
    const signal = AbortSignal.abort()
    for (const inputs of [['fox'], [Int32Array.of(1)], []]) {
      expect((await failureOf(() => embed(inputs, { signal }, run))).code).toBe('ABORTED')
    }
    expect(run).not.toHaveBeenCalled()
  })

  it('during the call rejects it with ABORTED, also where every run succeeds', async () => {
    const { waiting, run } = held()
    const controller = new AbortController()
    const result = embed([1, 2].map(fullRun), { signal: controller.signal }, run)
    await vi.waitFor(() => {
      expect(waiting).toHaveLength(2)
    })
    controller.abort(new Error('enough'))
    for (const { finish } of waiting) finish()
    const error = await failureOf(() => result)
    expect(error.code).toBe('ABORTED')
    expect(error.cause).toEqual(new Error('enough'))
  })

  it('is told rather than the failures it caused', async () => {
    const controller = new AbortController()
    const run: RunBatch = () => {
      controller.abort()
      return Promise.reject(new Error('torn down'))
    }
    expect((await failureOf(() => embed(['fox'], { signal: controller.signal }, run))).code).toBe('ABORTED')
  })
})
