/**
 * A text's vector depends on the text alone, in every precision: not on its neighbours, its place, the way its run is laid
 * out, or the number of threads.
 */
import { join } from 'node:path'

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { StellaModelInfo } from '../../../registry/types.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { FLASH_MIN_TOKENS } from '../../../src/convert/layers/attention.js'
import type { Precision } from '../../../src/convert/recipe.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { packTexts } from '../../../src/packed/packing.js'
import { goldenCheckpoint, maxAbs } from '../../golden/golden-file.js'
import { temporaryFolder } from '../../support/temp-folder.js'

/**
 * The pooling's sums are added in another order in a batch of another length. Nothing before may differ by a bit: at a
 * site with rounded inputs the least difference can become a whole step.
 */
const MAX_BATCH_DEPENDENCE = 1e-6

/** Two attention operators, two orders of summing a thousand keys. */
const MAX_PATH_DIFFERENCE = 1e-6

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

/** How often each property is tried. Alone and together, every text runs several times. */
const RUNS = { fp32: 10, int8: 8, int4: 8 } as const satisfies Readonly<Record<Precision, number>>

const CASES = (['new-tiny', 'new-wide', 'qwen2-tiny', 'qwen2-mqa'] as const).flatMap((name) =>
  (['fp32', 'int8', 'int4'] as const).map((precision) => ({ name, precision })),
)

describe.each(CASES)('$name in $precision', ({ name, precision }) => {
  let model: LoadedStellaModel
  let threaded: LoadedStellaModel
  let info: StellaModelInfo

  beforeAll(async () => {
    info = await describeCheckpoint(goldenCheckpoint(name), { key: name })
    const options = { home: join(temporary.path, 'home'), precision }
    model = await LoadedStellaModel.load(info, { ...options, threads: 1 })
    threaded = await LoadedStellaModel.load(info, { ...options, threads: 2 })
  })
  afterAll(async () => {
    await model.close()
    await threaded.close()
  })

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
      { numRuns: RUNS[precision] },
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
      { numRuns: RUNS[precision] },
    )
  })

  it('the same call gives the same bits', async () => {
    const texts = ['fox', 'the quick brown fox '.repeat(40), 'river']
    expect((await model.batchEmbed(texts)).embeddings).toEqual((await model.batchEmbed(texts)).embeddings)
  })

  it('any ids in any packed batch have the vectors they have alone, on one thread and on two', async () => {
    const anyIds = fc.array(fc.integer({ min: 0, max: 180 }), { minLength: 1, maxLength: 150, size: 'max' })
    await fc.assert(
      fc.asyncProperty(fc.array(anyIds, { minLength: 1, maxLength: 8, size: 'max' }), async (lists) => {
        const texts = lists.map((ids) => Int32Array.from(ids))
        const options = { dimensions: info.defaultDimensions, normalize: true }
        const together = await model.embedTokens(packTexts(texts), options)
        const onTwo = await threaded.embedTokens(packTexts(texts), options)
        expect(maxAbs(onTwo, together)).toBeLessThanOrEqual(MAX_BATCH_DEPENDENCE)
        for (const [index, text] of texts.entries()) {
          const alone = await model.embedTokens(packTexts([text]), options)
          const row = together.slice(index * alone.length, (index + 1) * alone.length)
          expect(maxAbs(row, alone)).toBeLessThanOrEqual(MAX_BATCH_DEPENDENCE)
        }
      }),
      { numRuns: RUNS[precision] },
    )
  })

  it('a text of the flash path has one vector in any call', async () => {
    const length = Math.min(FLASH_MIN_TOKENS + 40, info.tokens.max)
    const long = Int32Array.from({ length }, (_, place) => (place * 7919) % 190)
    const options = { maxLength: info.tokens.max }
    const { embedding } = await model.embed(long, options)
    const { embeddings } = await threaded.batchEmbed(
      ['fox', long, 'the quick brown fox', Int32Array.of(2, 50, 3)],
      options,
    )
    expect(maxAbs(embeddings[1] ?? new Float32Array(), embedding)).toBeLessThanOrEqual(MAX_BATCH_DEPENDENCE)
  })

  // Rounded, the paths may differ by a step; a text of either length never takes the other one in a call.
  it.runIf(precision === 'fp32').each([FLASH_MIN_TOKENS - 1, FLASH_MIN_TOKENS, FLASH_MIN_TOKENS + 1, 1500])(
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
