/** Embedding for whoever wants an answer either way, and nothing thrown: queues, batches, route handlers. */
import type { ProblemDetails } from '../errors.js'
import type { EmbeddingProvider, ProviderEmbedOptions, ProviderEmbeddings } from './embedding-provider.js'
import { toProblem } from './problem.js'

/** Vectors, or why there are none. */
export type EmbedOutcome =
  | ({
      /** There are vectors. */
      readonly ok: true
    } & ProviderEmbeddings)
  | {
      /** There are none. */
      readonly ok: false
      /** Why. */
      readonly problem: ProblemDetails
    }

/**
 * As `provider.embed`, with failures as values. Never rejects, whatever the provider throws.
 *
 * @param texts - All or none are embedded.
 */
export async function tryEmbed(
  provider: Pick<EmbeddingProvider, 'embed'>,
  texts: readonly string[],
  options?: ProviderEmbedOptions,
): Promise<EmbedOutcome> {
  try {
    return { ok: true, ...(await provider.embed(texts, options)) }
  } catch (error) {
    return { ok: false, problem: toProblem(error) }
  }
}
