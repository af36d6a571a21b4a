/** A Stella model as an `EmbeddingProvider`: nothing is loaded before it is used. Knows nothing of pools and threads. */
import { StellaError } from '../errors.js'
import { invalid, rejectUnknownKeys } from '../inference/options.js'
import type { StellaModelOptions } from '../model/stella-model-options.js'
import { StellaModel } from '../model/stella-model.js'
import { surfaced } from '../pool/surfaced.js'
import { isAbortSignal } from '../realm.js'
import { show } from '../show.js'
import { DEFAULT_KIND, promptTypeOf } from './embedding-kind.js'
import type {
  EmbeddingProvider,
  ProviderEmbedOptions,
  ProviderEmbedding,
  ProviderEmbeddings,
  ProviderInfo,
} from './embedding-provider.js'
import { LazyResource } from './lazy-resource.js'
import { toProblem, toStellaError } from './problem.js'
import type { ResolvedProviderOptions, StellaProviderOptions } from './provider-options.js'
import { resolveProviderOptions } from './provider-options.js'

/** What a provider takes of a {@link StellaModel}. */
export type ProviderModel = Pick<
  StellaModel,
  'device' | 'precision' | 'embeddingDimension' | 'encodeTexts' | 'close'
> & {
  /** What it is. */
  readonly info: Pick<StellaModel['info'], 'key'>
}

/** Opens the model. */
export type OpenModel = (options: StellaModelOptions) => Promise<ProviderModel>

/** A call, checked. */
interface Request {
  readonly texts: readonly string[]
  readonly promptType: string
  readonly dimension: number | undefined
  readonly lane: 'interactive' | 'bulk'
  readonly signal: AbortSignal | undefined
}

const EMBED_OPTIONS = ['kind', 'dimension', 'signal'] as const satisfies readonly (keyof ProviderEmbedOptions)[]

/**
 * Embeds with one Stella model, which the first call loads.
 *
 * ```ts
 * await using provider = new StellaProvider({ model: 'stella-en-400m-v5' })
 * const { embeddings } = await provider.embed(['one', 'two'], { kind: 'query' })
 * ```
 */
export class StellaProvider implements EmbeddingProvider {
  /** `stella-pool/` and the model, as the options name it. */
  readonly id: string
  readonly #options: ResolvedProviderOptions
  readonly #model: LazyResource<ProviderModel>

  /**
   * Loads nothing.
   *
   * @param open - For tests: what to open the model with.
   * @throws {StellaError} OPTION_INVALID naming the option and what is accepted.
   */
  constructor(options: StellaProviderOptions = {}, open: OpenModel = (given) => StellaModel.open(given)) {
    this.#options = resolveProviderOptions(options)
    this.id = this.#options.id
    this.#model = new LazyResource({
      name: `the model of ${this.id}`,
      open: async (signal) => {
        const model = await open({ ...this.#options.model, signal })
        // One that everybody gave up is closed again.
        if (!signal.aborted) this.#tellLoaded(model)
        return model
      },
      dispose: (model) => model.close(),
      onUnheard: (error) => {
        this.#options.logger.warn({ id: this.id, problem: toProblem(error) }, 'a load given up by everybody failed')
      },
    })
  }

  /**
   * Embeds texts, all or none, in their order. The list is read at once. An empty one gives an empty result, and still
   * loads the model.
   *
   * @throws {StellaError} INPUT_INVALID or INPUT_TOO_LONG with the text's place as `details.index`, OPTION_INVALID,
   * TASK_UNKNOWN, DIMENSIONS_UNSUPPORTED, ABORTED, POOL_CLOSED, WORKER_LOST; of a first call also MODEL_UNKNOWN,
   * MODEL_NOT_DOWNLOADED, CHECKPOINT_INVALID, MODEL_LOAD_FAILED, MEMORY_EXHAUSTED.
   */
  async embed(texts: readonly string[], options: ProviderEmbedOptions = {}): Promise<ProviderEmbeddings> {
    return this.#embed(texts, options, 'bulk')
  }

