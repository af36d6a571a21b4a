/** The sessions of one loaded model: one backbone, and a head per size, opened when first asked for. */
import { join } from 'node:path'

import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError, isStellaError, messageOf } from '../errors.js'
import type { Manifest } from '../files/manifest.js'
import { readManifest } from '../files/manifest.js'
import type { Device } from '../runtime/devices.js'
import { deviceAdvice } from '../runtime/devices.js'
import { GraphSession, engineVersion } from '../runtime/session.js'
import { checkArtefact, checkFile } from './check-artefact.js'
import type { Logger } from './logger.js'
import { findBrokenRow, normalizeRows } from './normalize.js'
import { requireDimensions } from './options.js'
import type { BackboneWeights } from './packed-weights.js'
import { ownWeights, shareWeights } from './packed-weights.js'
import type { PackedTexts } from '../packed/packing.js'
import { checkPacked, packTexts } from '../packed/packing.js'
import { runBackbone, runHead } from '../packed/run-graphs.js'
import { MIN_SPECIMEN_COSINE, specimenCosine } from '../packed/specimen.js'

/** Tokens of the warm-up run. */
const WARM_UP_TOKENS = 8

/** How to open the sessions. */
export interface EngineOptions {
  /** Threads inside one run. */
  readonly threads: number
  /** Where the backbone runs. Heads run on the CPU: they take a vector and give one, which is there already. */
  readonly device: Device
  /** Map one copy of the weights that the whole machine shares, and make it where there is none; on the CPU only. */
  readonly sharedWeights: boolean
  readonly logger: Logger
  readonly signal?: AbortSignal | undefined
}

/** Sessions of one artefact, in one thread. */
export class Engine {
  /** Version of ONNX Runtime. */
  readonly version: string
  /** Whether the backbone's weights are mapped, one copy for the whole machine, or this session's own. */
  readonly weights: BackboneWeights['weights']
  readonly #info: StellaModelInfo
  readonly #folder: string
  readonly #manifest: Manifest
  readonly #threads: number
  readonly #backbone: GraphSession
  readonly #heads = new Map<number, Promise<GraphSession>>()
  #closing: Promise<void> | undefined
  #running = 0
  #idle: (() => void) | undefined

  private constructor(
    info: StellaModelInfo,
    opened: {
      folder: string
      manifest: Manifest
      threads: number
      backbone: GraphSession
      weights: BackboneWeights['weights']
    },
  ) {
    this.#info = info
    this.#folder = opened.folder
    this.#manifest = opened.manifest
    this.#threads = opened.threads
    this.#backbone = opened.backbone
    this.weights = opened.weights
    this.version = engineVersion()
  }

  /**
   * @throws {StellaError} ARTEFACT_INVALID when the artefact is of another model, or a file is missing or cut; ABORTED.
   */
  static async open(
    info: StellaModelInfo,
    folder: string,
    manifest: Manifest,
    options: EngineOptions,
  ): Promise<Engine> {
    const { threads } = options
    await checkArtefact(info, folder, manifest)
    const found = options.sharedWeights ? await shareWeights(info, folder, manifest, options) : ownWeights(folder)
    const { backbone, weights } = await openBackbone(info, folder, found, options)
    return new Engine(info, { folder, manifest, threads, backbone, weights })
  }

  /**
   * Embeds a few tokens and sees that the size is right, with the default head or, where the artefact was made without
   * it, with the first it has; and that this processor makes of the artefact's specimen what the one made of it that
   * converted it.
   *
   * @throws {StellaError} ARTEFACT_INVALID
   * @returns the size of the vector.
   */
  async warmUp(): Promise<number> {
    const { defaultDimensions, key } = this.#info
    const made = this.#manifest.heads.map((head) => head.dimensions)
    const expected = made.includes(defaultDimensions) ? defaultDimensions : (made[0] ?? defaultDimensions)
    const texts = { ids: new Int32Array(WARM_UP_TOKENS), lengths: Int32Array.of(WARM_UP_TOKENS) }
    const found = (await this.run(texts, expected, true)).length
    await this.#checkSpecimen()
    if (found === expected) return found
    throw new StellaError(
      'ARTEFACT_INVALID',
      `${this.#folder} gives ${found} numbers for a text; ${key} promises ${expected}`,
      { details: { model: key, found, expected } },
    )
  }

