/** One model of a pool: its tokenizer, its workers, and the memory it holds. */
import { join } from 'node:path'

import type { StellaModelInfo } from '../../registry/types.js'
import type { LoadOutcome } from '../../workers/protocol.js'
import type { PrepareOptions } from '../convert/prepare.js'
import { prepareArtefact } from '../convert/prepare.js'
import type { Precision } from '../convert/recipe.js'
import type { BatchEmbedResult, EmbedInput } from '../inference/embed-texts.js'
import { checkArtefact } from '../inference/check-artefact.js'
import { embedTexts } from '../inference/embed-texts.js'
import { ownWeights, shareWeights } from '../inference/packed-weights.js'
import type { PackedTexts } from '../packed/packing.js'
import { StellaError } from '../errors.js'
import { throwIfAborted } from '../files/cancellation.js'
import type { ResolvedEmbedOptions } from '../inference/options.js'
import { StellaTokenizer } from '../text/tokenizer.js'
import { availableCores } from '../runtime/cores.js'
import { Admission } from './admission.js'
import type { MemoryGrant, MemoryLedger } from './memory-ledger.js'
import { ModelWorkers } from './model-workers.js'
import type { Plan } from './plan.js'
import type { ResolvedPoolOptions } from './pool-options.js'
import { RunQueue } from './run-queue.js'

/** Batches given to the workers at once: one running and one waiting on each thread, so that none idles between two. */
const BATCHES_PER_WORKER = 2

/** What a run was, for events and counts. */
export interface RunReport {
  readonly texts: number
  readonly tokens: number
  readonly runMs: number
}

/** Hears of loads and runs. */
export interface EntryObserver {
  readonly onLoad: (outcome: LoadOutcome) => void
  readonly onRun: (report: RunReport) => void
}

/** What to load for, and with. */
export interface LoadRequest {
  readonly ledger: MemoryLedger
  readonly options: ResolvedPoolOptions
  readonly observer: EntryObserver
  /** Heads that the first calls want; others are made when they are asked for. Undefined: the default head. */
  readonly dimensions: readonly number[] | undefined
  /** Ends a download or a conversion under way. */
  readonly signal: AbortSignal
}

