/**
 * An engine whose loads, runs and stops end when a test says so, and as it says; or at once, where the test does not care.
 * It waits for no timer and no thread. Its vectors depend on a text's ids alone, so that what was mixed up shows.
 */
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../../src/errors.js'
import { abortedError } from '../../src/files/cancellation.js'
import type { PackedTexts } from '../../src/packed/packing.js'
import type {
  Backend,
  PoolWorker,
  PreparedModel,
  PrepareRequest,
  RunResult,
  Variant,
  WorkerFacts,
  WorkerObserver,
} from '../../src/pool/backend.js'
import type { Plan } from '../../src/pool/plan.js'
import type { WorkerState } from '../../src/pool/worker-state.js'
import { acceptsWork, transition } from '../../src/pool/worker-state.js'
import type { TextOptions, Tokenized } from '../../src/text/tokenized-text.js'

/** What models are charged, in bytes. */
export const SHARED_BYTES = 100
export const WORKER_BYTES = 10

/** Something under way that a test ends. */
export interface Gate<T> {
  readonly promise: Promise<T>
  readonly open: (value: T) => void
  readonly fail: (error: unknown) => void
}

/** A new one. */
export function gate<T = void>(): Gate<T> {
  let open: Gate<T>['open'] = () => undefined
  let fail: Gate<T>['fail'] = () => undefined
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  // Whoever waits for it hears of it; that nobody does yet is no fault of the test.
  promise.catch(() => undefined)
  return { promise, open, fail }
}

/** What came of a load, a run or a stop in which the test has no say. */
export interface Automatic {
  /** Artefacts are there at once. @default true */
  prepare: boolean
  /** Workers load at once. @default true */
  load: boolean
  /** Runs end at once. @default true */
  run: boolean
  /** Workers stop at once. @default true */
  stop: boolean
}

/** A batch that a worker has. */
export class ManualRun {
  readonly texts: readonly (readonly number[])[]
  readonly variant: Variant
  readonly answered = gate<RunResult>()

  constructor({ ids, lengths }: PackedTexts, variant: Variant) {
    const texts: number[][] = []
    let start = 0
    for (const length of lengths) {
      texts.push([...ids.slice(start, start + length)])
      start += length
    }
    this.texts = texts
    this.variant = variant
  }

  /** Its texts, as they were handed to the pool. */
  get words(): readonly string[] {
    return this.texts.map((ids) => String.fromCodePoint(...ids))
  }

  answer(runMs = 1): void {
    const { dimensions, normalize } = this.variant
    const slab = new Float32Array(this.texts.length * dimensions)
    for (const [row, ids] of this.texts.entries()) slab.set(vectorOf(ids, dimensions, normalize), row * dimensions)
    this.answered.open({ slab, runMs })
  }

  fail(error: unknown): void {
    this.answered.fail(error)
  }
}

/** A worker without a thread. */
export class ManualWorker implements PoolWorker {
  readonly info: StellaModelInfo
  /** Handed over and not answered, oldest first. */
  readonly runs: ManualRun[] = []
  readonly #id: number
  readonly #engine: ManualEngine
  readonly #observer: WorkerObserver
  readonly #loaded = gate<WorkerFacts>()
  readonly #left = gate()
  #state: WorkerState = 'spawning'
  #stopping: Promise<void> | undefined
  #dying: Promise<void> | undefined

  constructor(info: StellaModelInfo, engine: ManualEngine, observer: WorkerObserver) {
    this.info = info
    this.#engine = engine
    this.#observer = observer
    this.#id = engine.workers.push(this)
  }

  get state(): WorkerState {
    return this.#state
  }

