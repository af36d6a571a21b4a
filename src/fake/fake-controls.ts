/** What a test can do to a fake engine while a pool uses it. What is to fail is kept here until it has. */
import { StellaError } from '../errors.js'
import { invalid, rejectUnknownKeys } from '../inference/options.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { FakeFailure, FakeLoad, FakeOptions, FakeRun } from './fake-options.js'
import { checkFailure, checkMs, toError } from './fake-options.js'
import { fakeTokens } from './fake-tokens.js'

/** Which runs or loads are to fail. */
export interface FailureScope {
  /** How many, the next ones first; Infinity: until `reset()`. @default 1 */
  readonly count?: number | undefined
  /** Key or alias of the model. @default any */
  readonly model?: string | undefined
}

/** The controls of a fake pool, `pool.fake`. */
export interface FakeControls {
  /**
   * Makes every batch fail that holds a text with these words in it, one after the other; what `overflow` cut off does not
   * count, and a prompt does. The pool cuts such a batch until the text is alone, and serves the others.
   *
   * @param failure - Default: INTERNAL. With WORKER_LOST the text ends every worker that runs it, until the pool runs it
   * no more.
   * @returns a function that takes it back.
   * @throws {StellaError} OPTION_INVALID where `text` has no words, or `failure` is none.
   */
  failText(text: string, failure?: FakeFailure): () => void
  /**
   * Makes whole batches fail, whatever is in them. Of WORKER_LOST, INTERNAL and INPUT_INVALID a call need not take
   * notice: the pool runs its texts again.
   *
   * @throws {StellaError} OPTION_INVALID.
   */
  failRuns(failure: FakeFailure, scope?: FailureScope): void
  /**
   * Makes loads fail: with MODEL_LOAD_FAILED that of a worker, with another code that of the model, before any worker
   * is started.
   *
   * @throws {StellaError} OPTION_INVALID.
   */
  failLoads(failure: FakeFailure, scope?: FailureScope): void
  /**
   * Ends a worker as if its thread had died: one that runs a batch, if there is one, which it loses.
   *
   * @param model - Key or alias.
   * @throws {StellaError} MODEL_NOT_LOADED where no worker of it is ready.
   */
  loseWorker(model: string): void
  /** Takes back every failure that is still to come. The functions in the pool's options stay. */
  reset(): void
}

/** A worker that can be lost. */
export interface LosableWorker {
  readonly info: StellaModelInfo
  readonly state: string
  lose(error: StellaError): void
}

interface Planned {
  readonly failure: FakeFailure
  readonly model: string | undefined
  left: number
}

/** Decides what fails, and when. */
export class FakeScript implements FakeControls {
  /** Workers that have been started and have not ended. */
  readonly workers = new Set<LosableWorker>()
  readonly #options: FakeOptions
  readonly #texts = new Map<symbol, { readonly text: string; readonly failure: FakeFailure }>()
  #runs: Planned[] = []
  #loads: Planned[] = []

  /** @param options - Checked. */
  constructor(options: FakeOptions = {}) {
    this.#options = options
  }

  failText(text: string, failure: FakeFailure = 'INTERNAL'): () => void {
    if (typeof (text as unknown) !== 'string' || fakeTokens(text, Number.MAX_SAFE_INTEGER).ids.length === 0) {
      throw invalid('text', 'a text with a word in it', text)
    }
    const key = Symbol(text)
    this.#texts.set(key, { text, failure: checkFailure(failure) })
    return () => {
      this.#texts.delete(key)
    }
  }

  failRuns(failure: FakeFailure, scope: FailureScope = {}): void {
    this.#runs.push(planned(failure, scope))
  }

  failLoads(failure: FakeFailure, scope: FailureScope = {}): void {
    this.#loads.push(planned(failure, scope))
  }

