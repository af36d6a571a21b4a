/** Measures what goes into each site of a backbone, on calibration texts: the graph's extra outputs, and reading them. */
import type { Combine, GraphOutputs } from '../../workers/graph-protocol.js'
import { StellaError } from '../errors.js'
import type { Graph, Value } from '../onnx/graph.js'
import { int, ints } from '../onnx/graph.js'
import type { Site } from './backbone-plan.js'
import type { SiteProbe } from './layers/sites.js'
import type { LinearOptions } from './layers/linear.js'
import type { Hessian } from './quantize/hessian-factor.js'
import type { Weights } from './weights.js'

/** What calibration knows of a site. */
export interface SiteStatistics {
  /** float32 `[in]`: the largest magnitude of each input channel over all tokens. */
  readonly inputs: Float32Array
  /** float32 `[in]`: the largest magnitude in each column of the weights that read it. */
  readonly weights: Float32Array
  /** Only where asked for. */
  readonly hessian?: Hessian | undefined
}

/** Consecutive inputs whose errors may make up for one another in 4-bit rounding. */
export const HESSIAN_GROUP = 128

const inputsName = (site: Site): string => `${site}/inputs`
const weightsName = (site: Site): string => `${site}/weights`
const hessianName = (site: Site): string => `${site}/hessian`

/** Adds the outputs that calibration reads to a float32 graph. */
export class CalibrationProbe implements SiteProbe {
  readonly #graph: Graph
  readonly #weights: Weights
  readonly #hessians: boolean
  /** Largest magnitudes per column of the projections seen so far, per site. */
  readonly #columns = new Map<Site, Value[]>()

  /** @param hessians - Whether 4-bit rounding will want the inputs' second moments. */
  constructor(graph: Graph, weights: Weights, hessians: boolean) {
    this.#graph = graph
    this.#weights = weights
    this.#hessians = hessians
  }

  input(site: Site, x: Value): void {
    this.#graph.output(this.#largest(`/calibrate/${site}/inputs`, x), inputsName(site), 'float32', ['inputs'])
  }

  output(site: Site, path: string, x: Value, { module, rows }: LinearOptions): void {
    const name = `${module}.weight`
    const columns = this.#columns.get(site)
    const largest = this.#largest(`/calibrate${path}`, this.#weights.get(this.#graph, name, { rows }))
    if (columns !== undefined) {
      columns.push(largest)
      return
    }
    this.#columns.set(site, [largest])
    if (!this.#hessians) return
    const [, width] = this.#weights.shape(name, rows)
    const moments = this.#moments(`/calibrate/${site}/hessian`, x, width)
    this.#graph.output(moments, hessianName(site), 'float32', ['groups', HESSIAN_GROUP, HESSIAN_GROUP])
  }

  finish(): void {
    for (const [site, columns] of this.#columns) {
      const largest = this.#graph.node(`/calibrate/${site}/weights/Max`, 'Max', columns)
      this.#graph.output(largest, weightsName(site), 'float32', ['inputs'])
    }
  }

  /** `[rows, columns]` → `[columns]` */
  #largest(path: string, x: Value): Value {
    const magnitude = this.#graph.node(`${path}/Abs`, 'Abs', [x])
    return this.#graph.node(`${path}/ReduceMax`, 'ReduceMax', [magnitude, this.#graph.constant('int64', [0])], {
      attributes: { keepdims: int(0) },
    })
  }

  /** `x [tokens, in]` → `Σ xᵀx` of each group of inputs, `[⌈in / group⌉, group, group]`. */
  #moments(path: string, x: Value, width: number): Value {
    const graph = this.#graph
    const missing = (HESSIAN_GROUP - (width % HESSIAN_GROUP)) % HESSIAN_GROUP
    const ends = graph.constant('int64', [0, 0, 0, missing])
    const whole = missing === 0 ? x : graph.node(`${path}/Pad`, 'Pad', [x, ends])
    const grouped = graph.node(`${path}/Reshape`, 'Reshape', [whole, graph.constant('int64', [0, -1, HESSIAN_GROUP])])
    const rows = graph.node(`${path}/rows`, 'Transpose', [grouped], { attributes: { perm: ints(1, 2, 0) } })
    const columns = graph.node(`${path}/columns`, 'Transpose', [grouped], { attributes: { perm: ints(1, 0, 2) } })
    return graph.node(`${path}/MatMul`, 'MatMul', [rows, columns])
  }
}

/** The outputs to fetch on every calibration run, and how runs combine. */
export function activationOutputs(sites: readonly Site[], hessians: boolean): Readonly<Record<string, Combine>> {
  const largest = sites.map((site) => [inputsName(site), 'max'] as const)
  const moments = hessians ? sites.map((site) => [hessianName(site), 'sum'] as const) : []
  return Object.fromEntries([...largest, ...moments])
}

/** The outputs that depend on no text, to fetch once. */
export function weightOutputs(sites: readonly Site[]): Readonly<Record<string, Combine>> {
  return Object.fromEntries(sites.map((site) => [weightsName(site), 'max'] as const))
}

/** The statistics of each site, from what the runs gave. */
export function readStatistics(
  sites: readonly Site[],
  outputs: GraphOutputs,
  hessians: boolean,
): ReadonlyMap<Site, SiteStatistics> {
  const take = (name: string): Float32Array => {
    const values = outputs[name]
    if (values === undefined) throw new Error(`calibration gave no ${name}`)
    // NaN and infinities stay what they are through a product with zero.
    if (values.every((value) => value * 0 === 0)) return values
    throw new StellaError(
      'CHECKPOINT_INVALID',
      `In float32 the calibration texts already overflow (${name}): this checkpoint cannot be quantised with them. ` +
        "Use `precision: 'fp32'`, or other calibration texts",
      { details: { statistics: name } },
    )
  }
  return new Map(
    sites.map((site) => {
      const hessian = hessians ? { group: HESSIAN_GROUP, values: take(hessianName(site)) } : undefined
      return [site, { inputs: take(inputsName(site)), weights: take(weightsName(site)), hessian }]
    }),
  )
}
