import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { MAX_TENSOR_NAME_LENGTH, MAX_TENSORS } from '../../../../src/files/safetensors/header.js'
import { MAX_SHARDS, parseSafetensorsIndex } from '../../../../src/files/safetensors/index-file.js'
import { refusal } from './raw-file.js'

const FILE = 'model.safetensors.index.json'

const parse = (value: unknown) =>
  parseSafetensorsIndex(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), FILE)

describe('parseSafetensorsIndex', () => {
  it('maps each tensor to its shard and lists each shard once', () => {
    const index = parse({
      metadata: { total_size: 12 },
      weight_map: { b: '2.safetensors', a: '1.safetensors', c: '2.safetensors' },
    })
    expect(index.shards).toEqual(['1.safetensors', '2.safetensors'])
    expect(index.shardOf).toEqual(
      new Map([
        ['b', '2.safetensors'],
        ['a', '1.safetensors'],
        ['c', '2.safetensors'],
      ]),
    )
  })

  it('takes __proto__ as a tensor name like any other', () => {
    expect(parse('{"weight_map":{"__proto__":"a.safetensors"}}').shardOf.get('__proto__')).toBe('a.safetensors')
  })

  const malformed: readonly (readonly [string, unknown, RegExp])[] = [
    ['text that is not JSON', '{', /not UTF-8 JSON/],
    ['an array', [], /is an array of 0; expected a JSON object/],
    ['null', null, /is null; expected a JSON object/],
    ['no weight_map', {}, /"weight_map" .* is nothing/],
    ['a weight_map that is an array', { weight_map: ['a'] }, /"weight_map" .* is an array of 1/],
    ['an empty weight_map', { weight_map: {} }, /lists 0 tensors/],
  ]
  it.each(malformed)('refuses %s', async (_, value, message) => {
    const error = await refusal(() => parse(value))
    expect(error.message).toMatch(message)
    expect(error.details).toMatchObject({ file: FILE })
  })

  it.each([
    '',
    '.',
    '..',
    '../model.safetensors',
    'sub/model.safetensors',
    '/etc/passwd',
    '..\\model.safetensors',
    'C:model.safetensors',
    'model.safetensors:stream',
    'a\0.safetensors',
    'a\n.safetensors',
    'x'.repeat(256),
    7,
    null,
    ['a.safetensors'],
    { file: 'a' },
  ])('refuses the shard name %j', async (shard) => {
    const error = await refusal(() => parse({ weight_map: { ok: 'a.safetensors', 'layers.0.weight': shard } }))
    expect(error.message).toContain('expected the plain name of a file beside the index')
    expect(error.details).toMatchObject({ file: FILE, tensor: 'layers.0.weight' })
  })

  it('holds to its limits', async () => {
    const named = (count: number, shard: (i: number) => string) => ({
      weight_map: Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, shard(i)])),
    })
    expect(parse(named(MAX_TENSORS, () => 'a')).shardOf.size).toBe(MAX_TENSORS)
    expect((await refusal(() => parse(named(MAX_TENSORS + 1, () => 'a')))).message).toContain('lists 16385 tensors')
    expect(parse(named(MAX_SHARDS, String)).shards).toHaveLength(MAX_SHARDS)
    expect((await refusal(() => parse(named(MAX_SHARDS + 1, String)))).message).toContain('names 257 shards')
    const long = { weight_map: { ['x'.repeat(MAX_TENSOR_NAME_LENGTH + 1)]: 'a' } }
    expect((await refusal(() => parse(long))).message).toContain('a name of 513 characters')
  })

  it('throws CHECKPOINT_INVALID or gives plain names, for any JSON', async () => {
    const value = fc.oneof(
      fc.record({
        weight_map: fc.oneof(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.jsonValue())), fc.jsonValue()),
      }),
      fc.jsonValue(),
    )
    await fc.assert(
      fc.asyncProperty(value, async (json) => {
        let index
        try {
          index = parse(JSON.stringify(json))
        } catch (error) {
          await refusal(() => {
            throw error
          })
          return
        }
        expect(index.shards.length).toBeGreaterThan(0)
        for (const shard of index.shards) expect(shard).not.toMatch(/[/\\:\0]|^\.{0,2}$/)
      }),
      { numRuns: 1000 },
    )
  })
})
