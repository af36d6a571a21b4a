/** What may be embedded: texts and token ids, checked before anything runs. */
import { describe, expect, it, vi } from 'vitest'

import type { EmbedInput, RunBatch } from '../../../src/inference/embed-texts.js'
import { embedTexts } from '../../../src/inference/embed-texts.js'
import { resolveEmbedOptions } from '../../../src/inference/options.js'
import { failureOf } from '../../support/failure.js'
import { INFO, compute, embed, vectorOf } from './fake-run.js'

describe('an input is refused, by its index:', () => {
  const sparse = ['fox', 'fox', 'fox']
  // eslint-disable-next-line @typescript-eslint/no-array-delete -- a hole is what is tested
  delete sparse[1]

  it.each([
    ['an empty text', 1, ['fox', ''], 'Text 1 is empty; leave it out'],
    ['a hole', 1, sparse, 'Expected text 1 to be a string or an Int32Array of token ids; got undefined'],
    ['null', 1, ['fox', null], 'Expected text 1 to be a string or an Int32Array of token ids; got null'],
    ['a number', 0, [5], 'Expected text 0 to be a string or an Int32Array of token ids; got 5 (number)'],
    ['a list of ids', 1, ['fox', [1, 2]], 'got an array'],
    ['ids in another array', 0, [new Uint32Array(2)], 'got an object (Uint32Array)'],
    ['an object with a text', 0, [{ text: 'fox' }], 'got an object (Object)'],
    ['no ids', 1, ['fox', new Int32Array()], 'Text 1 has no token ids'],
    ['a negative id', 0, [Int32Array.of(1, 2, -1)], 'Text 0 holds token id -1; stella-nano knows 0 to 24575'],
    [
      'an id past the table',
      1,
      ['fox', Int32Array.of(24_576)],
      'Text 1 holds token id 24576; stella-nano knows 0 to 24575',
    ],
  ])('%s', async (_, index, inputs, message) => {
    const run = vi.fn(compute)
    const error = await failureOf(() => embed(inputs as EmbedInput[], {}, run))
    expect(error.code).toBe('INPUT_INVALID')
    expect(error.message).toContain(message)
    expect(error.details.index).toBe(index)
    expect(run).not.toHaveBeenCalled()
  })

  it.each(['fox', undefined, null, 5, { 0: 'fox', length: 1 }, new Set(['fox']), Int32Array.of(1)])(
    '%s, which is no array of texts',
    async (inputs) => {
      const error = await failureOf(() => embed(inputs as unknown as EmbedInput[]))
      expect(error.code).toBe('INPUT_INVALID')
      expect(error.message).toContain('Expected an array of texts; got')
    },
  )

  it('a text of over a million characters', async () => {
    const error = await failureOf(() => embed(['fox', 'x'.repeat(1_000_001)]))
    expect(error.code).toBe('INPUT_TOO_LONG')
    expect(error.details).toEqual({ index: 1, characters: 1_000_001, limit: 1_000_000 })
  })

  it('too many tokens under `error`, by its index among all inputs, ids included', async () => {
    const inputs = [Int32Array.of(1), 'fox', Int32Array.of(2), 'fox '.repeat(50)]
    const error = await failureOf(() => embed(inputs, { maxLength: 20, overflow: 'error' }))
    expect(error.code).toBe('INPUT_TOO_LONG')
    expect(error.details.index).toBe(3)
  })

  it('more ids than maxLength: they are complete, and cutting them would tear off special tokens', async () => {
    const error = await failureOf(() => embed(['fox', new Int32Array(21)], { maxLength: 20 }))
    expect(error.code).toBe('INPUT_TOO_LONG')
    expect(error.details).toEqual({ index: 1, tokens: 21, maxLength: 20 })
    expect((await embed([new Int32Array(20)], { maxLength: 20 })).tokens).toEqual([20])
  })

  it('ids with a prompt, which cannot be put before them', async () => {
    for (const options of [{ task: 's2p_query' }, { prompt: 'find: ' }] as const) {
      const error = await failureOf(() => embed(['fox', Int32Array.of(1)], options))
      expect(error.code).toBe('INPUT_INVALID')
      expect(error.message).toBe('Text 1 is token ids: a prompt cannot be put before it')
    }
    expect((await embed([Int32Array.of(1)], { task: 'document' })).tokens).toEqual([1])
  })
})

describe('the caller’s arrays', () => {
  it('may change as soon as the call is made', async () => {
    const ids = Int32Array.of(1, 2, 3)
    const inputs: EmbedInput[] = ['fox', ids, 'river']
    const expected = await embed(inputs)
    const call = embed(inputs)
    ids.fill(-1)
    inputs.length = 0
    inputs.push('x', 'y', 'z', 'w')
    expect(await call).toEqual(expected)
  })

  it('stay the caller’s: a run may give its buffers away', async () => {
    const ids = Int32Array.of(1, 2, 3)
    const run: RunBatch = async (batch) => {
      const slab = await compute(batch)
      structuredClone(batch.ids, { transfer: [batch.ids.buffer as ArrayBuffer] })
      return slab
    }
    await embed([ids], {}, run)
    expect([...ids]).toEqual([1, 2, 3])
  })
})

describe('without a tokenizer', () => {
  const embedIds = (inputs: readonly EmbedInput[]) =>
    embedTexts(INFO, undefined, inputs, resolveEmbedOptions(INFO), compute)

  it('token ids are embedded', async () => {
    expect((await embedIds([Int32Array.of(4, 5)])).embeddings).toEqual([vectorOf(Int32Array.of(4, 5))])
  })

  it('a text is refused, with both ways out', async () => {
    const error = await failureOf(() => embedIds([Int32Array.of(1), 'fox']))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain('Int32Array')
    expect(error.message).toContain('load it with its tokenizer')
    expect(error.details.index).toBe(1)
  })
})
