import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'

import { TensorReader } from '../../../../src/files/safetensors.js'
import { widenBF16, widenF16 } from '../../../../src/files/safetensors/widen.js'
import { bf16FromF32Bits, f16FromF32Bits } from '../../../../tools/checkpoints/encode-float.js'
import { writeSafetensors, type WriteEntry } from '../../../../tools/checkpoints/safetensors-writer.js'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-writer-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const entry = (name: string, shape: readonly number[], ...values: readonly number[]): WriteEntry => ({
  name,
  dtype: 'F32',
  shape,
  data: () => [Float32Array.from(values)],
})

function* endless(): Generator<Float32Array> {
  for (;;) yield new Float32Array(1)
}

describe('writeSafetensors', () => {
  it('writes the header first, padded to 8 bytes with spaces, then the data in the order given', async () => {
    const path = join(await temporaryFolder(), 'model.safetensors')
    const size = await writeSafetensors(path, [entry('z', [2], 1, 2), { ...entry('1', [], 1.5), dtype: 'BF16' }], {
      metadata: {},
    })
    const json =
      '{"__metadata__":{},"z":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
      '"1":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}'
    const padded = Math.ceil(json.length / 8) * 8
    const bytes = await readFile(path)
    expect(bytes.readBigUInt64LE(0)).toBe(BigInt(padded))
    expect(bytes.subarray(8, 8 + padded).toString()).toBe(json.padEnd(padded))
    expect([...bytes.subarray(8 + padded)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0xc0, 0x3f])
    expect(size).toBe(bytes.byteLength)
  })

  it('gives back through the reader what was written, over many buffers and chunk sizes', async () => {
    const folder = await temporaryFolder()
    const count = 2_500_000
    const value = (i: number) => Math.fround(Math.sin(i) * 0.05)
    const chunks = async function* (length: number) {
      const reused = new Float32Array(length)
      for (let at = 0; at < count; at += length) {
        for (let i = 0; i < length; i += 1) reused[i] = value(at + i)
        await Promise.resolve()
        yield reused.subarray(0, Math.min(length, count - at))
      }
    }
    await writeSafetensors(join(folder, 'model.safetensors'), [
      {
        name: 'odd',
        dtype: 'F16',
        shape: [3],
        data: () => [Float32Array.of(1), Float32Array.of(), Float32Array.of(2, 3)],
      },
      { name: 'small chunks', dtype: 'F32', shape: [2500, 1000], data: () => chunks(999) },
      { name: 'large chunks', dtype: 'F32', shape: [count], data: () => chunks(2_000_001) },
      { name: 'half', dtype: 'F16', shape: [count], data: () => chunks(70_001) },
      { name: '', dtype: 'BF16', shape: [0, 7], data: () => [] },
    ])
    await using reader = await TensorReader.open(folder)
    expect([...(await reader.read('odd'))]).toEqual([1, 2, 3])
    expect((await reader.read('')).length).toBe(0)
    for (const name of ['small chunks', 'large chunks', 'half']) {
      const read = await reader.read(name)
      // Rounding to half moves a value under 0.05 by at most half a step of 2^-15.
      const tolerance = name === 'half' ? 2 ** -16 : 0
      let worst = 0
      for (let i = 0; i < count; i += 1) worst = Math.max(worst, Math.abs((read[i] ?? NaN) - value(i)))
      expect(worst).toBeLessThanOrEqual(tolerance)
    }
  })

  it.each([
    ['a name used twice', [entry('a', [1], 1), entry('a', [1], 1)]],
    ['the reserved name', [entry('__metadata__', [1], 1)]],
    ['a negative dimension', [entry('a', [-1], 1)]],
    ['a fractional dimension', [entry('a', [0.5], 1)]],
    ['a size past 2^53', [entry('a', [2 ** 52], 1)]],
    ['too few values', [entry('a', [3], 1, 2)]],
    ['too many values', [entry('a', [1], 1, 2)]],
    ['values without end', [{ ...entry('a', [1]), data: endless }]],
  ])('refuses %s and leaves nothing behind', async (_, entries) => {
    const folder = await temporaryFolder()
    const path = join(folder, 'model.safetensors')
    await expect(writeSafetensors(path, entries)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    expect(await readdir(folder)).toEqual([])
  })

  it('keeps the old file and leaves nothing behind when a generator throws', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'model.safetensors')
    await writeSafetensors(path, [entry('a', [1], 1)])
    const before = await readFile(path)
    const failing: WriteEntry = {
      ...entry('b', [2]),
      data: function* () {
        yield Float32Array.of(1)
        throw new Error('no more')
      },
    }
    await expect(writeSafetensors(path, [failing])).rejects.toThrow('no more')
    expect(await readdir(folder)).toEqual(['model.safetensors'])
    expect(await readFile(path)).toEqual(before)
  })
})

describe.each([
  ['f16FromF32Bits', f16FromF32Bits, widenF16, 0x7c00],
  ['bf16FromF32Bits', bf16FromF32Bits, widenBF16, 0x7f80],
] as const)('%s', (_, narrow, widen, infinity) => {
  const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits)
  const bits = new Uint32Array(halves.length)
  widen(halves, bits, halves.length)
  const values = new Float32Array(bits.buffer)
  const isNaNHalf = (half: number) => (half & 0x7fff) > infinity

  it('gives back every half that float32 was widened from; a signalling NaN turns quiet', () => {
    const quietBit = infinity === 0x7c00 ? 0x200 : 0x40
    const wrong = [...halves].filter((half) => narrow(bits[half] ?? 0) !== (isNaNHalf(half) ? half | quietBit : half))
    expect(wrong).toEqual([])
  })

  it('rounds to the nearest half, a tie to the even one', () => {
    const one = new Float32Array(1)
    const oneBits = new Uint32Array(one.buffer)
    const narrowed = (value: number) => {
      one[0] = value
      return narrow(oneBits[0] ?? 0)
    }
    const wrong: number[] = []
    // Neighbouring magnitudes; the last step, to infinity, is as wide as the one before it.
    for (let half = 0; half < infinity; half += 1) {
      const low = values[half] ?? NaN
      const high = half + 1 === infinity ? 2 * low - (values[half - 1] ?? NaN) : (values[half + 1] ?? NaN)
      // Exact in float32 too, which has at least 13 more bits and reaches 16 binades further down.
      const middle = (low + high) / 2
      const even = half % 2 === 0 ? half : half + 1
      const below = Math.fround(low + (high - low) * 0.49)
      const above = Math.fround(low + (high - low) * 0.51)
      const right =
        narrowed(middle) === even &&
        narrowed(below) === half &&
        narrowed(above) === half + 1 &&
        narrowed(-middle) === even + 0x8000 &&
        narrowed(-below) === half + 0x8000
      if (!right) wrong.push(half)
    }
    expect(wrong).toEqual([])
  })

  it('gives the nearest of all halves for arbitrary floats', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7f7fffff }), (pattern) => {
        const value = new Float32Array(Uint32Array.of(pattern).buffer)[0] ?? NaN
        const got = narrow(pattern)
        const distance = (half: number) => Math.abs((values[half] ?? NaN) - value)
        if (got === infinity) return value > (values[infinity - 1] ?? NaN)
        const nearer = [got - 1, got + 1].filter((half) => half >= 0 && half < infinity)
        return nearer.every((half) => distance(got) <= distance(half))
      }),
      { numRuns: 2000 },
    )
  })
})
