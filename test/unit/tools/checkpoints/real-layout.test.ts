/** The full-size stand-ins against published facts of the real files: sizes, hashes, tensor inventories. */
import { createHash } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { configFiles } from '../../../../tools/checkpoints/config-files.js'
import { CHECKPOINT_SPECS } from '../../../../tools/checkpoints/specs.js'
import { backboneTensors, headTensors, type TensorPlan } from '../../../../tools/checkpoints/tensors.js'
import { tokenizerFiles } from '../../../../tools/checkpoints/tokenizers.js'

const SMALL = CHECKPOINT_SPECS['stella-en-400m-v5']
const LARGE = CHECKPOINT_SPECS['stella-en-1.5b-v5']

/**
 * SHA-256 of files of NovaSearch/stella_en_400M_v5 at ffeb2b7ee715c226d4ffe5e4619f7dbb48624c20, as pinned by
 * Dylancouzon/asymmetric-dual-encoders (results/m7_teacher_code_pin.json).
 */
const PINNED_400M = {
  'config.json': '6ef7d87b6f011a3a2ae4612fca7767a0cab58c754648931acb8f61c4f52f24ae',
  'modules.json': '4145357aafae913f78ca56d1b398e862c5cbeb482b4d418cf9f5e1d147bf416b',
  '1_Pooling/config.json': 'd58b19f64c2bd0ff30fdc4e45103ef8e5fcec974923c433db59b50ab01595ee7',
  '2_Dense_1024/config.json': 'cc74bf19ea6e14816f175a114d3101b9ec236b831ad8706c0f89c5b0517e33a0',
  'sentence_bert_config.json': 'd9c158879ebdc946201519a154e8f2006d66ac633a8f3fa5de95da20fdd14729',
  'config_sentence_transformers.json': '9dfc0a2ca6ccc6f9da7734df0404206ae745cb08ca138d257714bfd9257355fb',
  'tokenizer_config.json': '9f0bb2a01bb9555bee3a8e3711cfa85bd34370d00a7c67e9745cebc7901e1085',
  'special_tokens_map.json': '5d5b662e421ea9fac075174bb0688ee0d9431699900b90662acd44b2a350503a',
} as const

/** Bytes of a safetensors file with these tensors in float32: length field, padded header, data. */
function safetensorsBytes(plans: readonly TensorPlan[], prefix: string): number {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let end = 0
  for (const { name, shape } of [...plans].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const start = end
    end += 4 * shape.reduce((product, size) => product * size, 1)
    header[prefix + name] = { dtype: 'F32', shape, data_offsets: [start, end] }
  }
  return 8 + Math.ceil(JSON.stringify(header).length / 8) * 8 + end
}

describe('the 400M stand-in', () => {
  const tokenizer = tokenizerFiles(SMALL.tokenizer)

  test.each(Object.entries(PINNED_400M))('%s is the real file, byte for byte', (path, sha256) => {
    const files = new Map([...configFiles(SMALL, null), ...tokenizer.files])
    const text = files.get(path) ?? ''
    expect(createHash('sha256').update(text).digest('hex')).toBe(sha256)
  })

  test('has the real tensors: 270 in a file of 1,740,785,344 bytes, and a 1024 head of 4,198,592', () => {
    const plans = backboneTensors(SMALL.architecture, SMALL.weights, true)
    expect(plans).toHaveLength(270)
    expect(safetensorsBytes(plans, 'new.')).toBe(1_740_785_344)
    expect(safetensorsBytes(headTensors(1024, 1024, SMALL.weights), '')).toBe(4_198_592)
  })

  test('has a tokenizer of the real size, specials where bert-base-uncased has them', () => {
    const json = JSON.parse(new Map(tokenizer.files).get('tokenizer.json') ?? '') as {
      readonly model: { readonly vocab: Record<string, number> }
      readonly padding: unknown
      readonly truncation: unknown
    }
    expect(Object.keys(json.model.vocab)).toHaveLength(30_522)
    expect(json.model.vocab).toMatchObject({ '[PAD]': 0, '[UNK]': 100, '[CLS]': 101, '[SEP]': 102, '[MASK]': 103 })
    // The trap of the real file, which a loader must override.
    expect(json.padding).toMatchObject({ strategy: { Fixed: 512 } })
    expect(json.truncation).toMatchObject({ max_length: 512 })
  })
})

describe('the 1.5B stand-in', () => {
  test('has the real tensors: 338, without a language-model head', () => {
    const plans = backboneTensors(LARGE.architecture, LARGE.weights, true)
    expect(plans).toHaveLength(338)
    const shapes = new Map(plans.map(({ name, shape }) => [name, shape]))
    expect(shapes.get('embed_tokens.weight')).toEqual([151_646, 1536])
    expect(shapes.get('layers.27.self_attn.k_proj.weight')).toEqual([256, 1536])
    expect(shapes.get('layers.27.self_attn.k_proj.bias')).toEqual([256])
    expect(shapes.get('layers.27.mlp.down_proj.weight')).toEqual([1536, 8960])
    expect(shapes.has('layers.0.self_attn.o_proj.bias')).toBe(false)
    expect([...shapes.keys()].some((name) => name.includes('lm_head'))).toBe(false)
  })

  test('has a config.json of the real size, 844 bytes, and the real ids of the added tokens', () => {
    const { endOfText, files, size } = tokenizerFiles(LARGE.tokenizer)
    expect(size).toBe(151_646)
    expect(endOfText).toBe(151_643)
    expect(new Map(configFiles(LARGE, endOfText)).get('config.json')).toHaveLength(844)
    const json = JSON.parse(new Map(files).get('tokenizer.json') ?? '') as {
      readonly added_tokens: readonly { readonly id: number; readonly content: string }[]
      readonly model: { readonly vocab: Record<string, number>; readonly merges: readonly string[] }
    }
    expect(json.added_tokens.map(({ id, content }) => [id, content])).toEqual([
      [151_643, '<|endoftext|>'],
      [151_644, '<|im_start|>'],
      [151_645, '<|im_end|>'],
    ])
    // Every merge joins symbols that exist and makes one that exists, or the tokenizer would refuse the file.
    const isKnown = (symbol: string): boolean => json.model.vocab[symbol] !== undefined
    const broken = json.model.merges.filter((merge) => {
      const [left = '', right = '', ...rest] = merge.split(' ')
      return rest.length > 0 || !isKnown(left) || !isKnown(right) || !isKnown(left + right)
    })
    expect(broken).toEqual([])
  })
})
