/** Descriptor of the checkpoint that ships with this package. */
import { defineModel } from './define.js'
import { CHECKPOINT_FILES, headOf } from './files.js'
import { STELLA_PROMPTS } from './prompts.js'

/** The 400M's architecture in small, distilled from all-MiniLM-L6-v2: for demos, tests and small search, with no download. */
export const STELLA_NANO = defineModel({
  key: 'stella-nano',
  name: 'Stella nano',
  aliases: ['stella-pool/stella-nano'],
  description: 'Ships with the package, so that everything runs offline: for demos, tests and small English search.',
  license: 'Apache-2.0',
  quality: 'demo',
  source: { kind: 'embedded', folder: 'stella-nano' },
  architecture: {
    kind: 'new',
    layers: 3,
    hidden: 256,
    intermediate: 512,
    heads: 4,
    headDim: 64,
    vocab: 24_576,
    tokenTypes: 2,
    maxPositions: 2048,
    normEpsilon: 1e-12,
    rope: { theta: 160000, ntkFactor: 2, ntkMixedB: null },
  },
  heads: [headOf(256), headOf(512)],
  defaultDimensions: 256,
  prompts: STELLA_PROMPTS,
  tokens: { max: 2048, recommended: 512 },
  files: [...CHECKPOINT_FILES, { path: 'model.safetensors' }],
})
