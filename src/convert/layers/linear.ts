/** The linear map `y = x Wᵀ + b` on flat rows, in the scheme of its site. */
import type { Graph, Value } from '../../onnx/graph.js'
import { MICROSOFT, int } from '../../onnx/graph.js'
import type { BlockSize } from '../quantize/blocks.js'
import type { RowRange, WeightOptions, Weights } from '../weights.js'
import type { QuantisedRows, SiteInput } from './site-input.js'
import { STEP, UINT8_ZERO } from './site-input.js'

/** Which part of which projection, and whether it has a bias. */
export interface LinearOptions {
  /** Name of the module in the checkpoint, without `.weight`. */
  readonly module: string
  readonly bias: boolean
  /** Output rows to take, where the checkpoint packs several projections into one matrix. */
  readonly rows?: RowRange | undefined
  /** float32 `[out]`: multiplied into weight and bias. */
  readonly outputScale?: Float32Array | undefined
}

/** A product that may still lack a factor for each row. */
export interface Unscaled {
  /** `[tokens, out]` */
  readonly value: Value
  /** `[tokens, 1]`; undefined: nothing is lacking. */
  readonly factor: Value | undefined
}

/** `x [tokens, in]` → `[tokens, out]`. */
export function linear(graph: Graph, weights: Weights, path: string, input: SiteInput, options: LinearOptions): Value {
  const { scheme, smoothing } = input.plan
  if (scheme.kind === 'fp32') return gemm(graph, weights, path, input.x, options, smoothing)
  const product = scaled(graph, path, multiply(graph, weights, path, input, options))
  if (!options.bias) return product
  const { rows, outputScale } = options
  const bias = weights.get(graph, `${options.module}.bias`, { rows, outputScale })
  return graph.node(`${path}/bias/Add`, 'Add', [product, bias])
}

/**
 * As {@link linear} without a bias; a factor for each row is handed on instead of applied, for a consumer that is
 * indifferent to it or can apply it cheaper.
 */
export function linearUnscaled(
  graph: Graph,
  weights: Weights,
  path: string,
  input: SiteInput,
  options: Omit<LinearOptions, 'bias'>,
): Unscaled {
  const { scheme, smoothing } = input.plan
  if (scheme.kind !== 'fp32') return multiply(graph, weights, path, input, options)
  return { value: gemm(graph, weights, path, input.x, { ...options, bias: false }, smoothing), factor: undefined }
}

/**
 * In float32, for an `x` that was divided by `smoothing`.
 *
 * The weight keeps the checkpoint's `[out, in]` layout: the engine transposes once, when it packs the constant.
 */
export function gemm(
  graph: Graph,
  weights: Weights,
  path: string,
  x: Value,
  { module, bias, rows, outputScale }: LinearOptions,
  smoothing?: Float32Array,
): Value {
  const inputs = [x, weights.get(graph, `${module}.weight`, { rows, outputScale, inputScale: smoothing })]
  if (bias) inputs.push(weights.get(graph, `${module}.bias`, { rows, outputScale }))
  return graph.node(`${path}/Gemm`, 'Gemm', inputs, { attributes: { transB: int(1) } })
}

function scaled(graph: Graph, path: string, { value, factor }: Unscaled): Value {
  return factor === undefined ? value : graph.node(`${path}/scale/Mul`, 'Mul', [value, factor])
}

function multiply(
  graph: Graph,
  weights: Weights,
  path: string,
  { plan: { scheme, smoothing }, x, rows: quantised }: SiteInput,
  { module, rows, outputScale }: Omit<LinearOptions, 'bias'>,
): Unscaled {
  const name = `${module}.weight`
  const part = { rows, outputScale, inputScale: smoothing }
  switch (scheme.kind) {
    case 'row8':
      if (quantised === undefined) throw new Error(`${path}: the input was not quantised`)
      return { value: multiplyRows(graph, weights, path, name, part, quantised), factor: quantised.scale }
    case 'block8':
    case 'block4': {
      const { weight, scale } = weights.quantized(graph, name, { ...part, scheme })
      const [outputs, inputs] = weights.shape(name, rows)
      const bits = scheme.kind === 'block8' ? 8 : 4
      const blocks = { bits, block: scheme.block, inputs, outputs }
      return { value: multiplyBlocks(graph, path, x, weight, scale, blocks), factor: undefined }
    }
    case 'fp32':
      throw new Error(`${path}: float32 is multiplied by gemm`)
  }
}

/**
 * `codes · W`, by each output's own scale. Of two steps the second is the finer one:
 *
 * ```
 * codes → MatMulIntegerToFloat ──────────┐
 * rest  → MatMulIntegerToFloat(1/STEP) ──┴→ Add
 * ```
 */
function multiplyRows(
  graph: Graph,
  weights: Weights,
  path: string,
  name: string,
  part: WeightOptions,
  { codes, rest }: QuantisedRows,
): Value {
  const { weight, scale } = weights.quantized(graph, name, { ...part, scheme: { kind: 'row8' } })
  const zero = graph.scalar('uint8', UINT8_ZERO)
  const product = (step: string, rows: Value, factor: number): Value => {
    const inputs = [rows, weight, graph.scalar('float32', factor), scale, zero]
    return graph.node(`${path}/${step}MatMulIntegerToFloat`, 'MatMulIntegerToFloat', inputs, { domain: MICROSOFT })
  }
  const first = product('', codes, 1)
  return rest === undefined ? first : graph.node(`${path}/steps/Add`, 'Add', [first, product('rest/', rest, 1 / STEP)])
}

/** Multiplies with activations rounded to int8 block by block, inside the operator. */
const ACCURACY_INT8 = 4

function multiplyBlocks(
  graph: Graph,
  path: string,
  x: Value,
  weight: Value,
  scale: Value,
  blocks: { readonly bits: number; readonly block: BlockSize; readonly inputs: number; readonly outputs: number },
): Value {
  return graph.node(`${path}/MatMulNBits`, 'MatMulNBits', [x, weight, scale], {
    domain: MICROSOFT,
    attributes: {
      K: int(blocks.inputs),
      N: int(blocks.outputs),
      bits: int(blocks.bits),
      block_size: int(blocks.block),
      accuracy_level: int(ACCURACY_INT8),
    },
  })
}
