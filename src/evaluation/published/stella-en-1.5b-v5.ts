/** What others published about the real weights of the 1.5B. */
import { cardCheck } from './card.js'
import type { PublishedCheck } from './check.js'
import { compare, vectorAt, worst } from './check.js'

/** First and last three numbers of a vector of 1,024, not normalised, as candle's README prints them. */
const CANDLE = {
  text: 'What are safetensors?',
  head: [0.3905, -0.013, 0.2072],
  tail: [-0.11, -0.0086, 0.6002],
} as const

/** Four digits are printed; a hundredth of the largest leaves room for another engine's fp32. */
const CANDLE_TOLERANCE = 0.005

/**
 * A sentence and its token ids, from forkwright/logismos, phases/03-stella/golden. Its vectors cannot be used: they
 * were normalised before the head as well as after it, which the model does not do.
 */
const TOKENS = {
  text: 'The quick brown fox jumps over the lazy dog.',
  ids: [785, 3974, 13876, 38835, 34208, 916, 279, 15678, 5562, 13, 151643],
} as const

/** Token ids are right or wrong: vectors of the same ids differ only by the order of sums. */
const SAME_VECTOR_TOLERANCE = 1e-6

const DIMENSIONS = 1024

const CANDLE_CHECK: PublishedCheck = {
  name: "vector in candle's README",
  source: 'huggingface/candle, candle-examples/examples/stella-en-v5/README.md',
  dimensions: DIMENSIONS,
  run: async (embed) => {
    const result = await embed([CANDLE.text], { task: 's2p_query', dimensions: DIMENSIONS, normalize: false })
    const vector = vectorAt(result, 0)
    const first = CANDLE.head.map((expected, index) => ({ expected, index }))
    const last = CANDLE.tail.map((expected, index) => ({ expected, index: DIMENSIONS - CANDLE.tail.length + index }))
    const numbers = [...first, ...last].map(({ expected, index }) =>
      compare(vector[index] ?? Number.NaN, expected, CANDLE_TOLERANCE, `number ${index}`),
    )
    return worst(numbers)
  },
}

const TOKENS_CHECK: PublishedCheck = {
  name: 'token ids of a sentence',
  source: 'forkwright/logismos, phases/03-stella/golden, row 0 (ids only)',
  dimensions: DIMENSIONS,
  run: async (embed) => {
    const text = await embed([TOKENS.text], { dimensions: DIMENSIONS })
    if (text.usage.tokens !== TOKENS.ids.length) return compare(text.usage.tokens, TOKENS.ids.length, 0, 'tokens')
    const ids = await embed([Int32Array.from(TOKENS.ids)], { dimensions: DIMENSIONS })
    const other = vectorAt(ids, 0)
    const apart = vectorAt(text, 0).reduce((most, value, i) => Math.max(most, Math.abs(value - (other[i] ?? 0))), 0)
    return compare(apart, 0, SAME_VECTOR_TOLERANCE, 'largest difference')
  },
}

/** Checks for these weights. */
export const STELLA_EN_1_5B_V5_CHECKS: readonly PublishedCheck[] = [
  cardCheck('NovaSearch/stella_en_1.5B_v5', [
    [0.8179, 0.2958],
    [0.3194, 0.7854],
  ]),
  CANDLE_CHECK,
  TOKENS_CHECK,
]
