/**
 * Builds a graph one operator at a time. A value is the name of a tensor; names follow the node that makes it, so a
 * profile or a graph viewer reads like the checkpoint. Knows ONNX, no architecture.
 */
import type { OnnxDtype } from './dtype.js'
import { dtypeCode, tensorBytes } from './dtype.js'
import type { AttributeValue, GraphData, InitializerData, NodeData, ValueData } from './model.js'

/** Name of a tensor in the graph. */
export type Value = string & { readonly brand: unique symbol }

/** The domain of ONNX Runtime's own operators. */
export const MICROSOFT = 'com.microsoft'

/** Element types of small constants. */
type SmallDtype = 'int64' | 'int32' | 'float32' | 'uint8'

/** What a node may be given beyond its inputs. */
export interface NodeOptions {
  readonly domain?: string
  readonly attributes?: Readonly<Record<string, AttributeValue>>
}

/** A graph under construction, or a branch of one: a branch sees the values of the graphs around it. */
export class Graph {
  readonly #name: string
  readonly #parent: Graph | undefined
  readonly #nodes: NodeData[] = []
  readonly #initializers = new Map<string, InitializerData>()
  readonly #inputs: ValueData[] = []
  readonly #outputs: ValueData[] = []
  readonly #taken = new Set<string>()
  readonly #shared = new Map<string, Value>()

  constructor(name: string, parent?: Graph) {
    this.#name = name
    this.#parent = parent
  }

  /** Declares a graph input. */
  input(name: string, dtype: OnnxDtype, dims: readonly (number | string)[]): Value {
    this.#claim(name)
    this.#inputs.push({ name, dtype, dims })
    return name as Value
  }

  /** Declares `value` a graph output called `name`. */
  output(value: Value, name: string, dtype: OnnxDtype, dims: readonly (number | string)[]): void {
    this.#add({ name: `/${name}`, operator: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} })
    this.#outputs.push({ name, dtype, dims })
  }

  /** Adds a node with one output and returns it. */
  node(name: string, operator: string, inputs: readonly (Value | '')[], options: NodeOptions = {}): Value {
    const output = `${name}/output_0`
    this.#add({
      name,
      operator,
      domain: options.domain ?? '',
      inputs,
      outputs: [output],
      attributes: options.attributes ?? {},
    })
    return output as Value
  }

  /** `value` as another element type. */
  cast(name: string, value: Value, dtype: OnnxDtype): Value {
    return this.node(`${name}/Cast`, 'Cast', [value], { attributes: { to: int(dtypeCode(dtype)) } })
  }

  /** Adds an initialiser whose bytes are elsewhere. */
  initializer(data: InitializerData): Value {
    this.#claim(data.name)
    this.#initializers.set(data.name, data)
    return data.name as Value
  }

  /** A small constant, kept inside the graph file and made once however often it is asked for. */
  constant(dtype: SmallDtype, values: readonly number[], dims?: readonly number[]): Value {
    const shape = dims ?? [values.length]
    if (tensorBytes('uint8', shape) !== values.length) {
      throw new Error(`${values.length} values do not fill a constant of shape [${shape.join(', ')}]`)
    }
    // join() writes -0 as 0; as text of their own the two stay two constants.
    const texts = values.map((value) => (Object.is(value, -0) ? '-0' : String(value)))
    const name = `/constants/${dtype}/${shape.join('x')}/[${texts.join(',')}]`
    const root = this.#root()
    if (!root.#initializers.has(name)) {
      root.initializer({ name, dtype, dims: shape, storage: { kind: 'inline', data: littleEndian(dtype, values) } })
    }
    return name as Value
  }

  /** A scalar constant. */
  scalar(dtype: SmallDtype, value: number): Value {
    return this.constant(dtype, [value], [])
  }

  /** A float32 vector of the caller's naming, kept inside the graph file. */
  vector(name: string, values: Float32Array): Value {
    const data = littleEndian('float32', Array.from(values))
    return this.initializer({ name, dtype: 'float32', dims: [values.length], storage: { kind: 'inline', data } })
  }

  /** The value that `make` gives, made on the first call with this key. */
  once(key: string, make: () => Value): Value {
    const value = this.#shared.get(key) ?? make()
    this.#shared.set(key, value)
    return value
  }

  /** A new graph inside this one, for a branch of `If`. */
  branch(name: string): Graph {
    return new Graph(name, this)
  }

  /** The finished graph as data. */
  build(): GraphData {
    return {
      name: this.#name,
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    }
  }

  #root(): Graph {
    return this.#parent === undefined ? this : this.#parent.#root()
  }

  #add(node: NodeData): void {
    for (const output of node.outputs) this.#claim(output)
    this.#nodes.push(node)
  }

  /** ONNX wants every name made once, branches included. */
  #claim(name: string): void {
    const taken = this.#root().#taken
    if (taken.has(name)) throw new Error(`${name} is already a value of the graph`)
    taken.add(name)
  }
}

/** Attribute shorthands: `int(3)` reads better in a node than the tagged object. */
export const int = (value: number): AttributeValue => ({ kind: 'int', value })
export const float = (value: number): AttributeValue => ({ kind: 'float', value })
export const ints = (...values: readonly number[]): AttributeValue => ({ kind: 'ints', values })
export const graphAttribute = (graph: Graph): AttributeValue => ({ kind: 'graph', value: graph.build() })

function littleEndian(dtype: SmallDtype, values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(tensorBytes(dtype, [values.length])))
  values.forEach((value, index) => {
    if (dtype === 'int64') view.setBigInt64(index * 8, BigInt(value), true)
    else if (dtype === 'int32') view.setInt32(index * 4, value, true)
    else if (dtype === 'uint8') view.setUint8(index, value)
    else view.setFloat32(index * 4, value, true)
  })
  return new Uint8Array(view.buffer)
}
