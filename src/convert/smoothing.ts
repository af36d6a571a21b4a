/**
 * SmoothQuant (https://arxiv.org/abs/2211.10438): moves the unevenness of an input's channels into the weights, where
 * each output has a scale of its own, until both are equally hard to round.
 */
import type { AttentionShape } from './layers/attention.js'
import type { SiteStatistics } from './calibrate.js'

/** How much of the unevenness moves; the paper's value for models of moderate outliers. */
const SHARE = 0.5

/**
 * Channels smaller than this share of the largest count as that large: a channel that calibration saw almost nothing of
 * must not be blown up by what it saw nothing of.
 */
const FLOOR = 1e-4

/** float32 `[in]`: `max|x|^α / max|w|^(1−α)`, with a geometric mean of 1. */
export function smoothingOf({ inputs, weights }: SiteStatistics): Float32Array {
  const x = floored(inputs)
  const w = floored(weights)
  const raw = x.map((value, channel) => value ** SHARE / (w[channel] ?? 1) ** (1 - SHARE))
  const mean = raw.reduce((sum, value) => sum + Math.log(value), 0) / raw.length
  return Float32Array.from(raw, (value) => value / Math.exp(mean))
}

/** Statistics of `[heads × headDim]` with the largest of each group of heads that shares values in every place of it. */
export function shareHeads(statistics: SiteStatistics, shape: AttentionShape): SiteStatistics {
  const { inputs, weights } = statistics
  return { ...statistics, inputs: groupLargest(inputs, shape), weights: groupLargest(weights, shape) }
}

function groupLargest(values: Float32Array, { heads, kvHeads, headDim }: AttentionShape): Float32Array {
  const group = heads / kvHeads
  return Float32Array.from({ length: values.length }, (_, channel) => {
    const first = Math.floor(channel / (group * headDim)) * group
    const members = Array.from({ length: group }, (__, i) => values[(first + i) * headDim + (channel % headDim)] ?? 0)
    return Math.max(...members)
  })
}

function floored(values: Float32Array): Float64Array {
  const largest = values.reduce((most, value) => Math.max(most, value), 0)
  const floor = largest === 0 ? 1 : largest * FLOOR
  return Float64Array.from(values, (value) => Math.max(value, floor))
}
