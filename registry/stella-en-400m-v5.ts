/** Descriptor of NovaSearch/stella_en_400M_v5. */
import { defineModel } from './define.js'
import { CHECKPOINT_FILES, STELLA_HEADS } from './files.js'
import { STELLA_PROMPTS } from './prompts.js'

/** 400M parameters, architecture `new`: post-norm, gated GELU, rotary positions with NTK scaling. */
export const STELLA_EN_400M_V5 = defineModel({
  key: 'stella-en-400m-v5',
  name: 'Stella EN 400M v5',
  aliases: ['NovaSearch/stella_en_400M_v5', 'dunzhang/stella_en_400M_v5'],
  description: 'English text embeddings; the best quality per second of the two Stella v5 models.',
  license: 'MIT',
  quality: 'production',
  source: { kind: 'hub', repo: 'NovaSearch/stella_en_400M_v5', revision: 'ffeb2b7ee715c226d4ffe5e4619f7dbb48624c20' },
  architecture: {
    kind: 'new',
    layers: 24,
    hidden: 1024,
    intermediate: 4096,
    heads: 16,
    headDim: 64,
    vocab: 30528,
    tokenTypes: 2,
    maxPositions: 8192,
    normEpsilon: 1e-12,
    rope: { theta: 160000, ntkFactor: 2, ntkMixedB: null },
  },
  heads: STELLA_HEADS,
  defaultDimensions: 1024,
  prompts: STELLA_PROMPTS,
  tokens: { max: 8192, recommended: 512 },
  files: [
    ...CHECKPOINT_FILES,
    {
      path: 'model.safetensors',
      bytes: 1_740_785_344,
      sha256: '17e549d16172a548a3115739b55575968eb6523653daad76c46b0758e9425032',
    },
  ],
})
