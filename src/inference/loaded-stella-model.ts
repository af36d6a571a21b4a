/**
 * A model in memory, ready to embed in the thread it was loaded in. The other half of `StellaModelInfo`: there is no
 * way to one of these but through `load`.
 */
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { isModelInfo, requireModelInfo } from '../../registry/model-registry.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { Artefact, PrepareOptions } from '../convert/prepare.js'
import { prepareArtefact } from '../convert/prepare.js'
import type { Precision, PrecisionRequest } from '../convert/recipe.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import { throwIfAborted } from '../files/cancellation.js'
import { readManifest } from '../files/manifest.js'
import { availableCores } from '../runtime/cores.js'
import type { Device, DeviceRequest } from '../runtime/devices.js'
import { resolveDevice } from '../runtime/resolve-device.js'
import { StellaTokenizer } from '../text/tokenizer.js'
import type { BatchEmbedResult, Embedder, EmbedInput, EmbedResult } from './embed-texts.js'
import { embedTexts, single } from './embed-texts.js'
import { Engine } from './engine.js'
import type { Logger } from './logger.js'
import { SILENT, isLogger } from './logger.js'
import type { BatchEmbedOptions, EmbedOptions } from './options.js'
import { invalid, rejectUnknownKeys, resolveEmbedOptions } from './options.js'
import { resolveSharedWeights } from './shared-weights.js'
import type { PackedTexts } from '../packed/packing.js'

/** How to load a model. */
export interface LoadOptions extends PrepareOptions {
  /** A folder that `prepareArtefact` made. @default found, or made, under `home` */
  readonly artefact?: string | undefined
  /**
   * Fingerprint that the artefact must have (`Artefact.manifest.fingerprint`): vectors of another one must not be mixed
   * with those you have. @default any
   */
  readonly fingerprint?: string | undefined
  /** Threads inside one run. @default the cores this process may use */
  readonly threads?: number | undefined
  /**
   * Where to run. On another device than the CPU `precision: 'auto'` is `fp32`, and weights are not shared.
   * @default 'auto', which is the CPU
   */
  readonly device?: DeviceRequest | undefined
  /** Load the tokenizer. Without it the model takes token ids only. @default true */
  readonly tokenizer?: boolean | undefined
  /**
   * Map one copy of the weights that all threads and processes of the machine share. The first load writes it into the
   * artefact's folder, which takes about as much disk as the weights. Small models are not worth it and have a copy
   * each, and so has any model for which it could not be made; the logger is told why.
   * @default true on the CPU; nothing can be shared on another device
   */
  readonly sharedWeights?: boolean | undefined
  /** A logger such as pino's. @default silent */
  readonly logger?: Logger | undefined
}

const KNOWN = [
  'artefact',
  'fingerprint',
  'threads',
  'device',
  'tokenizer',
  'sharedWeights',
  'logger',
  'precision',
  'calibration',
  'dimensions',
  'home',
  'hub',
  'download',
  'force',
  'signal',
  'onDownload',
  'onConvert',
  'onWait',
] as const satisfies readonly (keyof LoadOptions)[]

/** More threads than this are a mistake on any machine of today; the engine starts as many as it is told. */
const MAX_THREADS = 1024

/** Lets `load` in and nobody else, also from JavaScript. */
const BY_LOAD = Symbol('load')

/** A loaded model. Runs block the thread: in a server use `EmbeddingPool`, which keeps one per worker. */
export class LoadedStellaModel implements Embedder {
  /** What it is. */
  readonly info: StellaModelInfo
  /** Folder it was loaded from. */
  readonly artefact: string
  /** Where it runs. */
  readonly device: Device
  /** Of its weights. */
  readonly precision: Precision
  /** Time the load took, warm-up included, in milliseconds. */
  readonly loadMs: number
  /** Whether the weights are one mapped copy for the whole machine, or this model's own. */
  readonly weights: 'shared' | 'own'
  readonly #engine: Engine
  readonly #tokenizer: StellaTokenizer | undefined

