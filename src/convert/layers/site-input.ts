/** The input of a site in the form its scheme multiplies, made once for all projections that read it. */
import type { Graph, Value } from '../../onnx/graph.js'
import { int } from '../../onnx/graph.js'
import type { SitePlan } from '../backbone-plan.js'
import { MAX_CODE } from '../quantize/rows8.js'

/** Rows of activations as the int8 multiplication takes them. */
export interface QuantisedRows {
  /** uint8 `[tokens, in]`, around {@link UINT8_ZERO}. */
  readonly codes: Value
  /** uint8 `[tokens, in]`: what the first rounding left, {@link STEP} times finer; absent with one step. */
  readonly rest: Value | undefined
  /** float32 `[tokens, 1]`: what a product of codes is to be multiplied by. */
  readonly scale: Value
}

/** An input and its quantised form. */
export interface SiteInput {
  readonly plan: SitePlan
  /** float32 `[tokens, in]`, already divided by the smoothing. */
  readonly x: Value
  /** There with the scheme `row8`. */
  readonly rows: QuantisedRows | undefined
}

/** The code of zero: the fast kernels take unsigned activations and signed weights. */
export const UINT8_ZERO = 128

/** How much finer the second step is: a rounding leaves at most half a step, which fills all levels again. */
export const STEP = 2 * MAX_CODE

/** Stands in for the largest magnitude of a row of zeros, so that its scale can be divided by. */
const SMALLEST_ROW = 1e-30

/**
 * @param unscaled - float32 `[tokens, 1]`: a factor that `x` still lacks. The quantised form does not need it applied:
 * scaling a row changes its scale, not its codes.
 */
export function siteInput(graph: Graph, path: string, x: Value, plan: SitePlan, unscaled?: Value): SiteInput {
  if (plan.scheme.kind !== 'row8') {
    const scaled = unscaled === undefined ? x : graph.node(`${path}/unscaled/Mul`, 'Mul', [x, unscaled])
    return { plan, x: scaled, rows: undefined }
  }
  const rows = plan.scheme.steps === 1 ? oneStep(graph, path, x) : twoSteps(graph, path, x)
  const scale = unscaled === undefined ? rows.scale : graph.node(`${path}/scales/Mul`, 'Mul', [rows.scale, unscaled])
  return { plan, x, rows: { ...rows, scale } }
}

/**
 * Symmetric rounding of each token's row by its own largest magnitude, so that a text's vector depends on no neighbour:
 *
 * ```
 * x ─┬→ ReduceMax ───────┐
 *    ├→ ReduceMin → Neg → Max → Mul(1/127) = scale [tokens, 1]
 *    └→ QuantizeLinear(axis 0, scale, 128) = codes
 * ```
 */
function oneStep(graph: Graph, path: string, x: Value): QuantisedRows {
  const scale = rowScale(graph, path, x)
  const perRow = graph.node(`${path}/Squeeze`, 'Squeeze', [scale, graph.constant('int64', [1])])
  const codes = graph.node(`${path}/QuantizeLinear`, 'QuantizeLinear', [x, perRow, rowZeros(graph, x)], {
    attributes: { axis: int(0) },
  })
  return { codes, rest: undefined, scale }
}

/** As one step, and once more on what it left: `x / scale − codes`, within half a step, by a scale that is known. */
function twoSteps(graph: Graph, path: string, x: Value): QuantisedRows {
  const scale = rowScale(graph, path, x)
  const zero = graph.scalar('uint8', UINT8_ZERO)
  const one = graph.scalar('float32', 1)
  const steps = graph.node(`${path}/steps/Div`, 'Div', [x, scale])
  const codes = graph.node(`${path}/QuantizeLinear`, 'QuantizeLinear', [steps, one, zero])
  const whole = graph.node(`${path}/DequantizeLinear`, 'DequantizeLinear', [codes, one, zero])
  const left = graph.node(`${path}/rest/Sub`, 'Sub', [steps, whole])
  const fine = graph.scalar('float32', 1 / STEP)
  const rest = graph.node(`${path}/rest/QuantizeLinear`, 'QuantizeLinear', [left, fine, zero])
  return { codes, rest, scale }
}

/** float32 `[tokens, 1]`: the largest magnitude of each row over the number of levels. */
function rowScale(graph: Graph, path: string, x: Value): Value {
  const columns = graph.constant('int64', [1])
  const top = graph.node(`${path}/ReduceMax`, 'ReduceMax', [x, columns])
  const bottom = graph.node(`${path}/Neg`, 'Neg', [graph.node(`${path}/ReduceMin`, 'ReduceMin', [x, columns])])
  const largest = graph.node(`${path}/Max`, 'Max', [top, bottom, graph.scalar('float32', SMALLEST_ROW)])
  return graph.node(`${path}/scale/Mul`, 'Mul', [largest, graph.scalar('float32', 1 / MAX_CODE)])
}

/** uint8 `[tokens]`: the zero point of every row, made once for all sites. */
function rowZeros(graph: Graph, x: Value): Value {
  return graph.once('/quantised/zeros', () => {
    const tokens = graph.node('/quantised/tokens', 'Shape', [x], { attributes: { start: int(0), end: int(1) } })
    return graph.node('/quantised/zeros', 'Expand', [graph.scalar('uint8', UINT8_ZERO), tokens])
  })
}
