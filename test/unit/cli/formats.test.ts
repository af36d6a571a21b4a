import { describe, expect, it } from 'vitest'

import { jsonSink } from '../../../src/cli/formats/json.js'
import { jsonlSink } from '../../../src/cli/formats/jsonl.js'
import { NPY_HEADER_BYTES, npyHeader, npySink } from '../../../src/cli/formats/npy.js'
import type { ResultFacts, ResultRow } from '../../../src/cli/formats/sink.js'

const FACTS: ResultFacts = { model: 'stella-nano', dimensions: 2, encoding: 'float32' }
const SUMS = { texts: 2, tokens: 9, tokensTotal: 12, truncated: 1 }
const ROWS: readonly ResultRow[] = [
  { index: 0, embedding: Float32Array.of(0.1, -2), tokens: 4, truncated: false, extra: { id: 'a', n: 1 } },
  { index: 1, embedding: Float32Array.of(1e-7, 3), tokens: 5, truncated: true, extra: undefined },
]

class Memory {
  readonly parts: Buffer[] = []
  write(data: string | Uint8Array): Promise<void> {
    this.parts.push(Buffer.from(data as string))
    return Promise.resolve()
  }
  get bytes(): Buffer {
    return Buffer.concat(this.parts)
  }
}

class RewritableMemory extends Memory {
  rewriteStart(data: Uint8Array): Promise<void> {
    const bytes = this.bytes
    bytes.set(data)
    this.parts.splice(0, this.parts.length, bytes)
    return Promise.resolve()
  }
}

describe('jsonlSink', () => {
  it('writes one line per text, with what the input carried after the index', async () => {
    const target = new Memory()
    const sink = jsonlSink(target, FACTS)
    await sink.write(ROWS)
    await sink.finish(SUMS)
    expect(target.bytes.toString()).toBe(
      '{"index":0,"id":"a","n":1,"embedding":[0.1,-2],"tokens":4,"truncated":false}\n' +
        '{"index":1,"embedding":[1e-7,3],"tokens":5,"truncated":true}\n',
    )
  })
})

describe('jsonSink', () => {
  it('writes one document, however many pieces it came in', async () => {
    const target = new Memory()
    const sink = jsonSink(target, FACTS)
    for (const row of ROWS) await sink.write([row])
    await sink.finish(SUMS)
    expect(JSON.parse(target.bytes.toString())).toEqual({
      model: 'stella-nano',
      dimensions: 2,
      encoding: 'float32',
      embeddings: [
        [0.1, -2],
        [1e-7, 3],
      ],
      tokens: [4, 5],
      truncated: [false, true],
      usage: { tokens: 9, tokensTotal: 12 },
    })
  })

  it('is a document without any text too', async () => {
    const target = new Memory()
    await jsonSink(target, FACTS).finish({ texts: 0, tokens: 0, tokensTotal: 0, truncated: 0 })
    expect(JSON.parse(target.bytes.toString())).toMatchObject({ embeddings: [], usage: { tokens: 0 } })
  })
})

describe('npySink', () => {
  it.each([
    ['a target that can be rewritten', new RewritableMemory()],
    ['a stream', new Memory()],
  ])('writes an array to %s', async (_, target) => {
    const sink = npySink(target, FACTS)
    for (const row of ROWS) await sink.write([row])
    await sink.finish(SUMS)
    const { bytes } = target
    // numpy.lib.format, version 1.0: magic, version, little-endian length of the header, header, data.
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from('\x93NUMPY\x01\x00', 'latin1'))
    const length = bytes.readUInt16LE(8)
    expect((10 + length) % 64).toBe(0)
    expect(bytes.subarray(10, 10 + length).toString('latin1')).toMatch(
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 2\), \} *\n$/,
    )
    expect(bytes.length).toBe(10 + length + 2 * 2 * 4)
    const numbers = [0, 4, 8, 12].map((offset) => bytes.readFloatLE(10 + length + offset))
    expect(numbers).toEqual([Math.fround(0.1), -2, Math.fround(1e-7), 3])
  })

  it('has room for the largest shapes', () => {
    const header = Buffer.from(npyHeader('float32', Number.MAX_SAFE_INTEGER, 8192))
    expect(header.length).toBe(NPY_HEADER_BYTES)
    expect(header.toString('latin1')).toContain(`(${Number.MAX_SAFE_INTEGER}, 8192), }`)
    expect(header.at(-1)).toBe(0x0a)
  })

  it.each([
    ['binary', '|i1', 16, Int8Array.of(-128, 127)],
    ['ubinary', '|u1', 16, Uint8Array.of(0, 255)],
    ['ubinary', '|u1', 12, Uint8Array.of(7, 128)],
    ['int8', '|i1', 2, Int8Array.of(-128, 127)],
    ['uint8', '|u1', 2, Uint8Array.of(0, 255)],
  ] as const)(
    'writes %s as bytes: %s, %i dimensions in two columns',
    async (encoding, descr, dimensions, embedding) => {
      const target = new Memory()
      const sink = npySink(target, { model: 'm', dimensions, encoding })
      await sink.write([{ index: 0, embedding, tokens: 1, truncated: false, extra: undefined }])
      await sink.finish({ texts: 1, tokens: 1, tokensTotal: 1, truncated: 0 })
      expect(target.bytes.toString('latin1')).toContain(`'descr': '${descr}', 'fortran_order': False, 'shape': (1, 2)`)
      expect(target.bytes.subarray(NPY_HEADER_BYTES)).toEqual(Buffer.from(embedding.buffer))
    },
  )
})
