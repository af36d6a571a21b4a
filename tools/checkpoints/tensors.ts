/**
 * Lists the tensors of a checkpoint, by the names and shapes the real ones have, and says how each is drawn.
 * Knows no file and draws nothing.
 */
import type { ArchitectureInfo, NewArchitecture, Qwen2Architecture } from '../../registry/types.js'
import type { WeightStyle } from './spec.js'

/** How a tensor is drawn. */
export type TensorDraw = { readonly kind: 'normal'; readonly deviation: number } | GammaDraw

/** Gains of a norm: around 1, with `outliers` channels multiplied by 20–50. */
export interface GammaDraw {
  readonly kind: 'gamma'
  readonly deviation: number
  readonly outliers: number
  /**
   * Another norm whose outlier channels this one divides by the same factors. In a post-norm stack the norm's output is
   * the residual stream: without this a few channels would take over all of it within a few layers.
   */
  readonly undoes?: { readonly name: string; readonly outliers: number }
}

/** One tensor. */
export interface TensorPlan {
  /** Name without the checkpoint's prefix. */
  readonly name: string
  readonly shape: readonly number[]
  readonly draw: TensorDraw
}

/** Multiplier of an outlier channel, as planted for the measurements of quantisation schemes. */
export const OUTLIER_FACTOR = { min: 20, max: 50 } as const

/** Mean square of a factor uniform in [min, max]. */
const OUTLIER_MEAN_SQUARE =
  (OUTLIER_FACTOR.min ** 2 + OUTLIER_FACTOR.min * OUTLIER_FACTOR.max + OUTLIER_FACTOR.max ** 2) / 3

/** Name before every tensor of the real checkpoint. */
export const DEFAULT_PREFIX = { new: 'new.', qwen2: 'model.' } as const satisfies Record<
  ArchitectureInfo['kind'],
  string
>

/** Every tensor of the backbone. `pooler`: whether `new` carries its unused pooler. */
export function backboneTensors(architecture: ArchitectureInfo, style: WeightStyle, pooler: boolean): TensorPlan[] {
  return architecture.kind === 'new' ? newTensors(architecture, style, pooler) : qwen2Tensors(architecture, style)
}

/** The two tensors of a `2_Dense_{dimensions}` head. */
export function headTensors(hidden: number, dimensions: number, style: WeightStyle): TensorPlan[] {
  return planner(style, hidden).linear('linear', dimensions, hidden, { bias: true, inputRms: 1 })
}

function newTensors(shape: NewArchitecture, style: WeightStyle, pooler: boolean): TensorPlan[] {
  const { hidden, intermediate } = shape
  const { table, norm, linear, outliers } = planner(style, hidden)
  const attentionWidth = shape.heads * shape.headDim
  // Each norm undoes the outliers before it, so what leaves it is of unit size over all, its own outliers included.
  const inputRms = 1
  const layer = (index: number): TensorPlan[] => {
    const at = `encoder.layer.${index}`
    const before = index === 0 ? 'embeddings.LayerNorm' : `encoder.layer.${index - 1}.mlp_ln`
    return [
      // One packed tensor, one gain: values are drawn as sharply as queries and keys.
      ...linear(`${at}.attention.qkv_proj`, 3 * attentionWidth, hidden, {
        bias: true,
        inputRms,
        gain: style.attentionGain,
      }),
      ...linear(`${at}.attention.o_proj`, hidden, attentionWidth, {
        bias: true,
        inputRms: style.attentionGain,
        gain: style.branchGain,
      }),
      ...norm(`${at}.attn_ln`, {
        bias: true,
        outliers,
        undoes: { name: before, outliers: index === 0 ? 0 : outliers },
      }),
      ...linear(`${at}.mlp.up_gate_proj`, 2 * intermediate, hidden, { bias: false, inputRms }),
      ...linear(`${at}.mlp.down_proj`, hidden, intermediate, { bias: true, inputRms: 1, gain: style.branchGain }),
      ...norm(`${at}.mlp_ln`, {
        bias: true,
        outliers: index === shape.layers - 1 ? 0 : outliers,
        undoes: { name: `${at}.attn_ln`, outliers },
      }),
    ]
  }
  return [
    ...table('embeddings.word_embeddings.weight', shape.vocab, style.embeddingDeviation),
    ...table('embeddings.token_type_embeddings.weight', shape.tokenTypes, style.embeddingDeviation / 2),
    ...norm('embeddings.LayerNorm', { bias: true, outliers: 0 }),
    ...Array.from({ length: shape.layers }, (_, index) => layer(index)).flat(),
    ...(pooler ? linear('pooler.dense', hidden, hidden, { bias: true, inputRms: 1 }) : []),
  ]
}

