/**
 * What a program needs of whatever embeds its texts: small enough to be written around any model, near or far. Knows no
 * model and no engine.
 */

/**
 * What a text is: what is looked for, what is found, or one of two that are compared. A provider may know more, and
 * refuses those that it does not know.
 */
export type EmbeddingKind = 'query' | 'document' | 'similarity' | (string & Record<never, never>)

/** How to embed. */
export interface ProviderEmbedOptions {
  /** What the texts are. @default 'document' */
  readonly kind?: EmbeddingKind | undefined
  /** Size of the vectors, of those that the provider has. @default the provider's */
  readonly dimension?: number | undefined
  /** Gives up on the result, and on a load that nobody else waits for. */
  readonly signal?: AbortSignal | undefined
}

/** What embedding took. */
export interface ProviderUsage {
  /** Tokens of all texts together, prompts and special tokens included. */
  readonly tokens: number
}

/** What is told with every result. */
export interface ProviderResult {
  /** Numbers of each vector. */
  readonly dimension: number
  /** The model that made it. Vectors of different models cannot be compared. */
  readonly model: string
  /** What it took. */
  readonly usage: ProviderUsage
}

/** Many texts as vectors, in their order. */
export interface ProviderEmbeddings extends ProviderResult {
  /** One `[dimension]` per text. */
  readonly embeddings: readonly Float32Array[]
  /** Per text: whether the model has seen its beginning only. */
  readonly truncated: readonly boolean[]
}

/** One text as a vector. */
export interface ProviderEmbedding extends ProviderResult {
  /** `[dimension]` */
  readonly embedding: Float32Array
  /** Whether the model has seen its beginning only. */
  readonly truncated: boolean
}

/** What a provider has come to run. */
export interface ProviderInfo {
  /** Key of the model. */
  readonly model: string
  /** Of the numbers it computes in, such as `int8`. */
  readonly precision: string
  /** Where it runs, such as `cpu`. */
  readonly device: string
  /** Numbers of a vector where a call asks for no other size: found by embedding a text, not by reading a table. */
  readonly dimension: number
}

/**
 * Embeds texts. It may load what it takes on first use. All failures are `StellaError`s.
 *
 * A program that is written against this can be tested with ten lines of its own, and moved to another model.
 */
export interface EmbeddingProvider {
  /** Tells one provider from another, before anything is loaded. */
  readonly id: string

  /**
   * Embeds texts, all or none. An empty list gives an empty result.
   *
   * @throws {StellaError} such as INPUT_INVALID, MODEL_NOT_DOWNLOADED, ABORTED, POOL_CLOSED.
   */
  embed(texts: readonly string[], options?: ProviderEmbedOptions): Promise<ProviderEmbeddings>

  /**
   * Embeds one text.
   *
   * @throws {StellaError} as {@link EmbeddingProvider.embed}
   */
  embedOne(text: string, options?: ProviderEmbedOptions): Promise<ProviderEmbedding>

  /**
   * What is loaded. Loads it, if nothing has: the way to be ready before the first text.
   *
   * @throws {StellaError} as {@link EmbeddingProvider.embed}
   */
  info(options?: Pick<ProviderEmbedOptions, 'signal'>): Promise<ProviderInfo>

  /** Serves the calls under way and gives everything back. New calls are refused. Idempotent. */
  close(): Promise<void>
}