  async start(): Promise<WorkerFacts> {
    this.#become('loading')
    const failure = this.#engine.loadFailures.shift()
    if (failure !== undefined) this.failLoad(failure)
    else if (this.#engine.automatic.load) this.ready()
    try {
      const facts = await this.#loaded.promise
      if (this.#isStopped()) throw new StellaError('POOL_CLOSED', 'The worker was stopped')
      this.#become('ready')
      return facts
    } catch (error) {
      if (!this.#isStopped()) this.#become('failed')
      await this.stop()
      throw error
    }
  }

  /** Ends its load well. */
  ready(loadMs = 1): void {
    this.#loaded.open({ worker: this.#id, loadMs, weights: this.#engine.weights })
  }

  failLoad(error: unknown = loadFailure()): void {
    this.#loaded.fail(error)
  }

  async run(batch: PackedTexts, variant: Variant): Promise<RunResult> {
    if (!acceptsWork(this.#state)) throw new Error(`a worker that is ${this.#state} was given a batch`)
    if (this.runs.length >= 2) throw new Error('a worker was given more than two batches')
    if (this.#state === 'ready') this.#become('processing')
    const run = new ManualRun(batch, variant)
    this.runs.push(run)
    this.#engine.ran.push(run)
    const failure = this.#engine.failRun(run)
    if (failure?.code === 'WORKER_LOST') this.lose(failure)
    else if (failure !== undefined) run.fail(failure)
    else if (this.#engine.automatic.run) run.answer()
    try {
      return await run.answered.promise
    } finally {
      this.runs.splice(this.runs.indexOf(run), 1)
      if (this.runs.length === 0 && this.#state === 'processing') this.#become('ready')
    }
  }

  /** Its thread ends uninvited. */
  lose(error: StellaError = lost()): void {
    const isMissed = acceptsWork(this.#state)
    this.#become('failed')
    for (const run of [...this.runs]) run.fail(error)
    // As with a real thread, runs are heard of before the loss is.
    this.#dying = settled(1).then(() => {
      this.#become('dead')
      if (isMissed) this.#observer.onLost(error)
    })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** Ends a stop that waits for it. */
  leave(): void {
    this.#left.open()
  }

  async #stop(): Promise<void> {
    const wasLoading = this.#state === 'loading'
    // One that is loading ends with its load.
    const isInvited = acceptsWork(this.#state)
    if (this.#state !== 'failed' && this.#state !== 'dead') this.#become('evicting')
    if (wasLoading) await Promise.allSettled([this.#loaded.promise])
    await Promise.allSettled(this.runs.map(({ answered }) => answered.promise))
    if (isInvited && !this.#engine.automatic.stop) await this.#left.promise
    await this.#dying
    if (!this.#isDead()) this.#become('dead')
  }

  #isStopped(): boolean {
    return this.#stopping !== undefined
  }

  #isDead(): boolean {
    return this.#state === 'dead'
  }

  #become(state: WorkerState): void {
    this.#state = transition(this.#state, state)
  }
}

/** See the head of this file. */
export class ManualEngine implements Backend {
  readonly automatic: Automatic = { prepare: true, load: true, run: true, stop: true }
  /** Workers that were ever made, oldest first. */
  readonly workers: ManualWorker[] = []
  /** Batches that were ever run, oldest first. */
  readonly ran: ManualRun[] = []
  /** Artefacts that are waited for, oldest first. */
  readonly preparing: Gate<void>[] = []
  /** How often one was asked for. */
  prepares = 0
  /** Texts that were tokenised. */
  read = 0
  /** What the next workers' loads fail with. */
  readonly loadFailures: unknown[] = []
  /** What a run fails with. */
  failRun: (run: ManualRun) => StellaError | undefined = () => undefined
  /** What comes of the tokenizer, beside the workers' start. */
  tokenizerReady: () => Promise<void> = () => Promise.resolve()
  /** What asking for a head comes to. */
  requireHead: (dimensions: number) => Promise<void> = () => Promise.resolve()
  weights: 'shared' | 'own' = 'shared'
  /** Models that were closed. */
  closed = 0
  readonly #most: number

  /** @param most - Workers of a model at most. */
  constructor(most = 1) {
    this.#most = most
  }

  /** Workers whose threads are there. */
  get alive(): readonly ManualWorker[] {
    return this.workers.filter(({ state }) => state !== 'dead')
  }

  /** Batches that are under way. */
  get running(): readonly ManualRun[] {
    return this.workers.flatMap(({ runs }) => runs)
  }

  /** Lets everything end by itself, from what is under way on. */
  release(): void {
    Object.assign(this.automatic, { prepare: true, load: true, run: true, stop: true })
    for (const prepared of [...this.preparing]) prepared.open()
    for (const worker of this.workers) {
      worker.ready()
      for (const run of worker.runs) run.answer()
      worker.leave()
    }
  }

  estimate(_info: StellaModelInfo, available: number): Plan {
    const fitting = Math.floor((available - SHARED_BYTES) / WORKER_BYTES)
    const workers = Math.max(1, Math.min(this.#most, fitting))
    const memory = { shared: SHARED_BYTES, once: 0, weights: WORKER_BYTES, scratch: 0, base: 0 }
    return {
      ...{ workers, threads: 1, precision: 'fp32' },
      memory: { ...memory, total: SHARED_BYTES + workers * WORKER_BYTES },
    }
  }

  async prepare(info: StellaModelInfo, { signal }: PrepareRequest): Promise<PreparedModel> {
    this.prepares++
    if (!this.automatic.prepare) {
      const prepared = gate()
      this.preparing.push(prepared)
      const abort = (): void => {
        prepared.fail(abortedError(signal, `preparing ${info.key}`))
      }
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
      await prepared.promise.finally(() => this.preparing.splice(this.preparing.indexOf(prepared), 1))
    }
    return {
      ...{ info, precision: 'fp32', weights: this.weights },
      tokenizer: {
        encodeEach: (texts, options, places = [...texts.keys()]) => {
          this.read += texts.length
          return Promise.resolve(texts.map((text, index) => tokenized(text, options[index], places[index] ?? -1)))
        },
      },
      plan: (available) => this.estimate(info, available),
      ready: () => this.tokenizerReady(),
      createWorker: (_threads, observer) => new ManualWorker(info, this, observer),
      requireHead: (dimensions) => this.requireHead(dimensions),
      close: () => {
        this.closed++
        return Promise.resolve()
      },
    }
  }
}

/** Characters are tokens. `long …` is refused, and a text of spaces alone has none. */
function tokenized(text: string, options: TextOptions | undefined, place: number): Tokenized {
  if (text.startsWith('long')) {
    return new StellaError('INPUT_TOO_LONG', `Text ${place} is too long`, { details: { index: place } })
  }
  const ids = Int32Array.from((options?.prompt ?? '') + text.trim(), (character) => character.codePointAt(0) ?? 0)
  return { ids, total: ids.length, truncated: false }
}

/** The vector of a text. */
export function vectorOf(text: string | readonly number[], dimensions = 256, normalize = true): Float32Array {
  const ids = typeof text === 'string' ? Array.from(text, (character) => character.codePointAt(0) ?? 0) : text
  let hash = normalize ? 17 : 19
  for (const id of ids) hash = (Math.imul(hash, 31) + id) | 0
  return Float32Array.from({ length: dimensions }, (_, index) => ((hash + index * 7919) % 10_007) / 10_007)
}

export function loadFailure(): StellaError {
  return new StellaError('MODEL_LOAD_FAILED', 'The worker could not load')
}

export function lost(): StellaError {
  return new StellaError('WORKER_LOST', 'The thread ended with exit code 1')
}

/** A few turns of the event loop, in which all that follows from what has happened happens. */
export async function settled(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Turns of the event loop until something holds. */
export async function until(holds: () => boolean, most = 10_000): Promise<void> {
  for (let turn = 0; turn < most; turn++) {
    if (holds()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`it did not come to hold: ${String(holds)}`)
}
