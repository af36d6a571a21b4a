/** Ways to say how alike two texts are: a model, word overlap. All answer with the cosines of pairs of texts. */
import type { EmbeddingPool, StellaModelInfo } from '../../src/index.js'
import { dotProduct } from '../../src/index.js'
import type { Vectors } from './held-out.js'

/** Cosines of pairs of places in a list of texts. */
export interface Contender {
  readonly name: string
  cosines(texts: readonly string[], pairs: readonly (readonly [number, number])[]): Promise<Float32Array>
}

/** A model. */
export function modelContender(
  name: string,
  pool: EmbeddingPool,
  info: StellaModelInfo,
  dimensions: number,
): Contender {
  return {
    name,
    async cosines(texts, pairs) {
      const { embeddings } = await pool.batchEmbed(info, texts, { dimensions })
      return Float32Array.from(pairs, ([a, b]) => dotProduct(embeddings[a] ?? [], embeddings[b] ?? []))
    },
  }
}

/** Vectors that are there already, of length 1. */
export function vectorContender(name: string, { data, dimensions }: Vectors): Contender {
  const row = (index: number): Float32Array => data.subarray(index * dimensions, (index + 1) * dimensions)
  return {
    name,
    cosines: (_, pairs) => Promise.resolve(Float32Array.from(pairs, ([a, b]) => dotProduct(row(a), row(b)))),
  }
}

/**
 * Word overlap: cosine of the words' counts, each weighted by log((1 + n) / (1 + texts with the word)) + 1, as
 * scikit-learn's TfidfVectorizer does by default.
 *
 * @param corpus - Where the frequencies are from.
 */
export function overlapContender(corpus: readonly string[]): Contender {
  const texts = new Map<string, number>()
  for (const text of corpus) for (const word of new Set(words(text))) texts.set(word, (texts.get(word) ?? 0) + 1)
  const weight = (word: string): number => Math.log((1 + corpus.length) / (1 + (texts.get(word) ?? 0))) + 1
  const vector = (text: string): Map<string, number> => {
    const counts = new Map<string, number>()
    for (const word of words(text)) counts.set(word, (counts.get(word) ?? 0) + weight(word))
    const length = Math.hypot(...counts.values()) || 1
    return new Map([...counts].map(([word, value]) => [word, value / length]))
  }
  return {
    name: 'word overlap (TF-IDF)',
    cosines(given, pairs) {
      const vectors = given.map(vector)
      return Promise.resolve(
        Float32Array.from(pairs, ([a, b]) => {
          let sum = 0
          for (const [word, value] of vectors[a] ?? []) sum += value * (vectors[b]?.get(word) ?? 0)
          return sum
        }),
      )
    },
  }
}

/** Words of two letters and more, in lower case. */
function words(text: string): string[] {
  return text.toLowerCase().match(/\p{L}[\p{L}\p{N}]+/gu) ?? []
}
