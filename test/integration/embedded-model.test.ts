/** The embedded model means something: what a demo of it shows, on sentences that it was not trained on. */
import { readFile } from 'node:fs/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { PASSAGES, SEARCH_CASES } from '../../bench/nano/search-cases.js'
import { spearman } from '../../bench/nano/statistics.js'
import { LoadedStellaModel, STELLA_NANO, cosineSimilarity, matrixOf, topK } from '../../src/index.js'

/** Sentences of one meaning in other words, and a third that shares words with the first and not its meaning. */
const TRIPLES = [
  ['The child is asleep.', 'The infant is sleeping.', 'The child is running.'],
  ['Water boils at a hundred degrees.', 'The boiling point of the liquid is 100 °C.', 'Water was on the table.'],
  ['How do I delete a file?', 'removing documents from the disk', 'How do I bake a cake?'],
  ['The bank lent him money.', 'He got a loan.', 'The bank of the river was steep.'],
] as const

/** Of {@link SEARCH_CASES}, found in the first place: all 16 were, less two. Random weights find four. */
const MIN_FOUND = 14

/** What the teacher makes of some texts; `tools/nano/golden.py` writes it. */
interface TeacherCosines {
  readonly texts: readonly string[]
  /** Of all pairs: of the first with each after it, then of the second, … */
  readonly cosines: readonly number[]
}
const TEACHER_COSINES = new URL('../golden/teacher-cosines.json', import.meta.url)

/** Spearman's correlation with the teacher on these texts: 0.794, less what another training may cost. Random weights: 0.13. */
const MIN_AGREEMENT = 0.75

/** A prompt says what a query is for; the vector is to stay that of the text. */
const MIN_COSINE_WITH_PROMPT = 0.8

/** Rounding of a vector of length 1 in float32. */
const UNIT_TOLERANCE = 1e-6

let model: LoadedStellaModel
beforeAll(async () => {
  model = await LoadedStellaModel.load(STELLA_NANO)
})
afterAll(() => model.close())

describe.each(STELLA_NANO.heads.map(({ dimensions }) => dimensions))(
  'the embedded model, %i dimensions',
  (dimensions) => {
    it.each(TRIPLES)('takes "%s" for closer to "%s" than to "%s"', async (text, same, other) => {
      const { embeddings } = await model.batchEmbed([text, same, other], { dimensions })
      const [a = [], b = [], c = []] = embeddings
      expect(cosineSimilarity(a, b)).toBeGreaterThan(cosineSimilarity(a, c))
    })

    it('finds passages that share no word with the query', async () => {
      const passages = matrixOf((await model.batchEmbed(PASSAGES, { dimensions })).embeddings)
      const asked = SEARCH_CASES.map(({ query }) => query)
      const queries = matrixOf((await model.batchEmbed(asked, { dimensions })).embeddings)
      const found = topK(queries, passages, 1).map(([best], i) => best?.index === SEARCH_CASES[i]?.passage)
      expect(found.filter(Boolean).length).toBeGreaterThanOrEqual(MIN_FOUND)
    })

    it('ranks pairs of texts as its teacher does', async () => {
      const { texts, cosines } = JSON.parse(await readFile(TEACHER_COSINES, 'utf8')) as TeacherCosines
      const { embeddings } = await model.batchEmbed(texts, { dimensions })
      const found = embeddings.flatMap((one, i) => embeddings.slice(i + 1).map((other) => cosineSimilarity(one, other)))
      expect(spearman(found, cosines)).toBeGreaterThan(MIN_AGREEMENT)
    })

    it('gives a text twice the same vector, of cosine 1', async () => {
      const { embeddings } = await model.batchEmbed(['The same again.', 'Another one.', 'The same again.'], {
        dimensions,
      })
      expect(embeddings[2]).toEqual(embeddings[0])
      expect(cosineSimilarity(embeddings[0] ?? [], embeddings[2] ?? [])).toBeCloseTo(1, -Math.log10(UNIT_TOLERANCE))
    })

    it.each(['s2p_query', 's2s_query'] as const)('keeps the meaning of a text under %s', async (task) => {
      const text = 'how to keep bread fresh'
      const [plain, asked] = [await model.embed(text, { dimensions }), await model.embed(text, { dimensions, task })]
      expect(cosineSimilarity(plain.embedding, asked.embedding)).toBeGreaterThan(MIN_COSINE_WITH_PROMPT)
    })
  },
)

it('the descriptor says that it is a demo', () => {
  expect(STELLA_NANO.quality).toBe('demo')
})
