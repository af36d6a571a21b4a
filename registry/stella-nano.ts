/** Descriptor of the checkpoint that ships with this package. */
import { defineModel } from './define.js'
import { CHECKPOINT_FILES, headOf } from './files.js'
import { STELLA_PROMPTS } from './prompts.js'

/** The 400M's architecture in small, with seeded random weights: for trying, tests and CI, with no download. */
export const STELLA_NANO = defineModel({
  key: 'stella-nano',
  name: 'Stella nano (random weights)',
  aliases: ['stella-pool/stella-nano'],
  description: 'Ships with the package so that everything runs offline. Random weights: its vectors mean nothing.',
  license: 'MIT',
  quality: 'random',
  source: { kind: 'embedded', folder: 'stella-nano' },
  architecture: {
    kind: 'new',
    layers: 2,
    hidden: 64,
    intermediate: 128,
    heads: 4,
    headDim: 16,
    vocab: 1008,
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
