/**
 * One model with everything that its calls share, over a pool of its own or one that is there. For whoever embeds with one
 * model in one way; the pool is for everybody else.
 */
import { performance } from 'node:perf_hooks'

import { getDefaultRegistry } from '../../registry/index.js'
import { requireModelInfo } from '../../registry/model-registry.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { describeCheckpoint } from '../convert/describe-checkpoint.js'
import type { Precision } from '../convert/recipe.js'
import { StellaError } from '../errors.js'
import type { PoolEmbedOptions } from '../pool/call-options.js'
import { CallsUnderWay } from '../pool/calls-under-way.js'
import { EmbeddingPool } from '../pool/embedding-pool.js'
import type { Device } from '../runtime/devices.js'
import { show } from '../show.js'
import { cosineSimilarity } from '../vectors/similarity.js'
import { promptOption } from './prompt-types.js'
import type { EncodeOptions, ResolvedModelOptions, StellaModelOptions } from './stella-model-options.js'
import { COMPARE_OPTIONS, ENCODE_OPTIONS, checkEncodeOptions, resolveModelOptions } from './stella-model-options.js'
import type { TextSimilarity } from './text-similarity.js'
import { normalizedCosine } from './text-similarity.js'
import type { CallFigures, StellaModelStats } from './usage-meter.js'
import { UsageMeter } from './usage-meter.js'

/** Texts as vectors, in their order. */
export interface EncodedTexts {
  /** One `[dimensions]` per text. */
  readonly embeddings: readonly Float32Array[]
  /** Size of each vector. */
  readonly dimensions: number
  /** Per text: tokens that were run. */
  readonly tokens: readonly number[]
  /** Per text: whether it was cut at `maxLength`. */
  readonly truncated: readonly boolean[]
  /** From call to answer, in milliseconds. */
  readonly elapsedMs: number
}

/** Embedded when a model is opened, to see that it can, and how long its vectors are. */
const TEST_TEXT = 'test'

/** Lets `open` in and nobody else, also from JavaScript. */
const BY_OPEN = Symbol('open')

/** A model that is loaded and warm. */
export class StellaModel {
  /** What it is. */
  readonly info: StellaModelInfo
  /** Where it runs. */
  readonly device: Device
  /** That was loaded: what `auto` came to. */
  readonly precision: Precision
  /** Size of the vectors, as found by embedding a text. */
  readonly embeddingDimension: number
  /** Texts that `encodeTexts` has under way at once. */
  readonly batchSize: number
  readonly #pool: EmbeddingPool
  readonly #options: ResolvedModelOptions
  /** Tokens at which a text is cut where a call says nothing. */
  readonly #maxLength: number
  readonly #loadMs: number
  readonly #meter = new UsageMeter()
  readonly #calls = new CallsUnderWay()
  #closing: Promise<void> | undefined

  private constructor(
    pass: typeof BY_OPEN,
    parts: {
      info: StellaModelInfo
      pool: EmbeddingPool
      options: ResolvedModelOptions
      embeddingDimension: number
      loadMs: number
    },
  ) {
    if ((pass as unknown) !== BY_OPEN) {
      throw new StellaError('MODEL_NOT_LOADED', 'A StellaModel is opened: `await StellaModel.open(options)`')
    }
    const { info, pool } = parts
    const { device, precision } = factsOf(info, pool)
    this.info = info
    this.device = device
    this.precision = precision
    this.embeddingDimension = parts.embeddingDimension
    this.batchSize = parts.options.batchSize
    this.#pool = pool
    this.#options = parts.options
    this.#maxLength = parts.options.maxLength ?? Math.min(info.tokens.recommended, pool.maxLength ?? Infinity)
    this.#loadMs = parts.loadMs
  }

  /**
   * Opens a model: loads it, converting or downloading it first where that is needed and allowed, and embeds a text.
   *
   * @throws {StellaError} OPTION_INVALID, TASK_UNKNOWN, DIMENSIONS_UNSUPPORTED, MODEL_UNKNOWN, MODEL_NOT_DOWNLOADED,
   * CHECKPOINT_INVALID, MODEL_LOAD_FAILED, MEMORY_EXHAUSTED, ABORTED; POOL_CLOSED where the pool that was given is closed.
   */
  static async open(options: StellaModelOptions = {}): Promise<StellaModel> {
    const started = performance.now()
    const resolved = resolveModelOptions(options)
    const info = await findModel(resolved)
    const { signal } = resolved
    const maxLength = resolved.maxLength ?? info.tokens.recommended
    const isOwn = !(resolved.pool instanceof EmbeddingPool)
    const pool = isOwn ? await EmbeddingPool.open({ ...resolved.pool, maxLength }) : resolved.pool
    try {
      const call = callOptions(resolved, {})
      // One of its own has nothing else to make room for: it stays loaded for as long as it is open.
      await pool.preload(info, { dimensions: resolved.embeddingDimension, signal, ...(isOwn ? { pin: true } : {}) })
      const { embedding } = await pool.embed(info, TEST_TEXT, { ...call, signal })
      const loadMs = performance.now() - started
      const parts = { info, pool, options: resolved, embeddingDimension: embedding.length, loadMs }
      return new StellaModel(BY_OPEN, parts)
    } catch (error) {
      if (isOwn) await pool.close()
      throw error
    }
  }

