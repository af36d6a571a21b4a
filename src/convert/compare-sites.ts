/**
 * Measures what a scheme costs at each site: the projections of a candidate plan, each on the float32 model's own input,
 * held against the float32 product. Errors do not pile up, so each site is judged by itself.
 */
import type { Combine, GraphOutputs } from '../../workers/graph-protocol.js'
import type { Graph, Value } from '../onnx/graph.js'
import { int } from '../onnx/graph.js'
import type { BackbonePlan, Site } from './backbone-plan.js'
import type { LinearOptions } from './layers/linear.js'
import { linear } from './layers/linear.js'
import type { SiteInput } from './layers/site-input.js'
import { siteInput } from './layers/site-input.js'
import type { SiteProbe } from './layers/sites.js'
import { smooth } from './layers/sites.js'
import type { Weights } from './weights.js'

/** Name of the output, float32 `[projections, 2]`: the sums of squares of the error and of the float32 product. */
const SQUARES_OUTPUT = 'squares'

/** Adds the candidate's projections, and the comparison, to a float32 graph. */
export class ComparisonProbe implements SiteProbe {
  readonly #graph: Graph
  readonly #reference: Weights
  readonly #candidate: Weights
  readonly #plan: BackbonePlan
  readonly #inputs = new Map<Site, SiteInput>()
  /** `[2]` for each projection, in the order of {@link projections}. */
  readonly #squares: Value[] = []
  readonly #sites: Site[] = []

  /**
   * @param reference - The weights of the float32 graph.
   * @param candidate - Weights whose file is the candidate's own.
   */
  constructor(graph: Graph, reference: Weights, candidate: Weights, plan: BackbonePlan) {
    this.#graph = graph
    this.#reference = reference
    this.#candidate = candidate
    this.#plan = plan
  }

  /** The site of each projection, in the order of the output's rows. */
  get projections(): readonly Site[] {
    return this.#sites
  }

  input(site: Site, x: Value): void {
    const plan = this.#plan.site(site)
    if (plan.scheme.kind === 'fp32') return
    const path = `/compare/${site}`
    const { smoothing } = plan
    const read = smoothing === undefined ? x : smooth(this.#graph, path, x, smoothing)
    this.#inputs.set(site, siteInput(this.#graph, path, read, plan))
  }

  output(site: Site, path: string, _x: Value, { module, rows, bias }: LinearOptions, y: Value): void {
    const input = this.#inputs.get(site)
    if (input === undefined) return
    const graph = this.#graph
    const at = `/compare${path}`
    const product = linear(graph, this.#candidate, at, input, { module, rows, bias: false })
    const shift = bias ? this.#reference.get(graph, `${module}.bias`, { rows }) : undefined
    const candidate = shift === undefined ? product : graph.node(`${at}/shift/Add`, 'Add', [product, shift])
    const error = graph.node(`${at}/Sub`, 'Sub', [candidate, y])
    const sums = [sumOfSquares(graph, `${at}/error`, error), sumOfSquares(graph, `${at}/signal`, y)]
    this.#squares.push(graph.node(`${at}/squares`, 'Concat', sums, { attributes: { axis: int(0) } }))
    this.#sites.push(site)
  }

  finish(): void {
    const all = this.#graph.node('/compare/Concat', 'Concat', this.#squares, { attributes: { axis: int(0) } })
    this.#graph.output(all, SQUARES_OUTPUT, 'float32', ['squares'])
  }
}

/** `[tokens, out]` → `[1]` */
function sumOfSquares(graph: Graph, path: string, x: Value): Value {
  const sum = graph.node(`${path}/ReduceSumSquare`, 'ReduceSumSquare', [x], { attributes: { keepdims: int(0) } })
  return graph.node(`${path}/Reshape`, 'Reshape', [sum, graph.constant('int64', [1])])
}

/** The outputs to fetch, and how runs combine. */
export const COMPARISON_OUTPUTS: Readonly<Record<string, Combine>> = { [SQUARES_OUTPUT]: 'sum' }

/**
 * The error of each site: of its projections the largest share of noise in the power of the product.
 *
 * @param projections - The site of each row.
 */
export function readErrors(projections: readonly Site[], outputs: GraphOutputs): ReadonlyMap<Site, number> {
  const squares = outputs[SQUARES_OUTPUT]
  if (squares?.length !== 2 * projections.length) throw new Error('the comparison gave another number of projections')
  const errors = new Map<Site, number>()
  for (const [row, site] of projections.entries()) {
    const noise = squares[2 * row] ?? Number.NaN
    const signal = squares[2 * row + 1] ?? Number.NaN
    // A product of zeros that stays zeros has no error; anything else of it is nothing but error.
    const error = noise === 0 ? 0 : noise / signal
    errors.set(site, Math.max(errors.get(site) ?? 0, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error))
  }
  return errors
}
