/** The matrix products of a transformer, from its architecture: their shapes and their work. Knows no engine. */
import type { ArchitectureInfo } from '../../registry/types.js'

/** One linear layer: `[tokens, inputs] × [inputs, outputs]`. */
export interface LinearShape {
  readonly name: string
  readonly inputs: number
  readonly outputs: number
}

/** The linear layers of one transformer layer, in the order they run. */
export function linearsOf(architecture: ArchitectureInfo): readonly LinearShape[] {
  const { hidden, heads, headDim, intermediate } = architecture
  const attended = heads * headDim
  const shared = (architecture.kind === 'qwen2' ? architecture.kvHeads : heads) * headDim
  return [
    { name: 'q', inputs: hidden, outputs: attended },
    { name: 'k', inputs: hidden, outputs: shared },
    { name: 'v', inputs: hidden, outputs: shared },
    { name: 'o', inputs: attended, outputs: hidden },
    { name: 'up', inputs: hidden, outputs: intermediate },
    { name: 'gate', inputs: hidden, outputs: intermediate },
    { name: 'down', inputs: intermediate, outputs: hidden },
  ]
}

/** Weights of one transformer layer's linear layers; each is a multiplication and an addition for a token. */
export function layerWeights(architecture: ArchitectureInfo): number {
  return linearsOf(architecture).reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0)
}

/** Operations of all linear layers for one token, in units of 10⁹: a multiplication and an addition count as two. */
export function gemmGopPerToken(architecture: ArchitectureInfo): number {
  return (2 * architecture.layers * layerWeights(architecture)) / 1e9
}
