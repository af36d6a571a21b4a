/** What others published about the real weights of the 400M. */
import { cosineSimilarity } from '../../vectors/similarity.js'
import { cardCheck } from './card.js'
import type { PublishedCheck } from './check.js'
import { compare, compareTable, vectorAt } from './check.js'
import { TEI_TEXT, TEI_VECTOR_1024, TEI_VECTOR_768 } from './tei-vectors.js'

/**
 * Largest distance of a cosine from 1 that text-embeddings-inference accepts of itself; its GELU is the tanh form, this
 * engine's the exact one the model was trained with.
 */
const TEI_TOLERANCE = 0.001

/**
 * The fp32 figures of sentence-transformers and its later bf16 ones differ by up to 0.0012; its own test accepts 0.01.
 */
const RED_PLANET_TOLERANCE = 0.002

/** In fp32, from the test as of commit 2e3e6352219281dc45aebbff61c3fd9939b68e26. */
const RED_PLANET_SCORES = [0.55998, 0.83601, 0.69783, 0.70312]

const RED_PLANET: PublishedCheck = {
  name: 'Red Planet scores of sentence-transformers',
  source: 'huggingface/sentence-transformers, tests/sentence_transformer/test_pretrained.py (fp32)',
  dimensions: 1024,
  run: (embed) =>
    compareTable(embed, {
      queries: ['Which planet is known as the Red Planet?'],
      // `encode_query` looks for a prompt called `query`, which this model does not define: none is used.
      task: 'document',
      documents: [
        "Venus is often called Earth's twin because of its similar size and proximity.",
        'Mars, known for its reddish appearance, is often referred to as the Red Planet.',
        'Jupiter, the largest planet in our solar system, has a prominent red spot.',
        'Saturn, famous for its rings, is sometimes mistaken for the Red Planet.',
      ],
      dimensions: 1024,
      expected: [RED_PLANET_SCORES],
      tolerance: RED_PLANET_TOLERANCE,
    }),
}

/** Checks for these weights. */
export const STELLA_EN_400M_V5_CHECKS: readonly PublishedCheck[] = [
  cardCheck('NovaSearch/stella_en_400M_v5', [
    [0.8398, 0.299],
    [0.3282, 0.8095],
  ]),
  RED_PLANET,
  teiCheck(TEI_VECTOR_1024),
  teiCheck(TEI_VECTOR_768),
]

function teiCheck(published: readonly number[]): PublishedCheck {
  const dimensions = published.length
  return {
    name: `${dimensions}-d vector of text-embeddings-inference`,
    source: 'huggingface/text-embeddings-inference, backends/candle/tests/snapshots',
    dimensions,
    run: async (embed) => {
      const result = await embed([TEI_TEXT], { dimensions, normalize: false })
      return compare(cosineSimilarity(vectorAt(result, 0), published), 1, TEI_TOLERANCE, 'cosine')
    },
  }
}
