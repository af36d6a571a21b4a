/** Reading and moving external tensors: in models of this package, in one that ONNX Runtime saved, and in rubbish. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { readExternalTensors, relocateExternalTensors } from '../../../src/onnx/external-tensors.js'
import { GraphSession } from '../../../src/runtime/session.js'
import { writeQuantisedGraph } from '../../support/quantised-graph.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
let ours: Buffer
let saved: Buffer

beforeAll(async () => {
  const folder = temporary.path
  await writeQuantisedGraph(folder)
  await mkdir(join(folder, 'saved'))
  const weights = { kind: 'save', graph: join(folder, 'saved', 'saved.onnx'), data: 'saved.data' } as const
  const session = await GraphSession.open(join(folder, 'backbone.onnx'), { threads: 1, weights })
  await session.close()
  ours = await readFile(join(folder, 'backbone.onnx'))
  saved = await readFile(join(folder, 'saved', 'saved.onnx'))
})
afterAll(() => temporary.remove())

/** A model of one initialiser called `w` with these entries of `external_data`. */
function modelWith(entries: readonly (readonly [string, string])[]): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(7, WireType.LengthDelimited).fork().tag(5, WireType.LengthDelimited).fork()
  writer.tag(8, WireType.LengthDelimited).string('w')
  for (const [key, value] of entries) {
    writer.tag(13, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).string(key).tag(2, WireType.LengthDelimited).string(value)
    writer.join()
  }
  return writer.join().join().finish()
}

const PLACE = [
  ['location', 'w.data'],
  ['offset', '4096'],
  ['length', '12'],
] as const

describe('external tensors', () => {
  it('of a model of this package are read: name, file, place, and no packed form', () => {
    const tensors = readExternalTensors(ours)
    expect(tensors).toHaveLength(12)
    expect(tensors[0]).toEqual({ name: '4bit.0', file: 'backbone.onnx.data', offset: 0, bytes: 4656, packed: [] })
    expect(tensors[1]).toMatchObject({ name: 'scales.0', offset: 8192, bytes: 97 * 3 * 4 })
  })

  it('that the engine saved carry their packed forms: operator, hash, and where each blob is', () => {
    const tensors = readExternalTensors(saved)
    expect(tensors.map(({ name }) => name).sort()).toEqual(
      readExternalTensors(ours)
        .map(({ name }) => name)
        .sort(),
    )
    const packed = tensors.filter(({ packed }) => packed.length > 0)
    expect(packed.map(({ name }) => name)).toEqual([
      '4bit.0',
      'float.0',
      '4bit.1',
      'float.1',
      '4bit.2',
      'float.2',
      '4bit.3',
      'float.3',
    ])
    for (const { name, packed: forms } of packed) {
      const operator = name.startsWith('4bit') ? 'MatMulNBits' : 'Gemm'
      expect(forms.map(({ key }) => key)).toEqual([expect.stringMatching(new RegExp(`^${operator}\\+\\d+$`))])
      for (const { bytes } of forms.flatMap(({ blobs }) => blobs)) expect(bytes).toBeGreaterThan(0)
    }
  })

  it('put where they are leave every byte of the model as it was', () => {
    for (const model of [ours, saved]) {
      expect(Buffer.from(relocateExternalTensors(model, (tensor) => tensor)).equals(model)).toBe(true)
    }
  })

  it('are read again where they were put, with all that goes with them', () => {
    const moved = relocateExternalTensors(saved, (tensor) => ({
      ...tensor,
      file: `${tensor.name}.bin`,
      offset: tensor.offset * 2 ** 21,
      packed: [
        ...tensor.packed,
        {
          key: 'Gemm+1',
          blobs: [
            { offset: 0, bytes: 1 },
            { offset: 2 ** 40, bytes: 3 },
          ],
        },
      ],
    }))
    const [before, after] = [readExternalTensors(saved), readExternalTensors(moved)]
    for (const [index, tensor] of before.entries()) {
      const { name, bytes } = tensor
      expect(after[index]).toMatchObject({ name, bytes, file: `${name}.bin`, offset: tensor.offset * 2 ** 21 })
      expect(after[index]?.packed.at(-1)?.blobs[1]).toEqual({ offset: 2 ** 40, bytes: 3 })
      expect(after[index]?.packed).toHaveLength(tensor.packed.length + 1)
    }
  })

  it('without an offset begin where their file does', () => {
    expect(readExternalTensors(modelWith([PLACE[0], PLACE[2]]))[0]).toMatchObject({ offset: 0, bytes: 12 })
  })

  it('are only those: a tensor inside the model is none', () => {
    expect(readExternalTensors(modelWith([]))).toEqual([])
  })
})

describe('refused is', () => {
  it.each([
    ['an offset that is no number', [PLACE[0], ['offset', '-1'], PLACE[2]]],
    ['an offset beyond what a number holds', [PLACE[0], ['offset', '9007199254740993'], PLACE[2]]],
    ['a tensor without a length', [PLACE[0], PLACE[1]]],
    ['a blob without a checksum', [...PLACE, ['prepacked_0', 'Gemm+1|0;4']]],
    ['a blob of unknown length', [...PLACE, ['prepacked_0', 'Gemm+1|0;x;0']]],
    ['a blob with more than is known', [...PLACE, ['prepacked_0', 'Gemm+1|0;4;0;0']]],
  ] as const)('%s', (_, entries) => {
    expect(() => readExternalTensors(modelWith(entries))).toThrow(/number of bytes|no packed form/)
  })

  it('a cut or spoilt model, with an error and never with a hang', () => {
    fc.assert(
      fc.property(fc.nat(saved.length - 1), fc.nat(saved.length - 1), fc.nat(255), (length, place, byte) => {
        const cut = Buffer.from(saved.subarray(0, length))
        if (place < cut.length) cut[place] = byte
        try {
          relocateExternalTensors(cut, (tensor) => tensor)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
      { numRuns: 300 },
    )
  })
})
