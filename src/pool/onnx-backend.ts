/** The real engine: artefacts from checkpoints, packed weights, and ONNX Runtime in worker threads. */
import { join } from 'node:path'

import type { StellaModelInfo } from '../../registry/types.js'
import { BACKBONE_FILE } from '../convert/artefact-files.js'
import type { PrepareOptions } from '../convert/prepare.js'
import { prepareArtefact } from '../convert/prepare.js'
import type { Precision } from '../convert/recipe.js'
import { StellaError } from '../errors.js'
import { throwIfAborted } from '../files/cancellation.js'
import type { Manifest } from '../files/manifest.js'
import { checkArtefact } from '../inference/check-artefact.js'
import { ownWeights, shareWeights } from '../inference/packed-weights.js'
import { availableCores } from '../runtime/cores.js'
import { TokenizerThread } from '../text/tokenizer-thread.js'
import type { Backend, PoolWorker, PreparedModel, PrepareRequest, WorkerObserver } from './backend.js'
import { EmbeddingWorker } from './embedding-worker.js'
import type { Plan } from './plan.js'
import { planModel } from './plan.js'
import { planRequest } from './plan-request.js'
import type { ResolvedPoolOptions } from './pool-options.js'

/** Options that say what a model takes. */
export type BackendOptions = Omit<ResolvedPoolOptions, 'budget' | 'registry'>

/** ONNX Runtime. */
export class OnnxBackend implements Backend {
  readonly #options: BackendOptions

  constructor(options: BackendOptions) {
    this.#options = options
  }

  estimate(info: StellaModelInfo, available: number): Plan {
    return planModel(info, { ...planRequest(info, this.#options), available })
  }

  async prepare(info: StellaModelInfo, { dimensions, signal }: PrepareRequest): Promise<PreparedModel> {
    const options = this.#options
    const { folder, manifest } = await prepareArtefact(info, { ...prepareOptions(options), dimensions, signal })
    await checkArtefact(info, folder, manifest)
    // Here and not in the workers: one of them would make it while the others wait.
    const { weights } = options.sharedWeights
      ? await shareWeights(info, folder, manifest, { threads: availableCores(), logger: options.logger, signal })
      : ownWeights(folder)
    throwIfAborted(signal, `loading ${info.key}`)
    // Last: nothing after it can fail and leave its thread behind.
    const tokenizer = TokenizerThread.begin(join(folder, 'tokenizer.json'), info.architecture.vocab)
    return new OnnxModel(info, { options, folder, manifest, tokenizer, weights })
  }
}

/** An artefact on disk, checked, with its tokenizer. */
class OnnxModel implements PreparedModel {
  readonly info: StellaModelInfo
  readonly precision: Precision
  readonly tokenizer: TokenizerThread
  readonly weights: 'shared' | 'own'
  readonly #options: BackendOptions
  readonly #folder: string
  readonly #manifest: Manifest
  /** Heads known to be in the artefact. */
  readonly #dimensions: Set<number>

  constructor(
    info: StellaModelInfo,
    parts: {
      options: BackendOptions
      folder: string
      manifest: Manifest
      tokenizer: TokenizerThread
      weights: 'shared' | 'own'
    },
  ) {
    this.info = info
    this.precision = parts.manifest.precision
    this.tokenizer = parts.tokenizer
    this.weights = parts.weights
    this.#options = parts.options
    this.#folder = parts.folder
    this.#manifest = parts.manifest
    this.#dimensions = new Set(parts.manifest.heads.map((head) => head.dimensions))
  }

  plan(available: number): Plan {
    const { precision, weights } = this
    const storedBytes = this.#manifest.files[`${BACKBONE_FILE}.data`]?.bytes
    return planModel(this.info, {
      ...planRequest(this.info, this.#options),
      ...{ precision, weights, storedBytes, available },
    })
  }

  ready(): Promise<void> {
    return this.tokenizer.ready()
  }

  createWorker(threads: number, observer: WorkerObserver): PoolWorker {
    const { info, weights } = this
    const { fingerprint } = this.#manifest
    const setup = {
      artefact: this.#folder,
      fingerprint,
      threads,
      device: this.#options.device,
      sharedWeights: weights === 'shared',
    }
    return new EmbeddingWorker(info, setup, observer)
  }

  async requireHead(dimensions: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.info.heads.length === 0 || this.#dimensions.has(dimensions)) return
    // In the precision that is served, whatever `auto` has come to mean since.
    const { precision } = this
    const options = { ...prepareOptions(this.#options), precision, dimensions: [dimensions], signal }
    const { folder, manifest } = await prepareArtefact(this.info, options)
    if (folder !== this.#folder) {
      throw new StellaError(
        'ARTEFACT_INVALID',
        `The checkpoint of ${this.info.key} has changed since it was loaded; evict the model and load it again`,
        { details: { model: this.info.key, loaded: this.#folder, found: folder } },
      )
    }
    for (const head of manifest.heads) this.#dimensions.add(head.dimensions)
  }

  close(): Promise<void> {
    return this.tokenizer.close()
  }
}

function prepareOptions(options: BackendOptions): PrepareOptions {
  const { precision, home, hub, download, onDownload, onConvert, onWait } = options
  return { precision, home, hub, download, onDownload, onConvert, onWait }
}
