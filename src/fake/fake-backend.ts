/** The fake engine: any descriptor is a model of it, at once and without a file, at the memory that the real one takes. */
import { estimateMemory } from '../../registry/memory.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { throwIfAborted } from '../files/cancellation.js'
import type { Backend, PoolWorker, PreparedModel, PrepareRequest, WorkerObserver } from '../pool/backend.js'
import type { Plan } from '../pool/plan.js'
import { planModel } from '../pool/plan.js'
import type { PlanOptions } from '../pool/plan-request.js'
import { planRequest } from '../pool/plan-request.js'
import type { FakeScript } from './fake-controls.js'
import { FakeTokenizer } from './fake-tokenizer.js'
import { FakeWorker } from './fake-worker.js'
import { rest } from './rest.js'

/** See the head of this file. Nothing is read from disk or network, nothing native is loaded, no thread is started. */
export class FakeBackend implements Backend {
  readonly #options: PlanOptions
  readonly #script: FakeScript

  /**
   * @param options - A pool's; those of the artefact have no effect but on the memory that is charged.
   * @param script - What is to fail, and how long things take.
   */
  constructor(options: PlanOptions, script: FakeScript) {
    this.#options = options
    this.#script = script
  }

  estimate(info: StellaModelInfo, available: number): Plan {
    return planModel(info, { ...planRequest(info, this.#options), available })
  }

  /** @throws {StellaError} what it was told to fail with; ABORTED. */
  async prepare(info: StellaModelInfo, { signal }: PrepareRequest): Promise<PreparedModel> {
    const doing = `loading ${info.key}`
    throwIfAborted(signal, doing)
    await rest(0, signal)
    throwIfAborted(signal, doing)
    const failure = this.#script.loadFailure(info, 'artefact')
    if (failure !== undefined) throw failure
    return new FakeModel(info, this, this.#options, this.#script)
  }
}

/** A model that was prepared. */
class FakeModel implements PreparedModel {
  readonly info: StellaModelInfo
  readonly precision: PreparedModel['precision']
  readonly tokenizer: FakeTokenizer
  readonly weights: 'shared' | 'own'
  readonly #backend: FakeBackend
  readonly #script: FakeScript

  constructor(info: StellaModelInfo, backend: FakeBackend, options: PlanOptions, script: FakeScript) {
    const { precision } = planRequest(info, options)
    this.info = info
    this.precision = precision
    this.tokenizer = new FakeTokenizer(info.architecture.vocab)
    this.weights = options.sharedWeights !== false && isShared(info, precision) ? 'shared' : 'own'
    this.#backend = backend
    this.#script = script
  }

  /** What was estimated: there is no artefact that could show otherwise. */
  plan(available: number): Plan {
    return this.#backend.estimate(this.info, available)
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  createWorker(_threads: number, observer: WorkerObserver): PoolWorker {
    return new FakeWorker(this.info, { weights: this.weights, script: this.#script, observer })
  }

  /** It has all heads of the descriptor. @throws {StellaError} ABORTED. */
  async requireHead(_dimensions: number, signal: AbortSignal | undefined): Promise<void> {
    await Promise.resolve()
    throwIfAborted(signal, `loading ${this.info.key}`)
  }

  /** Nothing serves it beside its workers. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Whether the weights are large enough to be shared, where nothing hinders it. */
function isShared(info: StellaModelInfo, precision: PreparedModel['precision']): boolean {
  const shape = { workers: 0, runTokens: 0, dimensions: [], precision }
  return estimateMemory(info, shape).shared === estimateMemory(info, { ...shape, weights: 'shared' }).shared
}
