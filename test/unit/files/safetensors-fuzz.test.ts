/** Whatever bytes a checkpoint folder holds: it is read, or refused with CHECKPOINT_INVALID. Nothing else, and soon. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { TensorReader } from '../../../src/files/safetensors.js'
import { f32, folderWith, rawFile, refusal } from './safetensors/raw-file.js'

const INDEX = 'model.safetensors.index.json'
const SINGLE = 'model.safetensors'

/** Longest that one folder may take, in ms: a thousand times what it does take. */
const TIME_LIMIT = 5_000

/** Opens the folder and reads every tensor; the number read, or undefined when the folder was refused. */
async function readAll(folder: string): Promise<number | undefined> {
  let values = 0
  const attempt = async () => {
    await using reader = await TensorReader.open(folder)
    for (const name of reader.names()) {
      const { dtype, shape } = reader.entry(name) ?? { dtype: '', shape: [] }
      if (!['F32', 'F16', 'BF16', 'F8_E4M3'].includes(dtype)) {
        expect((await refusal(() => reader.read(name))).details).toMatchObject({ tensor: name, dtype })
        continue
      }
      const { length } = await reader.read(name)
      expect(length).toBe(shape.reduce((product, dimension) => product * dimension, 1))
      values += length
    }
  }
  try {
    await attempt()
  } catch (error) {
    const { details, message } = await refusal(() => {
      throw error
    })
    expect(typeof details['file']).toBe('string')
    expect(message.length).toBeLessThan(1000)
    return undefined
  }
  return values
}

const VALID = rawFile(
  {
    __metadata__: { format: 'pt' },
    'layers.0.weight': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
    'layers.0.bias': { dtype: 'F16', shape: [3], data_offsets: [24, 30] },
    norm: { dtype: 'BF16', shape: [], data_offsets: [30, 32] },
    ids: { dtype: 'I64', shape: [1], data_offsets: [32, 40] },
    eighths: { dtype: 'F8_E4M3', shape: [1, 2], data_offsets: [40, 42] },
  },
  Buffer.concat([f32(1, 2, 3, 4, 5, 6), Buffer.alloc(18, 0x3c)]),
)

/** Edits of bytes: overwrite, insert, remove a run, or cut the end. Most fall in the first 400 bytes, the header. */
const edit = fc.record({
  kind: fc.constantFrom('set', 'insert', 'remove', 'cut'),
  at: fc.nat(VALID.byteLength - 1),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('0129[]{}",:-.eE\\'))),
  run: fc.integer({ min: 1, max: 6 }),
})

function apply(
  bytes: Buffer,
  { kind, at, byte, run }: { kind: string; at: number; byte: number; run: number },
): Buffer {
  const head = bytes.subarray(0, at)
  switch (kind) {
    case 'set':
      return Buffer.concat([head, Buffer.of(byte), bytes.subarray(at + 1)])
    case 'insert':
      return Buffer.concat([head, Buffer.alloc(run, byte), bytes.subarray(at)])
    case 'remove':
      return Buffer.concat([head, bytes.subarray(at + run)])
    default:
      return head
  }
}

/** The file with a length field that fits its header again, so that edits reach the checks behind it. */
function withTrueLength(bytes: Buffer, dataBytes: number): Buffer {
  if (bytes.byteLength < 8 + dataBytes) return bytes
  const fixed = Buffer.from(bytes)
  fixed.writeBigUInt64LE(BigInt(bytes.byteLength - 8 - dataBytes))
  return fixed
}

describe('a checkpoint folder with hostile bytes', () => {
  it('is valid to begin with', async () => {
    expect(await readAll(await folderWith({ [SINGLE]: VALID }))).toBe(12)
  })

  it('survives random edits of a valid file', async () => {
    const folder = await folderWith({})
    let accepted = 0
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.boolean(), async (edits, fixLength) => {
        const edited = edits.reduce(apply, VALID)
        await writeFile(join(folder, SINGLE), fixLength ? withTrueLength(edited, 42) : edited)
        if ((await readAll(folder)) === undefined) refused += 1
        else accepted += 1
      }),
      { numRuns: 1500, timeout: TIME_LIMIT },
    )
    // Both outcomes were reached, so the property was not held by refusing everything.
    expect(accepted).toBeGreaterThan(10)
    expect(refused).toBeGreaterThan(100)
  })

  it('survives random headers over random data', async () => {
    const folder = await folderWith({})
    const offset = fc.oneof(fc.nat(16), fc.maxSafeInteger(), fc.double())
    const member = fc.record({
      dtype: fc.oneof(fc.constantFrom('F32', 'F16', 'BF16', 'F8_E4M3', 'U8'), fc.string()),
      shape: fc.array(fc.oneof(fc.nat(4), offset), { maxLength: 3 }),
      data_offsets: fc.tuple(offset, offset),
    })
    const header = fc.dictionary(fc.string(), fc.oneof({ weight: 9, arbitrary: member }, fc.jsonValue()), {
      maxKeys: 3,
    })
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 16 }), async (value, data) => {
        await writeFile(join(folder, SINGLE), rawFile(value, data))
        await readAll(folder)
      }),
      { numRuns: 500, timeout: TIME_LIMIT },
    )
  })

  it('survives random bytes', async () => {
    const folder = await folderWith({})
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        await writeFile(join(folder, SINGLE), bytes)
        expect(await readAll(folder)).toBeUndefined()
      }),
      { numRuns: 300, timeout: TIME_LIMIT },
    )
  })

  it('survives random indexes over valid shards', async () => {
    const one = rawFile({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, f32(1))
    const two = rawFile({ b: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, f32(2, 3))
    const folder = await folderWith({ one, two, again: one })
    const name = fc.oneof({ weight: 6, arbitrary: fc.constantFrom('a', 'b') }, fc.string())
    const file = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('one', 'two', 'again') },
      fc.constantFrom('.', '..', '../one', '/', 'none', INDEX),
      fc.string(),
      fc.jsonValue(),
    )
    const index = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ weight_map: fc.dictionary(name, file, { maxKeys: 3 }) }).map((v) => JSON.stringify(v)),
      },
      fc.json(),
      fc.string(),
    )
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(index, async (text) => {
        await writeFile(join(folder, INDEX), text)
        if ((await readAll(folder)) !== undefined) accepted += 1
      }),
      { numRuns: 800, timeout: TIME_LIMIT },
    )
    expect(accepted).toBeGreaterThan(10)
  })
})
