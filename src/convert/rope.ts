/** Inverse frequencies of rotary position embedding, plain and NTK-scaled. */
import type { RopeInfo } from '../../registry/types.js'

/**
 * The `headDim / 2` inverse frequencies, rounded to float32 once, at the end.
 *
 * - plain: `theta^(-2i/d)` (Su et al. 2021, https://arxiv.org/abs/2104.09864)
 * - NTK, as Alibaba's NewModel defines it: `(theta·f)^(-2i/d) / f^(2/d)`. The model builds its tables for
 *   `maxPositions · f`, so the scaling holds for short texts as well.
 * - NTK with a mixed base: `theta^(-2i/d) / exp(a·m^b)`, `a = ln f / (d/2)^b`, `m = i + 1`.
 */
export function inverseFrequencies(rope: RopeInfo, headDim: number): Float32Array {
  const { theta, ntkFactor, ntkMixedB } = rope
  const half = headDim / 2
  return Float32Array.from({ length: half }, (_, i) => {
    const exponent = (-2 * i) / headDim
    if (ntkFactor === null) return theta ** exponent
    if (ntkMixedB === null) return (theta * ntkFactor) ** exponent / ntkFactor ** (2 / headDim)
    const a = Math.log(ntkFactor) / half ** ntkMixedB
    return theta ** exponent / Math.exp(a * (i + 1) ** ntkMixedB)
  })
}
