import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5 } from '../../../registry/index.js'
import type { ArchitectureInfo } from '../../../registry/types.js'
import { checkInventory, inventoryOf } from '../../../src/convert/inventory.js'
import { TensorReader } from '../../../src/files/safetensors.js'
import { writeSafetensors } from '../../../tools/checkpoints/safetensors-writer.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { makeTiny } from '../../support/tiny-checkpoint.js'
import { CHECKPOINT_SPECS } from '../../../tools/checkpoints/specs.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const NEW = CHECKPOINT_SPECS['new-tiny'].architecture
const QWEN2 = CHECKPOINT_SPECS['qwen2-tiny'].architecture

/** Writes zeros under these names and shapes, and opens them. */
async function readerOf(tensors: Iterable<readonly [string, readonly number[]]>, name: string): Promise<TensorReader> {
  const entries = [...tensors].map(([tensor, shape]) => {
    const values = shape.reduce((product, size) => product * size, 1)
    return { name: tensor, dtype: 'F32' as const, shape, data: () => [new Float32Array(values)] }
  })
  await writeSafetensors(join(temporary.path, `${name}.safetensors`), entries)
  return TensorReader.open(temporary.path, { file: `${name}.safetensors` })
}

let files = 0
async function check(
  architecture: ArchitectureInfo,
  change: (tensors: Map<string, readonly number[]>) => void,
  prefix = architecture.kind === 'new' ? 'new.' : 'model.',
): Promise<string> {
  const tensors = new Map([...inventoryOf(architecture)].map(([name, shape]) => [prefix + name, shape]))
  change(tensors)
  await using reader = await readerOf(tensors, `case-${files++}`)
  return checkInventory(reader, architecture)
}

describe('inventoryOf', () => {
  it('counts 268 tensors of the 400M: its file has 270 with the unused pooler', () => {
    expect(inventoryOf(STELLA_EN_400M_V5.architecture).size).toBe(270 - 2)
  })

  it('counts the 338 tensors of the 1.5B', () => {
    expect(inventoryOf(STELLA_EN_1_5B_V5.architecture).size).toBe(338)
  })

  it('gives the published shapes', () => {
    const small = inventoryOf(STELLA_EN_400M_V5.architecture)
    expect(small.get('embeddings.word_embeddings.weight')).toEqual([30528, 1024])
    expect(small.get('encoder.layer.23.attention.qkv_proj.weight')).toEqual([3072, 1024])
    expect(small.get('encoder.layer.0.mlp.up_gate_proj.weight')).toEqual([8192, 1024])
    expect(small.has('encoder.layer.0.mlp.up_gate_proj.bias')).toBe(false)
    const large = inventoryOf(STELLA_EN_1_5B_V5.architecture)
    expect(large.get('layers.27.self_attn.k_proj.weight')).toEqual([256, 1536])
    expect(large.get('layers.0.mlp.down_proj.weight')).toEqual([1536, 8960])
    expect(large.has('layers.0.self_attn.o_proj.bias')).toBe(false)
    expect(large.has('lm_head.weight')).toBe(false)
  })

  it.each([STELLA_EN_400M_V5, STELLA_EN_1_5B_V5])('of $key adds up to its parameter count', (info) => {
    let numbers = 0
    for (const shape of inventoryOf(info.architecture).values()) numbers += shape.reduce((a, b) => a * b, 1)
    expect(numbers).toBe(info.parameters.embedding + info.parameters.layers)
  })
})

