/** What a test can say of a fake engine when it makes one, checked. */
import type { StellaErrorCode } from '../errors.js'
import { StellaError, isStellaError, isStellaErrorCode } from '../errors.js'
import { invalid, rejectUnknownKeys } from '../inference/options.js'
import { show } from '../show.js'

/** A failure to come: an error of this code, or this error. */
export type FakeFailure = StellaErrorCode | StellaError

/** A batch that a fake worker is about to answer. */
export interface FakeRun {
  /** Key of the model. */
  readonly model: string
  /** Id of the worker, as events tell it. Negative: there is no thread. */
  readonly worker: number
  /** Token ids of each text. */
  readonly texts: readonly Int32Array[]
  /** Of all texts. */
  readonly tokens: number
  /** Size of the vectors asked for. */
  readonly dimensions: number
  /** Whether they are scaled to length 1. */
  readonly normalize: boolean
}

/** A part of a load. */
export interface FakeLoad {
  /** Key of the model. */
  readonly model: string
  /**
   * `artefact`: what is done once for a model, and fails with MODEL_NOT_DOWNLOADED, STORAGE_FAILED and the like.
   * `worker`: the load of each of its workers, which fails with MODEL_LOAD_FAILED whatever the reason.
   */
  readonly step: 'artefact' | 'worker'
}

/** How the fake engine of a pool behaves. */
export interface FakeOptions {
  /** How long a worker takes for a batch, in milliseconds; 0 is still no answer at once. @default 0 */
  readonly latencyMs?: number | ((run: FakeRun) => number) | undefined
  /** How long a worker takes to load, in milliseconds. @default 0 */
  readonly loadMs?: number | undefined
  /**
   * Asked before each batch is answered; the batch fails with what it returns. What becomes of its texts is the pool's
   * decision, as ever: after WORKER_LOST, which ends the worker, and after INTERNAL and INPUT_INVALID they are run
   * again, in smaller batches.
   */
  readonly fail?: ((run: FakeRun) => FakeFailure | undefined) | undefined
  /** Asked in each part of a load, which fails with what it returns. */
  readonly failLoad?: ((load: FakeLoad) => FakeFailure | undefined) | undefined
}

const KNOWN = ['latencyMs', 'loadMs', 'fail', 'failLoad'] as const satisfies readonly (keyof FakeOptions)[]

/** Longest delay of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Checks `options`.
 *
 * @throws {StellaError} OPTION_INVALID naming the option and what is accepted.
 */
export function checkFakeOptions(options: FakeOptions): FakeOptions {
  rejectUnknownKeys(options, KNOWN)
  const { latencyMs, loadMs, fail, failLoad } = options
  if (latencyMs !== undefined && typeof latencyMs !== 'function') checkMs('fake.latencyMs', latencyMs)
  if (loadMs !== undefined) checkMs('fake.loadMs', loadMs)
  for (const [name, value] of Object.entries({ fail, failLoad })) {
    if (value !== undefined && typeof value !== 'function') throw invalid(`fake.${name}`, 'a function', value)
  }
  return options
}

/**
 * `milliseconds`, if a timer can wait for so long.
 *
 * @throws {StellaError} OPTION_INVALID.
 */
export function checkMs(name: string, milliseconds: number): number {
  if (typeof milliseconds === 'number' && milliseconds >= 0 && milliseconds <= MAX_TIMER_MS) return milliseconds
  throw invalid(name, `milliseconds from 0 to ${MAX_TIMER_MS}`, milliseconds)
}

/**
 * `failure`, if it is one.
 *
 * @throws {StellaError} OPTION_INVALID saying what is accepted.
 */
export function checkFailure(failure: FakeFailure): FakeFailure {
  const given: unknown = failure
  if (isStellaError(given) || isStellaErrorCode(given)) return failure
  throw new StellaError(
    'OPTION_INVALID',
    `Expected an error code such as 'INTERNAL', or a StellaError; got ${show(given)}`,
  )
}

/** The error itself. */
export function toError(failure: FakeFailure, model: string): StellaError {
  if (typeof failure !== 'string') return failure
  return new StellaError(failure, `The fake engine was told to fail ${model} with ${failure}`, {
    details: { model, fake: true },
  })
}
