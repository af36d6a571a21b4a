/** Descriptor of NovaSearch/stella_en_1.5B_v5. */
import { defineModel } from './define.js'
import { CHECKPOINT_FILES, STELLA_HEADS } from './files.js'
import { STELLA_PROMPTS } from './prompts.js'

/** 1.5B parameters, a Qwen2 that reads in both directions: pre-norm, gated SiLU, grouped key/value heads. */
export const STELLA_EN_1_5B_V5 = defineModel({
  key: 'stella-en-1.5b-v5',
  name: 'Stella EN 1.5B v5',
  aliases: ['NovaSearch/stella_en_1.5B_v5', 'dunzhang/stella_en_1.5B_v5'],
  description: 'English text embeddings; the more accurate of the two Stella v5 models, a third as fast.',
  license: 'MIT',
  quality: 'production',
  // No revision of this repository is pinned: its commit ids could not be checked. The weights' hash is.
  source: { kind: 'hub', repo: 'NovaSearch/stella_en_1.5B_v5', revision: 'main' },
  architecture: {
    kind: 'qwen2',
    layers: 28,
    hidden: 1536,
    intermediate: 8960,
    heads: 12,
    kvHeads: 2,
    headDim: 128,
    vocab: 151646,
    maxPositions: 131072,
    normEpsilon: 1e-6,
    rope: { theta: 1_000_000, ntkFactor: null, ntkMixedB: null },
  },
  heads: STELLA_HEADS,
  defaultDimensions: 1024,
  prompts: STELLA_PROMPTS,
  // The positions reach further; 8,192 tokens is what one text may cost in memory (docs/models-and-memory.md).
  tokens: { max: 8192, recommended: 512 },
  files: [
    ...CHECKPOINT_FILES,
    { path: 'model.safetensors', sha256: '222c4379b38c273e69e7e7ba7c68517ab8fef0bc92f8a5f557cf834f65046471' },
  ],
})
