/**
 * How each matrix of a backbone is stored and multiplied. A site is one input that one or several projections read: the
 * unit in which schemes are chosen, because projections of a site share the work on their input.
 */
import type { BlockSize } from './quantize/blocks.js'
import type { Hessian } from './quantize/hessian-factor.js'

/** Name of a site, such as `layers.3.mlp.in`. */
export type Site = `layers.${number}.${SiteKind}`

/** `attention.in` is what q, k and v read, `attention.out` what o reads; `mlp.in` up and gate, `mlp.out` down. */
export type SiteKind = (typeof SITE_KINDS)[number]

export const SITE_KINDS = ['attention.in', 'attention.out', 'mlp.in', 'mlp.out'] as const

/** How the projections of a site multiply. */
export type SiteScheme =
  | { readonly kind: 'fp32' }
  /**
   * int8 weights with one scale for each output, and uint8 activations with one scale for each token. With two steps
   * what the first rounding leaves of the activations is rounded and multiplied as well: 16 bits, twice the work.
   */
  | { readonly kind: 'row8'; readonly steps: 1 | 2 }
  /** 8-bit weights with one scale for each block of inputs. */
  | { readonly kind: 'block8'; readonly block: BlockSize }
  /** 4-bit weights with one scale for each block of inputs. */
  | { readonly kind: 'block4'; readonly block: BlockSize; readonly hessian?: Hessian | undefined }

/** What is done at one site. */
export interface SitePlan {
  readonly scheme: SiteScheme
  /**
   * float32 `[in]`: the input is divided by it and the weights' columns are multiplied by it, which evens out channels
   * of very different size before they are rounded (SmoothQuant, https://arxiv.org/abs/2211.10438). Heads
   * that share values share factors. @default none
   */
  readonly smoothing?: Float32Array | undefined
}

/** How the embedding table is stored. */
export type TableForm = 'float32' | 'float16' | 'int8'

/** How a whole backbone is stored. */
export interface BackbonePlan {
  readonly table: TableForm
  readonly site: (site: Site) => SitePlan
}

/** Everything as it is in the checkpoint. */
export const REFERENCE_PLAN: BackbonePlan = { table: 'float32', site: () => ({ scheme: { kind: 'fp32' } }) }

/** The sites of a backbone of so many layers, in the order they run. */
export function sitesOf(layers: number): readonly Site[] {
  return Array.from({ length: layers }, (_, layer) => SITE_KINDS.map((kind): Site => `layers.${layer}.${kind}`)).flat()
}

/** `1 / x` for each. */
export function reciprocal(values: Float32Array): Float32Array
export function reciprocal(values: Float32Array | undefined): Float32Array | undefined
export function reciprocal(values: Float32Array | undefined): Float32Array | undefined {
  return values?.map((value) => 1 / value)
}
