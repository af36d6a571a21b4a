/** Descriptor of NovaSearch/stella_en_400M_v5. */
import { defineModel } from './define.js'
import { CHECKPOINT_FILES, STELLA_HEADS } from './files.js'
import { STELLA_PROMPTS } from './prompts.js'
import type { CheckpointFileInfo } from './types.js'

/**
 * SHA-256 of small files at the pinned revision, as Dylancouzon/asymmetric-dual-encoders publishes them
 * (results/m7_teacher_code_pin.json); each was checked against a file built anew from its known content.
 */
const SHA256: Readonly<Partial<Record<string, string>>> = {
  'config.json': '6ef7d87b6f011a3a2ae4612fca7767a0cab58c754648931acb8f61c4f52f24ae',
  'modules.json': '4145357aafae913f78ca56d1b398e862c5cbeb482b4d418cf9f5e1d147bf416b',
  '1_Pooling/config.json': 'd58b19f64c2bd0ff30fdc4e45103ef8e5fcec974923c433db59b50ab01595ee7',
  'sentence_bert_config.json': 'd9c158879ebdc946201519a154e8f2006d66ac633a8f3fa5de95da20fdd14729',
  'config_sentence_transformers.json': '9dfc0a2ca6ccc6f9da7734df0404206ae745cb08ca138d257714bfd9257355fb',
  'tokenizer_config.json': '9f0bb2a01bb9555bee3a8e3711cfa85bd34370d00a7c67e9745cebc7901e1085',
}

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
    ...CHECKPOINT_FILES.map(pinned),
    {
      path: 'model.safetensors',
      bytes: 1_740_785_344,
      sha256: '17e549d16172a548a3115739b55575968eb6523653daad76c46b0758e9425032',
    },
  ],
})

function pinned({ path }: CheckpointFileInfo): CheckpointFileInfo {
  const sha256 = SHA256[path]
  return sha256 === undefined ? { path } : { path, sha256 }
}
