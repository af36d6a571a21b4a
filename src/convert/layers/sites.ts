/** The sites of one graph: what goes into each, and the projections that read it, as the plan has them. */
import type { Graph, Value } from '../../onnx/graph.js'
import type { BackbonePlan, Site, SitePlan } from '../backbone-plan.js'
import { reciprocal } from '../backbone-plan.js'
import type { Weights } from '../weights.js'
import type { LinearOptions, Unscaled } from './linear.js'
import { linear, linearUnscaled } from './linear.js'
import type { SiteInput } from './site-input.js'
import { siteInput } from './site-input.js'

/** Sees what passes a site while a graph is built, and may add nodes of its own. */
export interface SiteProbe {
  /** @param x - float32 `[tokens, in]`, before any smoothing. */
  input(site: Site, x: Value): void
  /** @param y - float32 `[tokens, out]`: what the projection `options` made of the input. */
  output(site: Site, path: string, x: Value, options: LinearOptions, y: Value): void
  /** Called when all sites are built. */
  finish(): void
}

/** How an input reaches its site. */
export interface InputOptions {
  /** Whether `x` comes divided by the smoothing, because a layer before folded it in. @default false */
  readonly smoothed?: boolean
  /** A factor `x` still lacks, from {@link Sites.linearUnscaled}. */
  readonly unscaled?: Value | undefined
}

/** An input and its site. */
export interface OpenSite extends SiteInput {
  readonly site: Site
}

/** Builds the sites of a graph. */
export class Sites {
  readonly #graph: Graph
  readonly #weights: Weights
  readonly #plan: BackbonePlan
  readonly #probe: SiteProbe | undefined

  constructor(graph: Graph, weights: Weights, plan: BackbonePlan, probe?: SiteProbe) {
    this.#graph = graph
    this.#weights = weights
    this.#plan = plan
    this.#probe = probe
  }

  /** What is done at a site. */
  plan(site: Site): SitePlan {
    return this.#plan.site(site)
  }

  /** Brings `x [tokens, in]` into the form that the site's projections read. */
  input(site: Site, path: string, x: Value, options: InputOptions = {}): OpenSite {
    this.#probe?.input(site, x)
    const plan = this.plan(site)
    const { smoothed = false, unscaled } = options
    const read = smoothed || plan.smoothing === undefined ? x : smooth(this.#graph, path, x, plan.smoothing)
    return { ...siteInput(this.#graph, path, read, plan, unscaled), site }
  }

  /** `[tokens, out]` */
  linear(path: string, input: OpenSite, options: LinearOptions): Value {
    const y = linear(this.#graph, this.#weights, path, input, options)
    this.#probe?.output(input.site, path, input.x, options, y)
    return y
  }

  /** Without bias, and maybe without a factor for each row. */
  linearUnscaled(path: string, input: OpenSite, options: Omit<LinearOptions, 'bias'>): Unscaled {
    const product = linearUnscaled(this.#graph, this.#weights, path, input, options)
    this.#probe?.output(input.site, path, input.x, { ...options, bias: false }, product.value)
    return product
  }
}

/** `x / smoothing`, channel by channel. */
export function smooth(graph: Graph, path: string, x: Value, smoothing: Float32Array): Value {
  const factors = graph.vector(`${path}/smoothing`, reciprocal(smoothing))
  return graph.node(`${path}/smoothing/Mul`, 'Mul', [x, factors])
}
