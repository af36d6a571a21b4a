/** Turns the facts about a model into a finished descriptor: counts its parameters and freezes it, all the way down. */
import { deepFreeze } from './freeze.js'
import type { ArchitectureInfo, HeadInfo, ParameterCounts, StellaModelInfo } from './types.js'

/** What an author of a descriptor writes; the rest is derived. */
export type ModelFacts = Omit<StellaModelInfo, 'kind' | 'parameters'>

/** The finished descriptor. Later changes to `facts` do not reach it. */
export function defineModel(facts: ModelFacts): StellaModelInfo {
  const heads = [...facts.heads].sort((a, b) => a.dimensions - b.dimensions)
  return deepFreeze(
    structuredClone<StellaModelInfo>({
      kind: 'stella-model-info',
      ...facts,
      heads,
      parameters: countParameters(facts.architecture, heads),
    }),
  )
}

/** Numbers in the model, from its shape alone; `test/unit/registry` checks them against the real file sizes. */
export function countParameters(architecture: ArchitectureInfo, heads: readonly HeadInfo[]): ParameterCounts {
  const { hidden } = architecture
  return {
    embedding: embeddingParameters(architecture),
    layers: architecture.layers * layerParameters(architecture) + (architecture.kind === 'qwen2' ? hidden : 0),
    heads: heads.map((head) => head.dimensions * (hidden + 1)),
  }
}

function embeddingParameters(architecture: ArchitectureInfo): number {
  const { vocab, hidden } = architecture
  // `new` adds token types and a norm to the table itself.
  return architecture.kind === 'new' ? (vocab + architecture.tokenTypes + 2) * hidden : vocab * hidden
}

function layerParameters(architecture: ArchitectureInfo): number {
  const { hidden, intermediate, heads, headDim } = architecture
  const mlp = 3 * hidden * intermediate
  const queries = heads * headDim
  if (architecture.kind === 'new') {
    const attention = (hidden + 1) * 3 * queries + (queries + 1) * hidden
    const norms = 4 * hidden
    return attention + mlp + hidden + norms
  }
  const keys = architecture.kvHeads * headDim
  const attention = (hidden + 1) * (queries + 2 * keys) + queries * hidden
  return attention + mlp + 2 * hidden
}
