/**
 * Every vector against engines nobody here wrote: candle's `stella_en_v5` (the engine of the design being ported) and
 * transformers. `tools/reference` wrote the files under `test/golden`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { LoadedStellaModel } from '../../src/inference/loaded-stella-model.js'
import { goldenModels, idsOf } from '../support/goldens.js'
import { temporaryFolder } from '../support/temp-folder.js'
import type { GoldenCase } from './golden-file.js'
import { cosine, maxAbs } from './golden-file.js'

/** fp32 against fp32: both sides round each sum in their own order. */
const MAX_ABSOLUTE_ERROR = 1e-5
const MIN_COSINE = 0.999999

/** A text alone and the same text in a batch differ only by the order in which padding zeros are added. */
const MAX_BATCH_DEPENDENCE = 1e-6

const MODELS = await goldenModels()

it.each(['new', 'qwen2'])('the goldens of %s cover 256, 768 and the square head', (architecture) => {
  const models = MODELS.filter(({ info }) => info.architecture.kind === architecture)
  const sizes = models.flatMap(({ files }) => files.flatMap(({ cases }) => cases.map((golden) => golden.dimensions)))
  const square = models.map(({ info }) => info.architecture.hidden)
  expect(sizes).toEqual(expect.arrayContaining([256, 768]))
  expect(square.some((size) => sizes.includes(size))).toBe(true)
})

describe.each(MODELS)('$name', ({ info, files }) => {
  const home = temporaryFolder()
  let model: LoadedStellaModel

  beforeAll(async () => {
    model = await LoadedStellaModel.load(info, { home: home.path, threads: 1 })
  })
  afterAll(async () => {
    await model.close()
    await home.remove()
  })

  describe.each(files)('against $file', ({ cases }) => {
    const groups = groupsOf(cases)

    it.each(groups)('%s: the same token ids, and vectors equal within the tolerance', async (_, group) => {
      for (const golden of group) {
        const { raw, unit } = await embedAlone(model, golden)
        expect(maxAbs(unit, golden.embedding), `${golden.id} embedding`).toBeLessThanOrEqual(MAX_ABSOLUTE_ERROR)
        expect(cosine(unit, golden.embedding), `${golden.id} cosine`).toBeGreaterThanOrEqual(MIN_COSINE)
        // Raw vectors are longer than 1: their error is measured against their length.
        const length = Math.hypot(...golden.raw)
        expect(maxAbs(raw, golden.raw) / length, `${golden.id} raw`).toBeLessThanOrEqual(MAX_ABSOLUTE_ERROR)
      }
    })

    it.each(groups)('%s: a batch of mixed lengths gives what each text gives alone', async (_, group) => {
      const [first] = group
      if (first === undefined) throw new Error('an empty group')
      const options = { dimensions: first.dimensions, maxLength: model.info.tokens.max }
      const { embeddings } = await model.batchEmbed(group.map(idsOf), options)
      for (const [index, golden] of group.entries()) {
        const alone = await model.embed(idsOf(golden), options)
        const together = embeddings[index] ?? new Float32Array()
        expect(maxAbs(together, alone.embedding), golden.id).toBeLessThanOrEqual(MAX_BATCH_DEPENDENCE)
      }
    })
  })
})

/** Cases of one task and size, by a name for the test. */
function groupsOf(goldens: readonly GoldenCase[]): readonly (readonly [string, readonly GoldenCase[]])[] {
  const groups = new Map<string, GoldenCase[]>()
  for (const golden of goldens) {
    const name = `${golden.task}, ${golden.dimensions} dimensions`
    groups.set(name, [...(groups.get(name) ?? []), golden])
  }
  return [...groups]
}

/** Embeds a golden's text, or its ids where the text is one the API refuses. Both forms must agree on the ids. */
async function embedAlone(
  model: LoadedStellaModel,
  golden: GoldenCase,
): Promise<{ raw: Float32Array; unit: Float32Array }> {
  const ids = idsOf(golden)
  const options = { dimensions: golden.dimensions, maxLength: model.info.tokens.max }
  const byIds = await model.embed(ids, options)
  if (golden.text !== '') {
    const byText = await model.embed(golden.text, { ...options, task: golden.task })
    // Equal tokens give equal vectors, bit for bit: the engine is deterministic.
    expect(byText.usage.tokens, `${golden.id} tokens`).toBe(ids.length)
    expect(byText.embedding, `${golden.id} tokens`).toEqual(byIds.embedding)
  }
  const raw = await model.embed(ids, { ...options, normalize: false })
  return { raw: raw.embedding, unit: byIds.embedding }
}