  /**
   * Embeds texts, all or none. An empty list gives an empty result.
   *
   * @throws {StellaError} INPUT_INVALID or INPUT_TOO_LONG with the text's place as `details.index`, OPTION_INVALID,
   * TASK_UNKNOWN, DIMENSIONS_UNSUPPORTED, OVERLOADED, ABORTED, WORKER_LOST, POOL_CLOSED.
   */
  async encodeTexts(texts: readonly string[], options: EncodeOptions = {}): Promise<EncodedTexts> {
    this.#requireOpen()
    checkEncodeOptions(options, ENCODE_OPTIONS)
    const call = callOptions(this.#options, options)
    // The pool's stream takes anything that can be iterated; what it yields is put in its place by index.
    if (!isArray(texts)) throw notTexts(texts)
    const total = texts.length
    const { signal, onProgress } = options
    return this.#measure(async () => {
      const started = performance.now()
      const embeddings = new Array<Float32Array>(total)
      const tokens = new Array<number>(total)
      const truncated = new Array<boolean>(total)
      let done = 0
      const stream = this.#pool.embedStream(this.info, [...texts], { ...call, ...inFlight(this.#options), signal })
      for await (const text of stream) {
        embeddings[text.index] = text.embedding
        tokens[text.index] = text.tokens
        truncated[text.index] = text.truncated
        onProgress?.({ done: ++done, total })
      }
      const dimensions = call.dimensions ?? this.embeddingDimension
      return { embeddings, dimensions, tokens, truncated, elapsedMs: performance.now() - started }
    })
  }

  /**
   * How alike two texts are; both get the same prompt. An error is an error, and no score in the middle.
   *
   * @throws {StellaError} as {@link StellaModel.encodeTexts}; `details.index` is 0 for `a` and 1 for `b`.
   */
  async computeSimilarity(
    a: string,
    b: string,
    options: Omit<EncodeOptions, 'onProgress'> = {},
  ): Promise<TextSimilarity> {
    this.#requireOpen()
    checkEncodeOptions(options, COMPARE_OPTIONS)
    const started = performance.now()
    const call = { ...callOptions(this.#options, options), normalize: true }
    const { lane = 'interactive', signal } = options
    const { embeddings, dimensions, tokens, truncated } = await this.#measure(() =>
      this.#pool.batchEmbed(this.info, [a, b], { ...call, lane, signal }),
    )
    const cosine = cosineSimilarity(at(embeddings, 0), at(embeddings, 1))
    this.#meter.compared()
    return {
      cosineSimilarity: cosine,
      normalizedCosine: normalizedCosine(cosine),
      metadata: {
        model: this.info.key,
        promptType: options.promptType ?? this.#options.promptType,
        embeddingDimension: dimensions,
        maxLength: call.maxLength ?? this.#maxLength,
        tokens: [at(tokens, 0), at(tokens, 1)],
        truncated: [at(truncated, 0), at(truncated, 1)],
        elapsedMs: performance.now() - started,
      },
    }
  }

  /** What it has done so far. */
  stats(): StellaModelStats {
    return this.#meter.stats(this.#loadMs)
  }

  /** Serves the calls under way, then frees the model; a pool that was given stays open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** As {@link StellaModel.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    // A pool that closes ends its streams, and `encodeTexts` is one.
    await this.#calls.ended()
    if (!(this.#options.pool instanceof EmbeddingPool)) await this.#pool.close()
  }

  #measure<T extends CallFigures>(call: () => Promise<T>): Promise<T> {
    return this.#calls.track(this.#meter.measure(call))
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return
    throw new StellaError('POOL_CLOSED', `This model of ${this.info.key} was closed; open another`)
  }
}

async function findModel({ model, path, registry }: ResolvedModelOptions): Promise<StellaModelInfo> {
  if (path !== undefined) return describeCheckpoint(path)
  return typeof model === 'string' ? (registry ?? getDefaultRegistry()).get(model) : requireModelInfo(model)
}

/** What the pool has come to for a model that is loaded. */
function factsOf(
  { key }: StellaModelInfo,
  pool: EmbeddingPool,
): { readonly device: Device; readonly precision: Precision } {
  const found = pool.stats().models.find(({ model }) => model === key)
  if (found?.precision !== undefined) return { device: found.device, precision: found.precision }
  throw new StellaError('MODEL_NOT_LOADED', `${key} was evicted while it was being opened; open it again, or pin it`)
}

/** The pool's options of a call: the model's, but for those of the call. */
function callOptions(model: ResolvedModelOptions, call: EncodeOptions): PoolEmbedOptions {
  const promptType = call.promptType === undefined ? model.promptType : call.promptType
  return {
    ...promptOption(promptType, model.prompts),
    dimensions: call.embeddingDimension ?? model.embeddingDimension,
    normalize: call.normalizeEmbeddings ?? model.normalizeEmbeddings,
    maxLength: call.maxLength ?? model.maxLength,
    ...(call.lane === undefined ? {} : { lane: call.lane }),
  }
}

/** Two chunks of half as many: while one is run, the next is being read. The answer holds all vectors anyway. */
function inFlight({ batchSize }: ResolvedModelOptions): {
  readonly ordered: false
  readonly chunkTexts: number
  readonly concurrency: number
} {
  return { ordered: false, chunkTexts: Math.ceil(batchSize / 2), concurrency: batchSize === 1 ? 1 : 2 }
}

function at<T>(values: readonly T[], index: number): T {
  const value = values[index]
  if (value !== undefined) return value
  throw new StellaError('INTERNAL', `The pool answered ${values.length} texts of 2`)
}

/** `Array.isArray` takes a read-only array for one of anything. */
function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function notTexts(given: unknown): StellaError {
  return new StellaError('INPUT_INVALID', `Expected an array of texts; got ${show(given)}`, {
    details: { argument: 'texts' },
  })
}