  loseWorker(model: string): void {
    const ready = [...this.workers].filter(({ info, state }) => {
      return isCalled(info, model) && (state === 'ready' || state === 'processing')
    })
    const worker = ready.find(({ state }) => state === 'processing') ?? ready[0]
    if (worker === undefined) {
      throw new StellaError('MODEL_NOT_LOADED', `No worker of \`${model}\` is ready to be lost; preload it first`, {
        details: { model },
      })
    }
    const { key } = worker.info
    worker.lose(
      new StellaError('WORKER_LOST', `A fake worker of ${key} was told to end`, {
        details: { model: key, fake: true },
      }),
    )
  }

  reset(): void {
    this.#texts.clear()
    this.#runs = []
    this.#loads = []
  }

  /** @throws {StellaError} OPTION_INVALID where the option's function gives no milliseconds; what it throws. */
  latencyMs(run: FakeRun): number {
    const { latencyMs = 0 } = this.#options
    return typeof latencyMs === 'number' ? latencyMs : checkMs('fake.latencyMs', latencyMs(run))
  }

  get loadMs(): number {
    return this.#options.loadMs ?? 0
  }

  /** What a run is to fail with. @throws {StellaError} OPTION_INVALID where the option gives no failure; what it throws. */
  runFailure(info: StellaModelInfo, run: FakeRun): StellaError | undefined {
    const asked = this.#options.fail?.(run)
    if (asked !== undefined) return toError(checkFailure(asked), info.key)
    const failure = takeNext(this.#runs, info)
    if (failure !== undefined) return toError(failure, info.key)
    for (const { text, failure } of this.#texts.values()) {
      const { ids } = fakeTokens(text, info.architecture.vocab)
      if (run.texts.some((candidate) => includesIds(candidate, ids))) return toError(failure, info.key)
    }
    return undefined
  }

  /** What a part of a load is to fail with. @throws {StellaError} as {@link FakeScript.runFailure}. */
  loadFailure(info: StellaModelInfo, step: FakeLoad['step']): StellaError | undefined {
    const asked = this.#options.failLoad?.({ model: info.key, step })
    if (asked !== undefined) return toError(checkFailure(asked), info.key)
    const failure = takeNext(this.#loads, info, (planned) => stepOf(planned) === step)
    return failure === undefined ? undefined : toError(failure, info.key)
  }
}

function planned(failure: FakeFailure, scope: FailureScope): Planned {
  rejectUnknownKeys(scope, ['count', 'model'])
  const { count = 1, model } = scope
  if (!(count === Number.POSITIVE_INFINITY || (Number.isSafeInteger(count) && count > 0))) {
    throw invalid('count', 'an integer of at least 1, or Infinity', count)
  }
  if (model !== undefined && typeof model !== 'string') throw invalid('model', 'the key or an alias of a model', model)
  return { failure: checkFailure(failure), model, left: count }
}

/** The first failure that is due to `info`, which is one less from now on. */
function takeNext(
  plans: Planned[],
  info: StellaModelInfo,
  isDue: (failure: FakeFailure) => boolean = () => true,
): FakeFailure | undefined {
  const at = plans.findIndex(({ failure, model }) => isDue(failure) && (model === undefined || isCalled(info, model)))
  const next = plans[at]
  if (next === undefined) return undefined
  next.left--
  if (next.left === 0) plans.splice(at, 1)
  return next.failure
}

function stepOf(failure: FakeFailure): FakeLoad['step'] {
  const code = typeof failure === 'string' ? failure : failure.code
  return code === 'MODEL_LOAD_FAILED' ? 'worker' : 'artefact'
}

/** As the registry compares names. */
function isCalled({ key, aliases }: StellaModelInfo, name: string): boolean {
  const wanted = name.trim().toLowerCase()
  return [key, ...aliases].some((own) => own.trim().toLowerCase() === wanted)
}

function includesIds(text: Int32Array, wanted: readonly number[]): boolean {
  for (let start = text.indexOf(wanted[0] ?? -1); start !== -1; start = text.indexOf(wanted[0] ?? -1, start + 1)) {
    if (wanted.every((id, offset) => text[start + offset] === id)) return true
  }
  return false
}
