/** One projection behind one site, in the engine, and the numbers it is held against. */
import type { SitePlan, SiteScheme } from '../../../../src/convert/backbone-plan.js'
import { linear, linearUnscaled } from '../../../../src/convert/layers/linear.js'
import type { SiteInput } from '../../../../src/convert/layers/site-input.js'
import { UINT8_ZERO, siteInput } from '../../../../src/convert/layers/site-input.js'
import { smooth } from '../../../../src/convert/layers/sites.js'
import { quantizeBlocks8 } from '../../../../src/convert/quantize/blocks.js'
import { quantizeBlocks4 } from '../../../../src/convert/quantize/blocks4.js'
import { quantizeRows8 } from '../../../../src/convert/quantize/rows8.js'
import type { Graph, Value } from '../../../../src/onnx/graph.js'
import { openRows, writeGraphOver } from '../../../support/weights-graph.js'
import { dequantized } from '../quantize/numbers.js'

/** Half a step, and what float32 rounds off 127 of them. */
export const HALF_STEP = 0.5 + 127 * 2 ** -23

/** A projection and its weights. */
export interface Projection {
  readonly inputs: number
  readonly outputs: number
  /** `[outputs, inputs]` */
  readonly weight: Float32Array
  /** `[outputs]`; undefined: none. */
  readonly bias?: Float32Array | undefined
  readonly plan: SitePlan
  /** A factor of every row that the input still lacks. @default none */
  readonly lacking?: number | undefined
}

/** What the engine gave for some rows. */
export interface Projected {
  /** `[rows, outputs]`, of `linear`. */
  readonly y: Float32Array
  /** `[rows, outputs]`, of `linearUnscaled`. */
  readonly unscaled: Float32Array
  /** `[rows, 1]`: what `unscaled` lacks; undefined where it lacks nothing. */
  readonly factor: Float32Array | undefined
  /** Of the scheme `row8`, `[rows, inputs]`: the input's codes, around 0. */
  readonly codes: Float32Array | undefined
  /** As `codes`, of the second step. */
  readonly rest: Float32Array | undefined
  /** Of the scheme `row8`, `[rows, 1]`: the step of each row, the lacking factor included. */
  readonly scale: Float32Array | undefined
}

/** Opens the projection in the engine. */
export async function openProjection(folder: string, projection: Projection, threads = 1) {
  const { inputs, outputs, weight, bias, plan, lacking } = projection
  const matrix = { shape: [outputs, inputs], values: weight }
  const shift = bias === undefined ? {} : { 'm.bias': { shape: [outputs], values: bias } }
  const { path, built } = await writeGraphOver(
    folder,
    { 'm.weight': matrix, 'n.weight': matrix, ...shift },
    (graph, weights) => {
      const names: string[] = []
      const give = (name: string, value: Value): void => {
        graph.output(value, name, 'float32', ['rows', 'columns'])
        names.push(name)
      }
      const x = graph.input('x', 'float32', ['rows', inputs])
      const read = plan.smoothing === undefined ? x : smooth(graph, '/site', x, plan.smoothing)
      const site = siteInput(
        graph,
        '/site',
        read,
        plan,
        lacking === undefined ? undefined : columnOf(graph, x, lacking),
      )
      give('y', linear(graph, weights, '/linear', site, { module: 'm', bias: bias !== undefined }))
      const { value, factor } = linearUnscaled(graph, weights, '/unscaled', site, { module: 'n' })
      give('unscaled', value)
      if (factor !== undefined) give('factor', factor)
      for (const [name, rows] of codesOf(graph, site)) give(name, rows)
      return names
    },
  )
  const opened = await openRows(path, threads)
  return {
    run: async (data: Float32Array): Promise<Projected> => {
      const { y, unscaled, factor, codes, rest, scale } = await opened.run({ data, columns: inputs }, built)
      if (y === undefined || unscaled === undefined) throw new Error('the projection gave nothing')
      return { y, unscaled, factor, codes, rest, scale }
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

/** `[rows, 1]` full of one number. */
function columnOf(graph: Graph, x: Value, factor: number): Value {
  const rows = graph.node('/lacking/Shape', 'Shape', [x], { attributes: { end: { kind: 'int', value: 1 } } })
  const one = graph.constant('int64', [1])
  const dims = graph.node('/lacking/Concat', 'Concat', [rows, one], { attributes: { axis: { kind: 'int', value: 0 } } })
  return graph.node('/lacking/Expand', 'Expand', [graph.scalar('float32', factor), dims])
}

function codesOf(graph: Graph, { rows }: SiteInput): readonly (readonly [string, Value])[] {
  if (rows === undefined) return []
  const zero = graph.scalar('float32', UINT8_ZERO)
  const around = (name: string, codes: Value): readonly [string, Value] => {
    return [name, graph.node(`/${name}/Sub`, 'Sub', [graph.cast(`/${name}`, codes, 'float32'), zero])]
  }
  const rest = rows.rest === undefined ? [] : [around('rest', rows.rest)]
  return [around('codes', rows.codes), ...rest, ['scale', rows.scale]]
}

/** A weight as its scheme keeps it, in float64, both `[outputs, inputs]`. */
export interface KeptWeight {
  readonly values: Float64Array
  /** Most that each element may be off: half a step; of 4 bits, whose search may clip, what it is off. */
  readonly errors: Float64Array
}

/** What a scheme keeps of a weight whose columns are multiplied by the smoothing. */
export function keptWeight({ inputs, outputs, weight, plan: { scheme, smoothing } }: Projection): KeptWeight {
  const scaled = weight.map((value, i) => value * (smoothing?.[i % inputs] ?? 1))
  if (scheme.kind === 'fp32') return { values: Float64Array.from(scaled), errors: new Float64Array(scaled.length) }
  const block = scheme.kind === 'row8' ? inputs : scheme.block
  const blocks = Math.ceil(inputs / block)
  const steps = new Float32Array(outputs * blocks)
  const values = dequantisedCodes(scheme, scaled, inputs, outputs, steps)
  const errors = Float64Array.from(scaled, (value, i) => {
    const step = steps[Math.floor(i / inputs) * blocks + Math.floor((i % inputs) / block)] ?? NaN
    return scheme.kind === 'block4' ? value - (values[i] ?? NaN) : HALF_STEP * step
  })
  return { values, errors }
}

function dequantisedCodes(
  scheme: Exclude<SiteScheme, { kind: 'fp32' }>,
  scaled: Float32Array,
  inputs: number,
  outputs: number,
  steps: Float32Array,
): Float64Array {
  if (scheme.kind === 'row8') {
    const codes = new Int8Array(scaled.length)
    quantizeRows8(scaled, inputs, codes, steps)
    return Float64Array.from(codes, (code, i) => code * (steps[Math.floor(i / inputs)] ?? NaN))
  }
  const bits = scheme.kind === 'block8' ? 8 : 4
  const { block } = scheme
  const codes = new Uint8Array((outputs * Math.ceil(inputs / block) * block * bits) / 8)
  if (bits === 8) quantizeBlocks8(scaled, inputs, block, codes, steps)
  else quantizeBlocks4(scaled, inputs, block, codes, steps)
  return dequantized(codes, steps, { rows: outputs, columns: inputs, block, bits })
}
