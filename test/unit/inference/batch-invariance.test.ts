/** A text's vector depends on the text alone: not on its neighbours, its place, or the way its run is laid out. */
import { join } from 'node:path'

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { StellaModelInfo } from '../../../registry/types.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { FLASH_MIN_TOKENS } from '../../../src/convert/layers/attention.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { packTexts } from '../../../src/packed/packing.js'
import { goldenCheckpoint, maxAbs } from '../../golden/golden-file.js'
import { temporaryFolder } from '../../support/temp-folder.js'

/** Sums of other lengths are added in another order. */
const MAX_BATCH_DEPENDENCE = 1e-6

/** Two attention operators, two orders of summing a thousand keys. */
const MAX_PATH_DIFFERENCE = 1e-6

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

describe.each(['new-tiny', 'new-wide', 'qwen2-tiny', 'qwen2-mqa'] as const)('%s', (name) => {
  let model: LoadedStellaModel
  let info: StellaModelInfo

  beforeAll(async () => {
    info = await describeCheckpoint(goldenCheckpoint(name), { key: name })
    model = await LoadedStellaModel.load(info, { home: join(temporary.path, 'home'), threads: 1 })
  })
  afterAll(() => model.close())

  const anyTexts = fc.array(
    fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 120 }).map((count) => 'the quick brown fox '.repeat(count)),
    ),
    { minLength: 1, maxLength: 12 },
  )

  it('any texts in any batch have the vectors they have alone', async () => {
    await fc.assert(
      fc.asyncProperty(anyTexts, async (texts) => {
        const { embeddings, tokens } = await model.batchEmbed(texts)
        for (const [index, text] of texts.entries()) {
          const alone = await model.embed(text)
          expect(tokens[index]).toBe(alone.usage.tokens)
          expect(maxAbs(embeddings[index] ?? new Float32Array(), alone.embedding)).toBeLessThanOrEqual(
            MAX_BATCH_DEPENDENCE,
          )
        }
      }),
      { numRuns: 10 },
    )
  })

  it('the order of a batch is the order of its results and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyTexts.chain((texts) => fc.tuple(fc.constant(texts), fc.shuffledSubarray(texts))),
        async ([texts, shuffled]) => {
          const { embeddings } = await model.batchEmbed(texts)
          const other = await model.batchEmbed(shuffled)
          for (const [index, text] of shuffled.entries()) {
            const here = embeddings[texts.indexOf(text)] ?? new Float32Array()
            expect(maxAbs(other.embeddings[index] ?? new Float32Array(), here)).toBeLessThanOrEqual(
              MAX_BATCH_DEPENDENCE,
            )
          }
        },
      ),
      { numRuns: 10 },
    )
  })

  it('the same call gives the same bits', async () => {
    const texts = ['fox', 'the quick brown fox '.repeat(40), 'river']
    expect((await model.batchEmbed(texts)).embeddings).toEqual((await model.batchEmbed(texts)).embeddings)
  })

  it.each([FLASH_MIN_TOKENS - 1, FLASH_MIN_TOKENS, FLASH_MIN_TOKENS + 1, 1500])(
    'a text of %i tokens has one vector, alone on its path and beside another on the padded one',
    async (length) => {
      const ids = Int32Array.from({ length }, (_, place) => (place * 7919) % 190)
      const options = { dimensions: info.defaultDimensions, normalize: true }
      const alone = await model.embedTokens(packTexts([ids]), options)
      const beside = await model.embedTokens(packTexts([ids, Int32Array.of(2, 50, 3)]), options)
      expect(maxAbs(beside.slice(0, alone.length), alone)).toBeLessThanOrEqual(MAX_PATH_DIFFERENCE)
    },
  )
})