function qwen2Tensors(shape: Qwen2Architecture, style: WeightStyle): TensorPlan[] {
  const { hidden, intermediate } = shape
  const { table, norm, linear, normRms, outliers } = planner(style, hidden)
  const queryWidth = shape.heads * shape.headDim
  const keyWidth = shape.kvHeads * shape.headDim
  const layer = (index: number): TensorPlan[] => {
    const at = `layers.${index}`
    const sharp = { bias: true, inputRms: normRms, gain: style.attentionGain }
    return [
      ...norm(`${at}.input_layernorm`, { bias: false, outliers }),
      ...linear(`${at}.self_attn.q_proj`, queryWidth, hidden, sharp),
      ...linear(`${at}.self_attn.k_proj`, keyWidth, hidden, sharp),
      ...linear(`${at}.self_attn.v_proj`, keyWidth, hidden, { bias: true, inputRms: normRms }),
      ...linear(`${at}.self_attn.o_proj`, hidden, queryWidth, { bias: false, inputRms: 1, gain: style.branchGain }),
      ...norm(`${at}.post_attention_layernorm`, { bias: false, outliers }),
      ...linear(`${at}.mlp.gate_proj`, intermediate, hidden, { bias: false, inputRms: normRms }),
      ...linear(`${at}.mlp.up_proj`, intermediate, hidden, { bias: false, inputRms: normRms }),
      ...linear(`${at}.mlp.down_proj`, hidden, intermediate, { bias: false, inputRms: 1, gain: style.branchGain }),
    ]
  }
  return [
    ...table('embed_tokens.weight', shape.vocab, style.embeddingDeviation),
    ...Array.from({ length: shape.layers }, (_, index) => layer(index)).flat(),
    ...norm('norm', { bias: false, outliers: 0 }),
  ]
}

interface LinearOptions {
  readonly bias: boolean
  /** Root mean square of what comes in; the weights are divided by it. */
  readonly inputRms: number
  /** @default 1 */
  readonly gain?: number
}

type NormOptions = Pick<GammaDraw, 'outliers' | 'undoes'> & { readonly bias: boolean }

/** Makers of the three kinds of tensor groups for one weight style and model width. */
function planner(style: WeightStyle, hidden: number) {
  const outliers = Math.round(style.outlierShare * hidden)
  // Outlier channels carry most of a norm's output; without this the layer behind it would be that much louder.
  const normRms = Math.sqrt(1 + style.gammaDeviation ** 2 + (outliers / hidden) * OUTLIER_MEAN_SQUARE)
  const normal = (name: string, shape: readonly number[], deviation: number): TensorPlan => ({
    name,
    shape,
    draw: { kind: 'normal', deviation },
  })
  return {
    outliers,
    normRms,
    table: (name: string, rows: number, deviation: number) => [normal(name, [rows, hidden], deviation)],
    norm: (name: string, { bias, ...gamma }: NormOptions): TensorPlan[] => [
      { name: `${name}.weight`, shape: [hidden], draw: { kind: 'gamma', deviation: style.gammaDeviation, ...gamma } },
      ...(bias ? [normal(`${name}.bias`, [hidden], style.biasDeviation)] : []),
    ],
    linear: (name: string, outputs: number, inputs: number, options: LinearOptions): TensorPlan[] => [
      normal(`${name}.weight`, [outputs, inputs], (options.gain ?? 1) / (Math.sqrt(inputs) * options.inputRms)),
      ...(options.bias ? [normal(`${name}.bias`, [outputs], style.biasDeviation)] : []),
    ],
  }
}
