/** How alike two texts are: what `StellaModel.computeSimilarity` answers. Plain data. */

/** Of two texts. */
export interface TextSimilarity {
  /** Cosine of the angle between their vectors, -1 to 1. */
  readonly cosineSimilarity: number
  /** (cosine + 1) / 2: from 0 to 1, as scores are wanted elsewhere. Unrelated texts are near 0.5 or above, not near 0. */
  readonly normalizedCosine: number
  /** How it was found. */
  readonly metadata: SimilarityMetadata
}

/** How it was found. */
export interface SimilarityMetadata {
  /** Key of the model. */
  readonly model: string
  /** Task, or name of a prompt, that both texts got. */
  readonly promptType: string
  /** Size of the vectors that were compared. */
  readonly embeddingDimension: number
  /** Tokens at which a text is cut. */
  readonly maxLength: number
  /** Tokens of each text, prompt and special tokens included. */
  readonly tokens: readonly [number, number]
  /** Whether a text was cut. */
  readonly truncated: readonly [boolean, boolean]
  /** From call to answer, the wait for a worker included, in milliseconds. */
  readonly elapsedMs: number
}

/**
 * A cosine as a score from 0 to 1.
 *
 * @param cosine - -1 to 1
 */
export function normalizedCosine(cosine: number): number {
  return (cosine + 1) / 2
}
