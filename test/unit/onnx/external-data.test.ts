import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'

import type { OnnxDtype } from '../../../src/onnx/dtype.js'
import { tensorBytes } from '../../../src/onnx/dtype.js'
import type { ByteSource } from '../../../src/onnx/external-data.js'
import { ExternalData } from '../../../src/onnx/external-data.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const PAGE_BYTES = 4096

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

let files = 0
const freshPath = (): string => join(temporary.path, `data-${files++}`)
const ignore = (): void => undefined

/** Yields `bytes` in pieces of these sizes, over and over, from one buffer that is filled anew each time. */
function inPieces(bytes: Uint8Array, sizes: readonly number[]): ByteSource {
  return async function* () {
    const buffer = new Uint8Array(Math.max(1, ...sizes))
    for (let done = 0, turn = 0; done < bytes.length; turn++) {
      const piece = bytes.subarray(done, done + (sizes[turn % sizes.length] ?? 1))
      buffer.set(piece)
      yield buffer.subarray(0, piece.length)
      await Promise.resolve()
      buffer.fill(0xee)
      done += piece.length
    }
  }
}

const anyTensor = fc.record({
  dtype: fc.constantFrom<OnnxDtype>('float32', 'int8', 'float16', 'int64', 'uint8'),
  dims: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 3 }),
  pieces: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 3 }),
})

describe('ExternalData', () => {
  it('writes every tensor where it said, on a page of its own, with zeros between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyTensor, { maxLength: 6 }), async (tensors) => {
        const data = new ExternalData('x.data')
        const expected = tensors.map(({ dtype, dims, pieces }, index) => {
          const bytes = new Uint8Array(tensorBytes(dtype, dims)).fill(index + 1)
          const { storage } = data.add(`t${index}`, dtype, dims, inPieces(bytes, pieces))
          if (storage.kind !== 'external') throw new Error('not external')
          expect(storage.file).toBe('x.data')
          expect(storage.bytes).toBe(bytes.length)
          expect(storage.offset % PAGE_BYTES).toBe(0)
          return { bytes, offset: storage.offset }
        })
        const path = freshPath()
        const hash = createHash('sha256')
        await data.write(path, (bytes) => hash.update(bytes))
        const written = await readFile(path)
        expect(written.length).toBe(data.bytes)
        expect(hash.digest('hex')).toBe(createHash('sha256').update(written).digest('hex'))
        const image = new Uint8Array(data.bytes)
        for (const { bytes, offset } of expected) image.set(bytes, offset)
        expect(written.equals(image)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('says what it put where', () => {
    const data = new ExternalData('w')
    const none = inPieces(new Uint8Array(), [1])
    expect(data.add('a', 'float32', [2, 3], none)).toEqual({
      name: 'a',
      dtype: 'float32',
      dims: [2, 3],
      storage: { kind: 'external', file: 'w', offset: 0, bytes: 24 },
    })
    expect(data.add('b', 'int8', [1], none).storage).toMatchObject({ offset: PAGE_BYTES, bytes: 1 })
    expect(data.bytes).toBe(PAGE_BYTES + 1)
  })

  it('writes an empty plan as an empty file', async () => {
    const path = freshPath()
    await new ExternalData('w').write(path, ignore)
    expect(await readFile(path)).toHaveLength(0)
  })

  it('refuses a source that ends early, naming the tensor and the bytes', async () => {
    const data = new ExternalData('w')
    data.add('short', 'float32', [4], inPieces(new Uint8Array(12), [5]))
    await expect(data.write(freshPath(), ignore)).rejects.toThrow('short: 12 bytes, 16 expected')
  })

  it('refuses a source that goes on, at the first piece too many, before writing it', async () => {
    const data = new ExternalData('w')
    const path = freshPath()
    let asked = 0
    data.add('endless', 'int8', [8], async function* () {
      for (;;) {
        asked++
        yield await Promise.resolve(new Uint8Array(5))
      }
    })
    await expect(data.write(path, ignore)).rejects.toThrow('endless: more than the expected 8 bytes')
    expect(asked).toBe(2)
    expect(await readFile(path)).toHaveLength(5)
  })

  it('passes the error of a source and of an observer on', async () => {
    const failing = new ExternalData('w')
    failing.add('broken', 'int8', [1], async function* () {
      await Promise.resolve()
      yield new Uint8Array()
      throw new Error('disk on fire')
    })
    await expect(failing.write(freshPath(), ignore)).rejects.toThrow('disk on fire')
    const watched = new ExternalData('w')
    watched.add('fine', 'int8', [1], inPieces(new Uint8Array(1), [1]))
    const stop = (): void => {
      throw new Error('enough')
    }
    await expect(watched.write(freshPath(), stop)).rejects.toThrow('enough')
  })

  it('never writes over a file', async () => {
    const path = freshPath()
    await writeFile(path, 'precious')
    await expect(new ExternalData('w').write(path, ignore)).rejects.toThrow('EEXIST')
    expect(await readFile(path, 'utf8')).toBe('precious')
  })
})