  /**
   * Embeds one text, before those of {@link StellaProvider.embed} that wait.
   *
   * @throws {StellaError} as {@link StellaProvider.embed}
   */
  async embedOne(text: string, options: ProviderEmbedOptions = {}): Promise<ProviderEmbedding> {
    const { embeddings, truncated, ...rest } = await this.#embed([text], options, 'interactive')
    const [embedding] = embeddings
    const [cut] = truncated
    if (embedding !== undefined && cut !== undefined) return { embedding, ...rest, truncated: cut }
    throw new StellaError('INTERNAL', `${rest.model} gave ${embeddings.length} vectors for one text`)
  }

  /**
   * What is loaded. Loads the model, if no call has.
   *
   * @throws {StellaError} as {@link StellaProvider.embed}
   */
  async info(options: Pick<ProviderEmbedOptions, 'signal'> = {}): Promise<ProviderInfo> {
    try {
      rejectUnknownKeys(options, ['signal'])
      return await this.#model.use(infoOf, checkSignal(options.signal))
    } catch (error) {
      throw toStellaError(error)
    }
  }

  /** Serves the calls under way, those that wait for the load among them, then closes the model. Idempotent. */
  async close(): Promise<void> {
    try {
      await this.#model.close()
    } catch (error) {
      throw toStellaError(error)
    }
  }

  /** As {@link StellaProvider.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #embed(
    texts: readonly string[],
    options: ProviderEmbedOptions,
    lane: Request['lane'],
  ): Promise<ProviderEmbeddings> {
    try {
      // Checked before the model is loaded: a mistake answers at once.
      const request = this.#check(texts, options, lane)
      return await this.#model.use((model) => encode(model, request), request.signal)
    } catch (error) {
      throw toStellaError(error)
    }
  }

  #check(texts: readonly string[], options: ProviderEmbedOptions, lane: Request['lane']): Request {
    rejectUnknownKeys(options, EMBED_OPTIONS)
    const { kind = DEFAULT_KIND, dimension, signal } = options
    const promptType = promptTypeOf(kind, this.#options.prompts)
    return { texts: readTexts(texts), promptType, dimension, lane, signal: checkSignal(signal) }
  }

  #tellLoaded(model: ProviderModel): void {
    surfaced(() => {
      this.#options.logger.info({ id: this.id, ...infoOf(model) }, 'embedding model loaded')
    })
  }
}

async function encode(model: ProviderModel, request: Request): Promise<ProviderEmbeddings> {
  const { texts, promptType, dimension, lane, signal } = request
  const encoded = await model.encodeTexts(texts, { promptType, embeddingDimension: dimension, lane, signal })
  return {
    embeddings: encoded.embeddings,
    dimension: encoded.dimensions,
    model: model.info.key,
    usage: { tokens: encoded.tokens.reduce((sum, tokens) => sum + tokens, 0) },
    truncated: encoded.truncated,
  }
}

function infoOf({ info, precision, device, embeddingDimension }: ProviderModel): ProviderInfo {
  return { model: info.key, precision, device, dimension: embeddingDimension }
}

/** A copy: between the call and the end of a load the caller may write to the list. */
function readTexts(given: unknown): readonly string[] {
  if (!Array.isArray(given)) throw new StellaError('INPUT_INVALID', `Expected an array of texts; got ${show(given)}`)
  return Array.from<unknown, string>(given, (text, index) => {
    if (typeof text === 'string' && text !== '') return text
    const refused =
      text === '' ? `Text ${index} is empty; leave it out` : `Expected text ${index} to be a string; got ${show(text)}`
    throw new StellaError('INPUT_INVALID', refused, { details: { index } })
  })
}

function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || isAbortSignal(signal)) return signal
  throw invalid('signal', 'an AbortSignal', signal)
}
