import { readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { READ_CHUNK_BYTES, TensorReader } from '../../../src/files/safetensors.js'
import { writeSafetensors } from '../../../tools/checkpoints/safetensors-writer.js'
import { f32, folderWith, openDescriptors, rawFile, refusal, shard } from './safetensors/raw-file.js'

const SINGLE = 'model.safetensors'

describe('TensorReader.stream and read', () => {
  /** `rows` × `columns` values, each its own index, written as `dtype`. */
  async function matrix(rows: number, columns: number, dtype: 'F32' | 'F16' | 'BF16' = 'F32'): Promise<string> {
    const folder = await folderWith({})
    const values = Float32Array.from({ length: rows * columns }, (_, i) => (dtype === 'F32' ? i : i % 128))
    await writeSafetensors(join(folder, SINGLE), [{ name: 'w', dtype, shape: [rows, columns], data: () => [values] }])
    return folder
  }

  it.each(['F32', 'F16', 'BF16'] as const)('streams %s in chunks of whole rows within the limit', async (dtype) => {
    const [rows, columns] = [3000, 1001]
    const size = dtype === 'F32' ? 4 : 2
    await using reader = await TensorReader.open(await matrix(rows, columns, dtype))
    let seen = 0
    const lengths: number[] = []
    for await (const chunk of reader.stream('w')) {
      lengths.push(chunk.length)
      const wrong = chunk.findIndex((value, i) => value !== (dtype === 'F32' ? seen + i : (seen + i) % 128))
      expect(wrong).toBe(-1)
      seen += chunk.length
    }
    expect(seen).toBe(rows * columns)
    const perChunk = Math.floor(READ_CHUNK_BYTES / size / columns) * columns
    expect(lengths.slice(0, -1).every((length) => length === perChunk)).toBe(true)
    expect(lengths.length).toBe(Math.ceil((rows * columns) / perChunk))
    expect(lengths.length).toBeGreaterThan(1)
  })

  it('streams F8_E4M3 in chunks of whole rows, no more values at a time than of halves', async () => {
    const [rows, columns] = [2100, 1001]
    // 0x38 to 0x3f are 1, 1.125, … 1.875.
    const data = Uint8Array.from({ length: rows * columns }, (_, i) => 0x38 + (i % 8))
    const header = { w: { dtype: 'F8_E4M3', shape: [rows, columns], data_offsets: [0, data.byteLength] } }
    await using reader = await TensorReader.open(await folderWith({ [SINGLE]: rawFile(header, data) }))
    let seen = 0
    const lengths: number[] = []
    for await (const chunk of reader.stream('w')) {
      lengths.push(chunk.length)
      expect(chunk.findIndex((value, i) => value !== 1 + ((seen + i) % 8) / 8)).toBe(-1)
      seen += chunk.length
    }
    const perChunk = Math.floor(READ_CHUNK_BYTES / 2 / columns) * columns
    expect(lengths).toEqual([perChunk, rows * columns - perChunk])
  })

  it('cuts rows that are longer than a chunk', async () => {
    const columns = READ_CHUNK_BYTES / 4 + 10
    await using reader = await TensorReader.open(await matrix(2, columns))
    const lengths: number[] = []
    let next = columns
    for await (const chunk of reader.stream('w', { start: 1, end: 2 })) {
      lengths.push(chunk.length)
      expect(chunk[0]).toBe(next)
      next += chunk.length
    }
    expect(lengths).toEqual([READ_CHUNK_BYTES / 4, 10])
  })

  it('holds one chunk in memory, overwritten by the next', async () => {
    await using reader = await TensorReader.open(await matrix(4000, 1000))
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const buffers = new Set<ArrayBufferLike>()
    for await (const chunk of reader.stream('w')) {
      buffers.add(chunk.buffer)
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    expect(buffers.size).toBe(1)
    expect(most).toBeLessThan(READ_CHUNK_BYTES + 100_000)
  })

  it('reads ranges of rows, of a vector its elements, and a scalar as one row', async () => {
    const header = {
      v: { dtype: 'F32', shape: [4], data_offsets: [0, 16] },
      m: { dtype: 'F32', shape: [3, 1, 2], data_offsets: [16, 40] },
      s: { dtype: 'F32', shape: [], data_offsets: [40, 44] },
      none: { dtype: 'F32', shape: [0, 3], data_offsets: [44, 44] },
      flat: { dtype: 'F32', shape: [3, 0], data_offsets: [44, 44] },
    }
    const folder = await folderWith({ [SINGLE]: rawFile(header, f32(0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 99)) })
    await using reader = await TensorReader.open(folder)
    const read = async (name: string, start?: number, end?: number) => [
      ...(await reader.read(name, start === undefined || end === undefined ? undefined : { start, end })),
    ]
    expect(await read('v', 1, 3)).toEqual([1, 2])
    expect(await read('v', 4, 4)).toEqual([])
    expect(await read('m', 1, 2)).toEqual([12, 13])
    expect(await read('m', 0, 3)).toEqual([10, 11, 12, 13, 14, 15])
    expect(await read('s')).toEqual([99])
    expect(await read('s', 0, 1)).toEqual([99])
    expect(await read('none')).toEqual([])
    expect(await read('flat', 1, 3)).toEqual([])
  })

  it('reads tensors at odd offsets, each array the caller’s own', async () => {
    const data = Buffer.concat([
      Buffer.of(7),
      f32(1.5, -2),
      Buffer.of(0x00, 0x3c),
      Buffer.of(0x80, 0x3f),
      Buffer.of(0x38),
    ])
    const header = {
      byte: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
      w: { dtype: 'F32', shape: [2], data_offsets: [1, 9] },
      h: { dtype: 'F16', shape: [1], data_offsets: [9, 11] },
      b: { dtype: 'BF16', shape: [1], data_offsets: [11, 13] },
      e: { dtype: 'F8_E4M3', shape: [1], data_offsets: [13, 14] },
    }
    await using reader = await TensorReader.open(await folderWith({ [SINGLE]: rawFile(header, data) }))
    const [first, second] = [await reader.read('w'), await reader.read('w')]
    expect([...first]).toEqual([1.5, -2])
    expect(first.buffer).not.toBe(second.buffer)
    expect([...(await reader.read('h')), ...(await reader.read('b')), ...(await reader.read('e'))]).toEqual([1, 1, 1])
  })

  it('gives stored bits unchanged, NaN payloads included', async () => {
    const bits = Uint32Array.of(0x7f800001, 0xffc12345, 0x80000000, 0x00000001, 0xff800000)
    const header = { w: { dtype: 'F32', shape: [bits.length], data_offsets: [0, bits.byteLength] } }
    const folder = await folderWith({ [SINGLE]: rawFile(header, new Uint8Array(bits.buffer)) })
    await using reader = await TensorReader.open(folder)
    expect(new Uint32Array((await reader.read('w')).buffer)).toEqual(bits)
  })

  it('serves several streams at once', async () => {
    await using reader = await TensorReader.open(await matrix(4000, 1000))
    const sum = async (start: number, end: number) => {
      let total = 0
      for await (const chunk of reader.stream('w', { start, end })) for (const value of chunk) total += value
      return total
    }
    const gauss = (n: number) => (n * (n - 1)) / 2
    const [low, high] = await Promise.all([sum(0, 2500), sum(2500, 4000)])
    expect([low, high]).toEqual([gauss(2_500_000), gauss(4_000_000) - gauss(2_500_000)])
  })

  it('refuses ranges outside the tensor', async () => {
    await using reader = await TensorReader.open(await matrix(3, 2))
    for (const range of [
      { start: 0, end: 4 },
      { start: -1, end: 2 },
      { start: 2, end: 1 },
      { start: 0.5, end: 2 },
      { start: NaN, end: 2 },
      { start: 0, end: Infinity },
    ]) {
      const error = await refusal(() => reader.read('w', range))
      expect(error.message).toContain('has 3 rows')
      expect(error.details).toMatchObject({ file: SINGLE, tensor: 'w', rows: 3 })
      await refusal(() => reader.stream('w', range).next())
    }
  })

  it('refuses dtypes that are not float, naming those that are read', async () => {
    const folder = await folderWith({
      [SINGLE]: rawFile(
        {
          ids: { dtype: 'I64', shape: [1], data_offsets: [0, 8] },
          d: { dtype: 'F64', shape: [1], data_offsets: [8, 16] },
        },
        new Uint8Array(16),
      ),
    })
    await using reader = await TensorReader.open(folder)
    expect(reader.entry('ids')?.dtype).toBe('I64')
    for (const [name, dtype] of [
      ['ids', 'I64'],
      ['d', 'F64'],
    ] as const) {
      const error = await refusal(() => reader.read(name))
      expect(error.message).toBe(
        `Tensor "${name}" in ${SINGLE} is ${dtype}; only F32, F16, BF16, F8_E4M3 can be read as float32`,
      )
      expect(error.details).toEqual({ file: SINGLE, tensor: name, dtype, accepted: ['F32', 'F16', 'BF16', 'F8_E4M3'] })
    }
  })

  it('names a missing tensor, and the same one under another prefix', async () => {
    const folder = await folderWith({ [SINGLE]: shard({ 'new.embeddings.weight': [1] }) })
    await using reader = await TensorReader.open(folder)
    const error = await refusal(() => reader.read('embeddings.weight'))
    expect(error.message).toContain(`"embeddings.weight" is not among the 1 tensors of ${SINGLE} in ${folder}`)
    expect(error.message).toContain('it has "new.embeddings.weight"')
    expect(error.details).toMatchObject({ file: SINGLE, tensor: 'embeddings.weight' })
    await refusal(() => reader.read('__proto__'))
  })

  it('refuses to gather more than its limit at once, without allocating it', async () => {
    const folder = await folderWith({
      [SINGLE]: rawFile({ w: { dtype: 'F16', shape: [2 ** 30, 2], data_offsets: [0, 2 ** 32] } }),
    })
    const { byteLength } = await readFile(join(folder, SINGLE))
    await truncate(join(folder, SINGLE), byteLength + 2 ** 32)
    await using reader = await TensorReader.open(folder)
    expect((await refusal(() => reader.read('w'))).message).toContain('stream it, or read at most 536870912')
    expect((await reader.read('w', { start: 2 ** 30 - 2, end: 2 ** 30 })).length).toBe(4)
  })
})

describe('files that change while open', () => {
  it('refuses to read a file cut since it was opened, naming the tensor', async () => {
    const folder = await folderWith({ [SINGLE]: shard({ a: [1, 2], b: [3, 4] }) })
    await using reader = await TensorReader.open(folder)
    const cut = (reader.entry('b')?.start ?? NaN) + 6
    await truncate(join(folder, SINGLE), cut)
    expect([...(await reader.read('a'))]).toEqual([1, 2])
    const error = await refusal(() => reader.read('b'))
    expect(error.message).toContain(`${SINGLE} ended at byte ${cut} while reading tensor "b"`)
    expect(error.details).toMatchObject({ file: SINGLE, tensor: 'b', position: cut })
  })

  it('stops a stream at the chunk where the file now ends', async () => {
    const folder = await folderWith({})
    const values = new Float32Array((3 * READ_CHUNK_BYTES) / 4).fill(1)
    await writeSafetensors(join(folder, SINGLE), [
      { name: 'w', dtype: 'F32', shape: [values.length], data: () => [values] },
    ])
    await using reader = await TensorReader.open(folder)
    const stream = reader.stream('w')
    expect((await stream.next()).done).toBe(false)
    await truncate(join(folder, SINGLE), (reader.entry('w')?.start ?? NaN) + READ_CHUNK_BYTES + 100)
    expect((await refusal(() => stream.next())).details).toMatchObject({ file: SINGLE, tensor: 'w' })
  })
})

describe('TensorReader.close', () => {
  it('may be called again, closes the files, and makes later reads fail', async () => {
    const folder = await folderWith({ [SINGLE]: shard({ a: [1] }) })
    const reader = await TensorReader.open(folder)
    expect((await openDescriptors(folder)) ?? 1).toBe(1)
    await Promise.all([reader.close(), reader.close()])
    await reader.close()
    expect((await openDescriptors(folder)) ?? 0).toBe(0)
    await expect(reader.read('a')).rejects.toMatchObject({ code: 'INTERNAL' })
    await expect(reader.stream('a').next()).rejects.toMatchObject({ code: 'INTERNAL' })
    expect(reader.has('a')).toBe(true)
  })

  it('ends a stream under way with an error, not with half a tensor', async () => {
    const folder = await folderWith({})
    const values = new Float32Array((2 * READ_CHUNK_BYTES) / 4)
    await writeSafetensors(join(folder, SINGLE), [
      { name: 'w', dtype: 'F32', shape: [values.length], data: () => [values] },
    ])
    const reader = await TensorReader.open(folder)
    const stream = reader.stream('w')
    await stream.next()
    await reader.close()
    await expect(stream.next()).rejects.toMatchObject({ code: 'INTERNAL' })
  })

  it('lets a stream whose last chunk was given end well', async () => {
    const reader = await TensorReader.open(await folderWith({ [SINGLE]: shard({ a: [1] }) }))
    for await (const chunk of reader.stream('a')) {
      expect(chunk.length).toBe(1)
      await reader.close()
    }
  })
})
