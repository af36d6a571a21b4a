/** Plans one weights file: which tensors lie where in it, and the jobs that will fill them. Reads nothing. */
import { ExternalLayout } from '../onnx/external-layout.js'
import type { InitializerData } from '../onnx/model.js'
import type { TensorJob } from './tensor-job.js'
import { outputsOf } from './tensor-transform.js'

/** How an output appears in the graph. */
export interface OutputName {
  readonly name: string
  /** Shape to declare when it is not the one the transform makes; same number of elements. */
  readonly dims?: readonly number[] | undefined
}

/** The plan of one weights file. */
export class TensorPlan {
  readonly #layout: ExternalLayout
  readonly #jobs: TensorJob[] = []

  /** @param file - Name of the weights file, beside the `.onnx` file. */
  constructor(file: string) {
    this.#layout = new ExternalLayout(file)
  }

  /** Size of the file in bytes. */
  get bytes(): number {
    return this.#layout.bytes
  }

  /** The jobs, in the order of their places in the file. */
  get jobs(): readonly TensorJob[] {
    return this.#jobs
  }

  /**
   * Reserves room for what the job makes, and returns one initialiser for each of its outputs.
   *
   * @param names - One for each output of the transform, in their order.
   */
  add(job: Omit<TensorJob, 'slots'>, names: readonly OutputName[]): readonly InitializerData[] {
    const outputs = outputsOf(job.transform, job.rows.end - job.rows.start, job.columns)
    if (outputs.length !== names.length) {
      throw new Error(`${job.transform.kind} makes ${outputs.length} tensors; ${names.length} names given`)
    }
    const made = outputs.map(({ dtype, dims, rowBytes }, index) => {
      const { name = '', dims: declared = dims } = names[index] ?? {}
      const initializer = this.#layout.reserve(name, dtype, declared)
      return { initializer, slot: { ...initializer.storage, rowBytes } }
    })
    const slots = made.map(({ slot: { offset, bytes, rowBytes } }) => ({ offset, bytes, rowBytes }))
    this.#jobs.push({ ...job, slots })
    return made.map(({ initializer }) => initializer)
  }
}