  private constructor(
    pass: typeof BY_LOAD,
    parts: {
      info: StellaModelInfo
      artefact: string
      device: Device
      precision: Precision
      loadMs: number
      engine: Engine
      tokenizer: StellaTokenizer | undefined
    },
  ) {
    // TypeScript refuses `new LoadedStellaModel`; this refuses it in JavaScript.
    if ((pass as unknown) !== BY_LOAD) throw notLoaded('LoadedStellaModel has no public constructor')
    this.info = parts.info
    this.artefact = parts.artefact
    this.device = parts.device
    this.precision = parts.precision
    this.loadMs = parts.loadMs
    this.weights = parts.engine.weights
    this.#engine = parts.engine
    this.#tokenizer = parts.tokenizer
  }

  /**
   * Loads `info` once: opens its artefact, converting the checkpoint first where that has not happened, and embeds a
   * few tokens to see that the dimension is right.
   *
   * @throws {StellaError} MODEL_LOAD_FAILED with the cause, OPTION_INVALID, or what `prepareArtefact` throws.
   */
  static async load(info: StellaModelInfo, options: LoadOptions = {}): Promise<LoadedStellaModel> {
    const started = performance.now()
    requireModelInfo(info)
    rejectUnknownKeys(options, KNOWN)
    const { logger = SILENT, threads = availableCores(), signal } = options
    if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
      throw invalid('threads', `an integer from 1 to ${MAX_THREADS}`, threads)
    }
    if (!isLogger(logger)) throw invalid('logger', 'an object with debug, info, warn and error', logger)
    throwIfAborted(signal, `loading ${info.key}`)
    const device = await resolveDevice(options.device)
    const sharedWeights = resolveSharedWeights(device, options.sharedWeights)
    const { folder, manifest } = await findArtefact(info, { ...options, precision: precisionOn(device, options) })
    let engine: Engine | undefined
    try {
      engine = await Engine.open(info, folder, manifest, { threads, device, sharedWeights, logger, signal })
      const tokenizer =
        options.tokenizer === false
          ? undefined
          : await StellaTokenizer.load(join(folder, 'tokenizer.json'), info.architecture.vocab)
      const dimensions = await engine.warmUp()
      const loadMs = performance.now() - started
      const facts = { model: info.key, precision: manifest.precision, device, threads, loadMs }
      logger.info({ ...facts, weights: engine.weights, dimensions, engine: engine.version }, 'model loaded')
      return new LoadedStellaModel(BY_LOAD, {
        info,
        artefact: folder,
        device,
        precision: manifest.precision,
        loadMs,
        engine,
        tokenizer,
      })
    } catch (error) {
      await engine?.close()
      if (isStellaError(error)) throw error
      throw new StellaError('MODEL_LOAD_FAILED', `${info.key} failed to load from ${folder}: ${messageOf(error)}`, {
        cause: error,
        details: { model: info.key, artefact: folder },
      })
    }
  }

  /**
   * Embeds one text.
   *
   * @throws {StellaError} INPUT_INVALID, INPUT_TOO_LONG, OPTION_INVALID, TASK_UNKNOWN, DIMENSIONS_UNSUPPORTED, ABORTED.
   */
  async embed(input: EmbedInput, options: EmbedOptions = {}): Promise<EmbedResult> {
    assertLoaded(this)
    return single(await this.batchEmbed([input], options))
  }

  /**
   * Embeds many texts, in their order. An empty list gives an empty result. Loaded with `tokenizer: false`, the model
   * takes token ids only.
   *
   * @throws {StellaError} as {@link LoadedStellaModel.embed}, naming the text.
   */
  async batchEmbed(inputs: readonly EmbedInput[], options: BatchEmbedOptions = {}): Promise<BatchEmbedResult> {
    assertLoaded(this)
    const resolved = resolveEmbedOptions(this.info, options)
    const { signal } = resolved
    // One run after the other, and none after a failure: an abort finds its way in between.
    let last: Promise<unknown> = Promise.resolve()
    const run = (batch: PackedTexts): Promise<Float32Array> => {
      const next = last.then(() => {
        throwIfAborted(signal, 'embedding')
        return this.embedTokens(batch, resolved)
      })
      last = next
      return next
    }
    return embedTexts(this.info, this.#tokenizer, inputs, resolved, run)
  }

  /**
   * Embeds one packed batch of token ids: float32 `[batch, dimensions]`, row after row. What a worker thread calls.
   *
   * @throws {StellaError} INPUT_INVALID, DIMENSIONS_UNSUPPORTED; INTERNAL when a vector is not finite.
   */
  async embedTokens(
    batch: PackedTexts,
    options: { readonly dimensions: number; readonly normalize: boolean },
  ): Promise<Float32Array> {
    assertLoaded(this)
    return this.#engine.run(batch, options.dimensions, options.normalize)
  }

  /** Frees the sessions. Later calls are refused; closing twice is fine. */
  async close(): Promise<void> {
    assertLoaded(this)
    await this.#engine.close()
  }

  /** As {@link LoadedStellaModel.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Whether `value` is a loaded model, and no descriptor or look-alike. */
  static is(value: unknown): value is LoadedStellaModel {
    return typeof value === 'object' && value !== null && #engine in value
  }
}

