/** Writing by threads: the same bytes as by one, and an end of every kind that leaves nobody writing. */
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { TensorPlan } from '../../../src/convert/tensor-plan.js'
import { Weights } from '../../../src/convert/weights.js'
import { INLINE_BYTES, writeTensors } from '../../../src/convert/write-tensors.js'
import { READ_CHUNK_BYTES, TensorReader } from '../../../src/files/safetensors.js'
import { Graph } from '../../../src/onnx/graph.js'
import { writeSafetensors } from '../../../tools/checkpoints/safetensors-writer.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { openDescriptors } from '../files/safetensors/raw-file.js'
import { normals } from './quantize/numbers.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

/** Wide enough that a tensor is read in several chunks, and all of them together need threads. */
const [ROWS, COLUMNS] = [1500, 1024]
const LAYERS = 6
/** Row of the last layer that is not finite: fine in float32, refused by a quantiser. */
const BAD_ROW = 1400

let reader: TensorReader
beforeAll(async () => {
  const folder = await mkdtemp(join(temporary.path, 'checkpoint-'))
  const values = normals('weight', ROWS * COLUMNS, 0.05)
  const spoilt = values.slice()
  spoilt[BAD_ROW * COLUMNS] = NaN
  await writeSafetensors(
    join(folder, 'model.safetensors'),
    Array.from({ length: LAYERS }, (_, layer) => [
      {
        name: `w${layer}`,
        dtype: 'F32' as const,
        shape: [ROWS, COLUMNS],
        data: () => [layer === LAYERS - 1 ? spoilt : values],
      },
      { name: `b${layer}`, dtype: 'F32' as const, shape: [ROWS], data: () => [values.subarray(layer, layer + ROWS)] },
    ]).flat(),
  )
  reader = await TensorReader.open(folder)
})
afterAll(() => reader.close())

/** Every transform there is; the spoilt layer in float32 unless asked otherwise. */
function plan(options: { spoilt?: boolean } = {}): TensorPlan {
  const made = new TensorPlan('x.data')
  const weights = new Weights(reader, made, '')
  const graph = new Graph('g')
  weights.embedding(graph, 'w0', 'float16')
  weights.quantized(graph, 'w1', { scheme: { kind: 'row8' } })
  weights.get(graph, 'b1')
  weights.quantized(graph, 'w2', { scheme: { kind: 'block8', block: 64 } })
  weights.quantized(graph, 'w3', { scheme: { kind: 'block4', block: 32 }, rows: { start: 100, end: 1400 } })
  weights.embedding(graph, 'w4', 'int8')
  if (options.spoilt === true) weights.quantized(graph, 'w5', { scheme: { kind: 'row8' } })
  else weights.get(graph, 'w5')
  weights.get(graph, 'b5')
  return made
}

const freshFile = async (): Promise<string> => join(await mkdtemp(join(temporary.path, 'out-')), 'x.data')

describe('writeTensors', () => {
  it('is here given enough work for threads, in tensors of several chunks', () => {
    expect(LAYERS * ROWS * COLUMNS * 4).toBeGreaterThan(2 * INLINE_BYTES)
    expect(ROWS * COLUMNS * 4).toBeGreaterThan(READ_CHUNK_BYTES)
  })

  it('writes the same bytes with one thread and with three, and gives their digest', async () => {
    const digests = []
    for (const threads of [1, 3]) {
      const path = await freshFile()
      const digest = await writeTensors(path, plan(), { threads })
      const bytes = await readFile(path)
      expect(digest).toEqual({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
      digests.push(digest)
    }
    expect(digests[1]).toEqual(digests[0])
  })

  it('writes by itself what is small, with the same bytes as threads would', async () => {
    // The same rows alone, and in a plan that is large for another reason.
    const rows = { start: 0, end: 64 }
    const part = (extra: boolean): TensorPlan => {
      const made = new TensorPlan('x.data')
      const weights = new Weights(reader, made, '')
      weights.quantized(new Graph('g'), 'w1', { scheme: { kind: 'row8' }, rows })
      weights.quantized(new Graph('g'), 'w2', { scheme: { kind: 'block4', block: 64 }, rows })
      if (extra) for (const name of ['w0', 'w3', 'w4']) weights.get(new Graph('g'), name)
      return made
    }
    const [small, large] = [await freshFile(), await freshFile()]
    const { bytes } = await writeTensors(small, part(false))
    await writeTensors(large, part(true))
    expect((await readFile(large)).subarray(0, bytes).equals(await readFile(small))).toBe(true)
  })

  it('reports the bytes done, rising to the size of the file', async () => {
    const made = plan()
    const reports: number[] = []
    await writeTensors(await freshFile(), made, { threads: 2, onBytes: (bytes) => reports.push(bytes) })
    expect(reports).toEqual(reports.toSorted((a, b) => a - b))
    expect(new Set(reports).size).toBe(reports.length)
    expect(reports.at(-1)).toBe(made.bytes)
    expect(reports.length).toBeGreaterThan(5)
  })

  it('writes an empty plan as an empty file', async () => {
    const path = await freshFile()
    expect(await writeTensors(path, new TensorPlan('x'))).toMatchObject({ bytes: 0 })
    expect(await readFile(path)).toHaveLength(0)
  })

  it('never writes over a file', async () => {
    const path = await freshFile()
    await writeFile(path, 'precious')
    await expect(writeTensors(path, plan())).rejects.toThrow('EEXIST')
    expect(await readFile(path, 'utf8')).toBe('precious')
  })

  it('fails with what a thread failed with: code, message, details', async () => {
    const path = await freshFile()
    const error = await failureOf(() => writeTensors(path, plan({ spoilt: true }), { threads: 2 }))
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toContain(`"w5" in model.safetensors holds NaN in row ${BAD_ROW}, column 0`)
    expect(error.details).toMatchObject({ tensor: 'w5', folder: reader.folder, transform: 'row8' })
    await expectQuiet(path)
  })
})

describe('an end before its time', () => {
  it('by a signal that was aborted before does nothing', async () => {
    const error = await failureOf(async () => writeTensors(await freshFile(), plan(), { signal: AbortSignal.abort() }))
    expect(error.code).toBe('ABORTED')
  })

  it.each([1, 3])('by a signal stops with ABORTED, and %i threads write nothing after that', async (threads) => {
    const path = await freshFile()
    const controller = new AbortController()
    const error = await failureOf(() =>
      writeTensors(path, plan(), {
        threads,
        signal: controller.signal,
        onBytes: () => {
          controller.abort()
        },
      }),
    )
    expect(error.code).toBe('ABORTED')
    await expectQuiet(path)
  })

  it('by a listener that throws fails with its error', async () => {
    const path = await freshFile()
    const onBytes = (): void => {
      throw new Error('listener')
    }
    await expect(writeTensors(path, plan(), { threads: 2, onBytes })).rejects.toThrow('listener')
    await expectQuiet(path)
  })
})

/** Nobody has the file open any more, in whichever thread, so nobody can write to it. */
async function expectQuiet(path: string): Promise<void> {
  expect((await openDescriptors(dirname(path))) ?? 0).toBe(0)
}