describe('checkInventory', () => {
  it.each(['new.', 'model.', ''])('accepts the prefix %j for both architectures', async (prefix) => {
    expect(await check(NEW, () => undefined, prefix)).toBe(prefix)
    expect(await check(QWEN2, () => undefined, prefix)).toBe(prefix)
  })

  it('accepts a checkpoint in shards, with and without the pooler', async () => {
    for (const changes of [{ shards: 3 }, { pooler: false }, { prefix: '' }]) {
      await using reader = await TensorReader.open(await makeTiny(temporary.path, 'new-tiny', changes))
      expect(checkInventory(reader, NEW)).toBe(changes.prefix ?? 'new.')
    }
  })

  it('passes over what is known to be unused', async () => {
    await check(NEW, (tensors) => {
      tensors.set('new.pooler.dense.weight', [2, 2]).set('new.embeddings.position_ids', [1, 4])
      tensors.set('new.encoder.rotary_emb.inv_freq', [8])
    })
    await check(QWEN2, (tensors) => tensors.set('lm_head.weight', [2, 2]))
  })

  it('names a missing tensor and the file', async () => {
    const error = await failureOf(() =>
      check(QWEN2, (tensors) => tensors.delete('model.layers.1.self_attn.k_proj.bias')),
    )
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toMatch(
      /^case-\d+\.safetensors: the checkpoint misses model\.layers\.1\.self_attn\.k_proj\.bias$/,
    )
    expect(error.details.tensors).toEqual(['model.layers.1.self_attn.k_proj.bias'])
  })

  it('names the first few of many missing ones, and says how many more', async () => {
    const error = await failureOf(() =>
      check(NEW, (tensors) => {
        for (const name of [...tensors.keys()]) if (name.includes('layer.1.')) tensors.delete(name)
      }),
    )
    expect(error.message).toMatch(/ and 6 more$/)
    expect(error.details.tensors).toHaveLength(11)
  })

  it('names a surplus tensor: weights nobody uses mean another model', async () => {
    const error = await failureOf(() =>
      check(QWEN2, (tensors) => tensors.set('model.layers.0.self_attn.o_proj.bias', [48])),
    )
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toContain('has no place for model.layers.0.self_attn.o_proj.bias')
  })

  it('says of scales that the weights are wrong without them', async () => {
    const error = await failureOf(() =>
      check(QWEN2, (tensors) => tensors.set('model.layers.0.self_attn.o_proj.weight_scale_inv', [1])),
    )
    expect(error.message).toContain(
      'no place for model.layers.0.self_attn.o_proj.weight_scale_inv. Scales of quantised',
    )
  })

  it('refuses a layer more than config.json says', async () => {
    const error = await failureOf(() =>
      check(QWEN2, (tensors) => tensors.set('model.layers.2.input_layernorm.weight', [48])),
    )
    expect(error.message).toContain('model.layers.2.input_layernorm.weight')
  })

  it('refuses a second copy of a tensor under another prefix', async () => {
    const error = await failureOf(() => check(QWEN2, (tensors) => tensors.set('norm.weight', [48])))
    expect(error.message).toContain('has no place for norm.weight')
  })

  it.each([
    ['transposed', [40, 64]],
    ['of another rank', [64 * 40]],
    ['empty', [0, 40]],
    ['scalar', []],
  ])('names a tensor that is %s, with both shapes', async (_, shape) => {
    const name = 'new.encoder.layer.0.mlp.down_proj.weight'
    const error = await failureOf(() => check(NEW, (tensors) => tensors.set(name, shape)))
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toContain(`${name} has shape [${shape.join(', ')}]; config.json implies [64, 40]`)
    expect(error.details).toMatchObject({ tensor: name, shape, expected: [64, 40] })
  })

  it('says which prefixes were tried where none fits', async () => {
    const error = await failureOf(() => check(NEW, () => undefined, 'bert.'))
    expect(error.message).toContain('prefixes `new.`, `model.` or none')
    expect(error.message).toContain('embeddings.word_embeddings.weight')
  })

  it('tells the two architectures apart', async () => {
    await using reader = await TensorReader.open(await makeTiny(temporary.path, 'qwen2-tiny', {}))
    expect((await failureOf(() => checkInventory(reader, NEW))).code).toBe('CHECKPOINT_INVALID')
  })
})