/**
 * Refuses anything but a loaded model.
 *
 * @throws {StellaError} MODEL_NOT_LOADED saying how to load one.
 */
export function assertLoaded(value: unknown): asserts value is LoadedStellaModel {
  if (LoadedStellaModel.is(value)) return
  if (isModelInfo(value)) throw notLoaded(`\`${value.key}\` is a descriptor: it says what the model is and cannot run`)
  throw notLoaded('Expected a loaded model')
}

function notLoaded(problem: string): StellaError {
  return new StellaError(
    'MODEL_NOT_LOADED',
    `${problem}. Use \`pool.embed(model, text)\` of an EmbeddingPool, or \`await LoadedStellaModel.load(model)\``,
  )
}

/**
 * On other devices `auto` is float32: int8 is built and measured for processors. An artefact that was named is taken as
 * it is.
 */
function precisionOn(device: Device, { precision, artefact }: LoadOptions): PrecisionRequest | undefined {
  const isOpen = precision === undefined || precision === 'auto'
  return isOpen && device !== 'cpu' && artefact === undefined ? 'fp32' : precision
}

async function findArtefact(
  info: StellaModelInfo,
  options: LoadOptions,
): Promise<Pick<Artefact, 'folder' | 'manifest'>> {
  const found = await artefactAt(info, options)
  const { fingerprint } = found.manifest
  if (options.fingerprint === undefined || options.fingerprint === fingerprint) return found
  throw new StellaError(
    'ARTEFACT_INVALID',
    `${found.folder} has the fingerprint ${fingerprint}; expected ${options.fingerprint}. It was made again, in another way: ` +
      'its vectors must not be mixed with those of before',
    { details: { folder: found.folder, fingerprint, expected: options.fingerprint } },
  )
}

async function artefactAt(info: StellaModelInfo, options: LoadOptions): Promise<Pick<Artefact, 'folder' | 'manifest'>> {
  const { artefact: folder, precision = 'auto' } = options
  if (folder === undefined) return prepareArtefact(info, options)
  const surplus = (['calibration', 'force', 'download', 'dimensions'] as const).find(
    (name) => options[name] !== undefined,
  )
  if (surplus !== undefined)
    throw invalid(surplus, 'left out beside `artefact`, which is loaded as it is', options[surplus])
  const manifest = await readManifest(folder)
  if (manifest !== undefined && precision !== 'auto' && precision !== manifest.precision) {
    throw invalid('precision', `${manifest.precision}, which the artefact in ${folder} has, or left out`, precision)
  }
  if (manifest !== undefined) return { folder, manifest }
  throw new StellaError('ARTEFACT_INVALID', `${folder} holds no manifest.json: it is no finished artefact`, {
    details: { folder },
  })
}