/** A loaded model in a pool. */
export class LoadedEntry {
  readonly info: StellaModelInfo
  readonly plan: Plan
  readonly workers: ModelWorkers
  readonly precision: Precision
  /** Folder the workers loaded. */
  readonly #artefact: string
  readonly #tokenizer: StellaTokenizer
  readonly #grant: MemoryGrant
  readonly #queue: RunQueue
  readonly #observer: EntryObserver
  readonly #dimensions: Set<number>
  readonly #options: ResolvedPoolOptions
  readonly #calls = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  private constructor(
    info: StellaModelInfo,
    parts: {
      plan: Plan
      workers: ModelWorkers
      precision: Precision
      artefact: string
      tokenizer: StellaTokenizer
      grant: MemoryGrant
      observer: EntryObserver
      dimensions: Set<number>
      options: ResolvedPoolOptions
    },
  ) {
    this.info = info
    this.plan = parts.plan
    this.workers = parts.workers
    this.precision = parts.precision
    this.#artefact = parts.artefact
    this.#tokenizer = parts.tokenizer
    this.#grant = parts.grant
    this.#observer = parts.observer
    this.#dimensions = parts.dimensions
    this.#options = parts.options
    this.#queue = new RunQueue(parts.plan.workers * BATCHES_PER_WORKER)
  }

  /**
   * Takes the memory, makes sure of the artefact, and starts the workers. On failure nothing stays behind.
   *
   * @throws {StellaError} MEMORY_EXHAUSTED, before anything is read where the model cannot fit, or once it shows that it
   * takes more than it might have; what preparing and loading throw; ABORTED.
   */
  static async load(info: StellaModelInfo, request: LoadRequest): Promise<LoadedEntry> {
    const { options, observer, signal } = request
    const admission = new Admission(info, request.ledger, options)
    try {
      const artefact = await prepareArtefact(info, {
        ...prepareOptions(options),
        dimensions: request.dimensions,
        signal,
      })
      await checkArtefact(info, artefact.folder, artefact.manifest)
      const tokenizer = await StellaTokenizer.load(join(artefact.folder, 'tokenizer.json'), info.architecture.vocab)
      // Here and not in the workers: one of them would make it while the others wait.
      const { weights } =
        options.sharedWeights === false
          ? ownWeights(artefact.folder)
          : await shareWeights(info, artefact.folder, artefact.manifest, {
              threads: availableCores(),
              logger: options.logger,
              signal,
            })
      throwIfAborted(signal, `loading ${info.key}`)
      const plan = admission.settle(artefact.manifest, weights)
      const workers = await ModelWorkers.start(info, {
        artefact: artefact.folder,
        fingerprint: artefact.manifest.fingerprint,
        workers: plan.workers,
        threads: plan.threads,
        sharedWeights: weights === 'shared',
        onLoad: observer.onLoad,
      })
      const { heads, precision } = artefact.manifest
      const present = new Set(heads.map((head) => head.dimensions))
      return new LoadedEntry(info, {
        plan,
        workers,
        precision,
        artefact: artefact.folder,
        tokenizer,
        grant: admission.grant,
        observer,
        dimensions: present,
        options,
      })
    } catch (error) {
      admission.grant.release()
      throw error
    }
  }

  /** Runs waiting for a worker. */
  get waiting(): number {
    return this.#queue.waiting
  }

  /** Whether it takes no more calls. */
  get closing(): boolean {
    return this.#closing !== undefined
  }

  /** Embeds texts on the workers. */
  embed(inputs: readonly EmbedInput[], options: ResolvedEmbedOptions): Promise<BatchEmbedResult> {
    const call = this.#embed(inputs, options)
    const settled: Promise<unknown> = call.then(
      () => this.#calls.delete(settled),
      () => this.#calls.delete(settled),
    )
    this.#calls.add(settled)
    return call
  }

  async #embed(inputs: readonly EmbedInput[], options: ResolvedEmbedOptions): Promise<BatchEmbedResult> {
    await this.requireHead(options.dimensions, options.signal)
    const run = (batch: PackedTexts): Promise<Float32Array> => this.#run(batch, options)
    return embedTexts(this.info, this.#tokenizer, inputs, options, run)
  }

  #run(batch: PackedTexts, options: ResolvedEmbedOptions): Promise<Float32Array> {
    // Counted before the run: its buffers change owner.
    const [texts, tokens] = [batch.lengths.length, batch.ids.length]
    return this.#queue.run(async () => {
      const { slab, runMs } = await this.workers.run(batch, options)
      this.#observer.onRun({ texts, tokens, runMs })
      return slab
    }, options.signal)
  }

  /** Serves the calls it has taken, then stops the workers and gives the memory back. */
  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#calls)
    this.#queue.close()
    await this.workers.close()
    this.#grant.release()
  }

  /**
   * A head the artefact lacks is converted now; the workers find it when they are first asked for it.
   *
   * @throws {StellaError} ARTEFACT_INVALID when the checkpoint is no longer the one that was loaded.
   */
  async requireHead(dimensions: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.info.heads.length === 0 || this.#dimensions.has(dimensions)) return
    // In the precision that is served, whatever `auto` has come to mean since.
    const { precision } = this
    const options = { ...prepareOptions(this.#options), precision, dimensions: [dimensions], signal }
    const { folder, manifest } = await prepareArtefact(this.info, options)
    if (folder !== this.#artefact) {
      throw new StellaError(
        'ARTEFACT_INVALID',
        `The checkpoint of ${this.info.key} has changed since it was loaded; evict the model and load it again`,
        { details: { model: this.info.key, loaded: this.#artefact, found: folder } },
      )
    }
    for (const head of manifest.heads) this.#dimensions.add(head.dimensions)
  }
}

function prepareOptions(options: ResolvedPoolOptions): PrepareOptions {
  const { precision, home, hub, download, onDownload, onConvert, onWait } = options
  return { precision, home, hub, download, onDownload, onConvert, onWait }
}
