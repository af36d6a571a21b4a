/**
 * A checkpoint's tensors as initialisers of a graph. Nothing is read when a weight is asked for: its place in the
 * weights file is reserved, and a job is planned that fills it when the file is written.
 *
 *     get(graph, name, { rows?, dims?, inputScale?, outputScale? })         → float32, the checkpoint's own layout
 *     quantized(graph, name, { scheme, rows?, inputScale?, outputScale? })  → { weight, scale }, as an operator wants it
 *     embedding(graph, name, 'float16' | 'int8')                            → { table, scale? }
 *
 * `rows` takes some rows of a packed matrix. The scales are multiplied into the weight before it is stored: `inputScale
 * [in]` into its columns (for an input divided by them), `outputScale [rows taken]` into its rows (for a bias or a gamma:
 * its elements).
 *
 * | scheme   | weight                                      | scale                        | operator              |
 * | -------- | ------------------------------------------- | ---------------------------- | --------------------- |
 * | `row8`   | int8 `[in, out]`                            | float32 `[out]`              | `MatMulIntegerToFloat` |
 * | `block8` | uint8 `[out, ⌈in/block⌉, block]`, zero 128  | float32 `[out, ⌈in/block⌉]`  | `MatMulNBits`, bits 8 |
 * | `block4` | uint8 `[out, ⌈in/block⌉, block/2]`, zero 8  | float32 `[out, ⌈in/block⌉]`  | `MatMulNBits`, bits 4 |
 * | `int8` table | int8 `[rows, width]`                    | float32 `[rows]`             | `Gather` both, `Cast`, `Mul` |
 */
import type { RowRange, TensorReader } from '../files/safetensors.js'
import type { Graph, Value } from '../onnx/graph.js'
import type { WeightScales } from './quantize/weight-scales.js'
import type { TensorJob } from './tensor-job.js'
import type { OutputName, TensorPlan } from './tensor-plan.js'
import type { QuantScheme, TensorTransform } from './tensor-transform.js'

export type { RowRange } from '../files/safetensors.js'
export type { QuantScheme } from './tensor-transform.js'

/** Which rows to take, and what to multiply into them. */
export interface WeightOptions extends WeightScales {
  /** @default all */
  readonly rows?: RowRange | undefined
}

/** Hands out weights of one checkpoint for one graph. */
export class Weights {
  readonly #reader: TensorReader
  readonly #plan: TensorPlan
  readonly #prefix: string
  /** Tensors handed out as they are, by name: whoever asks again gets the same. */
  readonly #plain = new Map<string, Value>()

  /** @param prefix - What the checkpoint puts before every name. */
  constructor(reader: TensorReader, plan: TensorPlan, prefix: string) {
    this.#reader = reader
    this.#plan = plan
    this.#prefix = prefix
  }

  /**
   * The tensor called `name`, or some of its rows, as a float32 initialiser of the checkpoint's own layout.
   *
   * @param options - `dims`: shape to declare when it is not the stored one; same number of elements.
   */
  get(graph: Graph, name: string, options: WeightOptions & { readonly dims?: readonly number[] } = {}): Value {
    const { shape, rows, label } = this.#locate(name, options.rows)
    const known = isScaled(options) ? undefined : this.#plain.get(label)
    if (known !== undefined) return known
    const dims = options.dims ?? (shape.length === 0 ? [] : [rows.end - rows.start, ...shape.slice(1)])
    const [value] = this.#add(graph, name, options, { kind: 'float32' }, [{ name: label, dims }])
    if (!isScaled(options)) this.#plain.set(label, value)
    return value
  }

  /** The matrix called `name`, or some of its rows, quantised. See the table above for shapes. */
  quantized(
    graph: Graph,
    name: string,
    options: WeightOptions & { readonly scheme: QuantScheme },
  ): { readonly weight: Value; readonly scale: Value } {
    const { scheme } = options
    const { label } = this.#locate(name, options.rows)
    const names = [{ name: `${label}.${scheme.kind}` }, { name: `${label}.${scheme.kind}.scale` }] as const
    const [weight, scale] = this.#add(graph, name, options, scheme, names)
    return { weight, scale }
  }

  /** The embedding table called `name` in a smaller form. `scale` is there for `int8` only. */
  embedding(graph: Graph, name: string, form: 'float16' | 'int8'): { readonly table: Value; readonly scale?: Value } {
    if (form === 'float16') {
      const [table] = this.#add(graph, name, {}, { kind: 'float16' }, [{ name: `${name}.float16` }])
      return { table }
    }
    const names = [{ name: `${name}.int8` }, { name: `${name}.int8.scale` }] as const
    const [table, scale] = this.#add(graph, name, {}, { kind: 'table8' }, names)
    return { table, scale }
  }

  /** `[rows taken, columns]` of the matrix called `name`. */
  shape(name: string, rows?: RowRange): readonly [number, number] {
    const { rows: taken, columns } = this.#locate(name, rows)
    return [taken.end - taken.start, columns]
  }

  #locate(name: string, taken: RowRange | undefined): Located {
    const stored = this.#prefix + name
    const entry = this.#reader.entry(stored)
    if (entry === undefined) throw new Error(`${stored} was not checked against the inventory`)
    const { shape, file } = entry
    const rows = taken ?? { start: 0, end: shape[0] ?? 1 }
    const columns = shape.slice(1).reduce((product, size) => product * size, 1)
    const label = taken === undefined ? name : `${name}[${taken.start}:${taken.end}]`
    return { stored, file, shape, rows, columns, label }
  }

  #add<const N extends readonly OutputName[]>(
    graph: Graph,
    name: string,
    options: WeightOptions,
    transform: TensorTransform,
    names: N,
  ): { readonly [index in keyof N]: Value } {
    const { stored, file, rows, columns } = this.#locate(name, options.rows)
    const { inputScale, outputScale } = options
    const scales = { inputScale, outputScale }
    checkScale(name, 'inputScale', inputScale, columns)
    checkScale(name, 'outputScale', outputScale, rows.end - rows.start)
    const source = { folder: this.#reader.folder, file, tensor: stored }
    const job: Omit<TensorJob, 'slots'> = { ...source, rows, columns, scales, transform }
    const values = this.#plan.add(job, names).map((data) => graph.initializer(data))
    return values as unknown as { readonly [index in keyof N]: Value }
  }
}

interface Located {
  readonly stored: string
  readonly file: string
  readonly shape: readonly number[]
  readonly rows: RowRange
  readonly columns: number
  readonly label: string
}

function isScaled({ inputScale, outputScale }: WeightScales): boolean {
  return inputScale !== undefined || outputScale !== undefined
}

function checkScale(name: string, option: string, scale: Float32Array | undefined, expected: number): void {
  if (scale === undefined || scale.length === expected) return
  throw new Error(`${name}: ${option} has ${scale.length} factors; expected ${expected}`)
}
