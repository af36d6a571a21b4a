import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { parseSafetensorsHeader } from '../../../../src/files/safetensors/header.js'
import { f32, rawFile, refusal, tensor } from './raw-file.js'

const FILE = 'model.safetensors'

const parse = (bytes: Uint8Array) => parseSafetensorsHeader(bytes, bytes.byteLength, FILE)

/** The refusal of a header with these members over `dataBytes` bytes of data. */
const refused = (header: string | Readonly<Record<string, unknown>>, dataBytes = 0) =>
  refusal(() => parse(rawFile(header, new Uint8Array(dataBytes))))

describe('parseSafetensorsHeader on valid files', () => {
  it('reads the bytes that the reference implementation writes', () => {
    // test_serialization of safetensors/src/tensor.rs: "attn.0", F32 [1,2,3], values 0 to 5.
    const json = '{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}'
    const bytes = Buffer.concat([Buffer.of(64, 0, 0, 0, 0, 0, 0, 0), Buffer.from(json), f32(0, 1, 2, 3, 4, 5)])
    expect(parse(bytes)).toEqual({
      metadata: new Map(),
      tensors: [{ name: 'attn.0', dtype: 'F32', shape: [1, 2, 3], file: FILE, start: 72, end: 96 }],
    })
  })

  it('reads the reference implementation’s file without tensors', () => {
    // test_empty of safetensors/src/tensor.rs.
    const bytes = Buffer.of(8, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20)
    expect(parse(bytes)).toEqual({ metadata: new Map(), tensors: [] })
  })

  it('lists tensors in the order of their bytes, whatever the order of their names', () => {
    const bytes = rawFile(
      {
        '10': tensor('U8', [2], 3, 5),
        b: tensor('U8', [1], 2, 3),
        empty: tensor('F32', [0, 4], 2, 2),
        a: tensor('BOOL', [2], 0, 2),
      },
      new Uint8Array(5),
    )
    expect(parse(bytes).tensors.map(({ name }) => name)).toEqual(['a', 'empty', 'b', '10'])
  })

  it.each([
    ['F64', 8],
    ['F32', 4],
    ['F16', 2],
    ['BF16', 2],
    ['I64', 8],
    ['I32', 4],
    ['I16', 2],
    ['I8', 1],
    ['U64', 8],
    ['U32', 4],
    ['U16', 2],
    ['U8', 1],
    ['BOOL', 1],
    ['C64', 8],
    ['F8_E4M3', 1],
    ['F8_E5M2', 1],
    ['F8_E8M0', 1],
    ['F8_E4M3FNUZ', 1],
    ['F8_E5M2FNUZ', 1],
    ['F6_E2M3', 0.75],
    ['F6_E3M2', 0.75],
    ['F4', 0.5],
  ])('knows that an element of %s takes %d bytes', async (dtype, size) => {
    const bytes = size * 8
    expect(parse(rawFile({ w: tensor(dtype, [8], 0, bytes) }, new Uint8Array(bytes))).tensors[0]?.dtype).toBe(dtype)
    const error = await refused({ w: tensor(dtype, [8], 0, bytes + 1) }, bytes + 1)
    expect(error.message).toContain(`takes ${bytes}`)
  })

  it('takes scalars, empty tensors and metadata', () => {
    const header = parse(rawFile({ __metadata__: { format: 'pt' }, s: tensor('F32', [], 0, 4) }, f32(1)))
    expect(header.metadata).toEqual(new Map([['format', 'pt']]))
    expect(header.tensors[0]?.shape).toEqual([])
    expect(parse(rawFile({ e: tensor('F32', [2 ** 52, 2 ** 52, 0], 0, 0) })).tensors[0]?.end).toBeGreaterThan(0)
  })

  it('takes names that would pollute a prototype as names like any other', () => {
    const json = `{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`
    const { tensors } = parse(rawFile(json, new Uint8Array(2)))
    expect(tensors.map(({ name }) => name)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    expect(Object.hasOwn(Object.prototype, 'dtype')).toBe(false)
  })

  it('does not let __proto__ stand in for missing members', async () => {
    const json = `{"w":{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}}`
    expect((await refused(json, 1)).message).toContain('has dtype nothing')
  })

  it('gives entries that cannot be changed', () => {
    const [entry] = parse(rawFile({ w: tensor('U8', [1], 0, 1) }, new Uint8Array(1))).tensors
    expect(Object.isFrozen(entry) && Object.isFrozen(entry?.shape)).toBe(true)
  })
})

describe('parseSafetensorsHeader on arbitrary input', () => {
  const DTYPES = { F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1 } as const
  const specs = fc.array(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 12 }).filter((name) => name !== '__metadata__'),
      dtype: fc.constantFrom('F32', 'F16', 'BF16', 'I64', 'U8'),
      shape: fc.array(fc.nat(5), { maxLength: 4 }),
    }),
    { maxLength: 8 },
  )

  it('accepts every well-formed layout and gives back what was laid out', () => {
    fc.assert(
      fc.property(specs, fc.boolean(), (list, reverse) => {
        const unique = [...new Map(list.map((spec) => [spec.name, spec])).values()]
        let offset = 0
        const members = unique.map(({ name, dtype, shape }) => {
          const begin = offset
          offset += shape.reduce((product, dimension) => product * dimension, 1) * DTYPES[dtype]
          return { name, dtype, shape, begin, end: offset }
        })
        const text = (reverse ? members.toReversed() : members).map(
          ({ name, dtype, shape, begin, end }) =>
            `${JSON.stringify(name)}:${JSON.stringify(tensor(dtype, shape, begin, end))}`,
        )
        const json = `{${text.join()}}`
        const bytes = rawFile(json, new Uint8Array(offset))
        const dataStart = bytes.byteLength - offset
        const found = new Map(parse(bytes).tensors.map((entry) => [entry.name, entry]))
        expect(found.size).toBe(members.length)
        for (const { name, dtype, shape, begin, end } of members) {
          expect(found.get(name)).toEqual({
            name,
            dtype,
            shape,
            file: FILE,
            start: dataStart + begin,
            end: dataStart + end,
          })
        }
      }),
      { numRuns: 300 },
    )
  })

  it('throws CHECKPOINT_INVALID or gives tensors that tile the data section', async () => {
    const number = fc.oneof(fc.integer({ min: -2, max: 24 }), fc.double(), fc.maxSafeInteger())
    const loose = fc.oneof(
      fc.record({
        dtype: fc.oneof(fc.constantFrom('F32', 'F16', 'U8', 'F4', 'F00'), fc.jsonValue()),
        shape: fc.oneof(fc.array(number, { maxLength: 3 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.tuple(number, number), fc.jsonValue()),
      }),
      fc.jsonValue(),
    )
    const header = fc.oneof(
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__metadata__', '__proto__', 'w')), loose, { maxKeys: 3 }),
      fc.jsonValue(),
    )
    await fc.assert(
      fc.asyncProperty(header, fc.nat(24), async (value, dataBytes) => {
        const bytes = rawFile(JSON.stringify(value), new Uint8Array(dataBytes))
        let parsed
        try {
          parsed = parse(bytes)
        } catch (error) {
          const { details } = await refusal(() => {
            throw error
          })
          expect(details).toMatchObject({ file: FILE })
          return
        }
        let reached = bytes.byteLength - dataBytes
        for (const { start, end } of parsed.tensors) {
          expect(start).toBe(reached)
          expect(end).toBeGreaterThanOrEqual(start)
          reached = end
        }
        expect(reached).toBe(bytes.byteLength)
      }),
      { numRuns: 1500 },
    )
  })
})