  /**
   * Float32 `[batch, dimensions]`, row after row.
   *
   * @throws {StellaError} POOL_CLOSED after `close`; INPUT_INVALID or DIMENSIONS_UNSUPPORTED before anything runs;
   * INTERNAL when a vector is not finite, or the engine fails.
   */
  async run(texts: PackedTexts, dimensions: number, normalize: boolean): Promise<Float32Array> {
    const { key, heads, architecture } = this.#info
    if (this.#closing !== undefined) throw new StellaError('POOL_CLOSED', `${key} was closed; load it again`)
    // The engine takes a negative id as a row counted from the end of the table: a wrong vector, and no error.
    checkPacked(texts, architecture.vocab)
    requireDimensions(this.#info, dimensions)
    this.#running++
    try {
      const pooled = await runBackbone(this.#backbone, texts)
      const head = heads.length === 0 ? undefined : await this.#head(dimensions)
      const slab = head === undefined ? pooled : await runHead(head, pooled, texts.lengths.length)
      const broken = normalize ? normalizeRows(slab, dimensions) : findBrokenRow(slab, dimensions)
      if (broken === undefined) return slab
      throw new StellaError('INTERNAL', `${key} gave a vector that is not finite for text ${broken} of a run`, {
        details: { model: key, row: broken },
      })
    } catch (error) {
      if (isStellaError(error)) throw error
      throw new StellaError('INTERNAL', `A run of ${key} failed: ${messageOf(error)}`, {
        cause: error,
        details: { model: key },
      })
    } finally {
      this.#running--
      if (this.#running === 0) this.#idle?.()
    }
  }

  async #checkSpecimen(): Promise<void> {
    const { specimen, precision } = this.#manifest
    if (specimen === null) return
    const texts = packTexts([Int32Array.from(specimen.ids)])
    const known = specimen.ids.every((id) => id < this.#info.architecture.vocab)
    const cosine = known ? specimenCosine(specimen, await runBackbone(this.#backbone, texts)) : Number.NaN
    if (cosine >= MIN_SPECIMEN_COSINE) return
    throw new StellaError(
      'ARTEFACT_INVALID',
      `${this.#folder} gives another vector here than where it was made (cosine ${cosine.toFixed(4)}): its weights are ` +
        `damaged, or this processor computes ${precision} otherwise. Convert again with \`stella convert ${this.#info.key} --precision ${precision} --force\``,
      { details: { model: this.#info.key, folder: this.#folder, cosine, least: MIN_SPECIMEN_COSINE } },
    )
  }

  /** Waits for the runs under way, then frees every session. */
  close(): Promise<void> {
    this.#closing ??= this.#release()
    return this.#closing
  }

  async #release(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    const heads = await Promise.allSettled(this.#heads.values())
    for (const head of heads) if (head.status === 'fulfilled') await head.value.close()
    await this.#backbone.close()
  }

  #head(dimensions: number): Promise<GraphSession> {
    let head = this.#heads.get(dimensions)
    if (head === undefined) {
      head = this.#openHead(dimensions)
      this.#heads.set(dimensions, head)
      // A failed open may be tried again, once the artefact has the head.
      head.catch(() => this.#heads.delete(dimensions))
    }
    return head
  }

  async #openHead(dimensions: number): Promise<GraphSession> {
    const find = (manifest: Manifest | undefined) => manifest?.heads.find((head) => head.dimensions === dimensions)
    // A head added since this model was loaded stands in the manifest of today.
    const manifest = find(this.#manifest) === undefined ? await readManifest(this.#folder) : this.#manifest
    const entry = find(manifest)
    if (manifest !== undefined && entry !== undefined) {
      // The load checked all files, which may be long ago.
      for (const file of [entry.file, `${entry.file}.data`]) await checkFile(this.#info, this.#folder, manifest, file)
      return GraphSession.open(join(this.#folder, entry.file), { threads: this.#threads })
    }
    const { key } = this.#info
    throw new StellaError(
      'MODEL_NOT_DOWNLOADED',
      `The artefact of ${key} has no head of ${dimensions} dimensions; make it with \`prepareArtefact(info, { dimensions: [${dimensions}] })\``,
      { details: { model: key, dimensions, present: this.#manifest.heads.map((head) => head.dimensions) } },
    )
  }
}

/**
 * Opens the backbone; where the shared form does not open, because another engine's load has just removed it or it is
 * damaged, with weights of its own.
 */
async function openBackbone(
  { key }: StellaModelInfo,
  folder: string,
  { graph, weights }: BackboneWeights,
  { threads, device, logger }: EngineOptions,
): Promise<{ readonly backbone: GraphSession; readonly weights: BackboneWeights['weights'] }> {
  const own = async (path: string): Promise<GraphSession> => GraphSession.open(path, { threads })
  if (device !== 'cpu') return { backbone: await openOn(device, key, graph, threads), weights }
  if (weights === 'own') return { backbone: await own(graph), weights }
  try {
    return { backbone: await GraphSession.open(graph, { threads, weights: { kind: 'packed' } }), weights }
  } catch (error) {
    logger.warn({ model: key, graph, error: messageOf(error) }, 'shared weights did not open; this load has its own')
    return { backbone: await own(ownWeights(folder).graph), weights: 'own' }
  }
}

/** Opens the backbone on a device other than the CPU, which may not be there, or lack its driver. */
async function openOn(device: Device, key: string, graph: string, threads: number): Promise<GraphSession> {
  try {
    return await GraphSession.open(graph, { threads, device })
  } catch (error) {
    throw new StellaError(
      'MODEL_LOAD_FAILED',
      `${key} does not open on the device \`${device}\`: ${messageOf(error).trim()}. ${deviceAdvice(device)}. Or use \`device: 'cpu'\``,
      { cause: error, details: { model: key, device } },
    )
  }
}
