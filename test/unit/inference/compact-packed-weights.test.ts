/** From what the engine saved to a packed form that can be trusted, judged by the engine. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type * as Fs from 'node:fs/promises'
import { mkdir, mkdtemp, readFile, readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, describe, expect, it, vi } from 'vitest'

import {
  PACKED_DATA,
  RAW_DATA,
  SAVED_DATA,
  SAVED_GRAPH,
  compactSavedWeights,
} from '../../../src/inference/compact-packed-weights.js'
import { readExternalTensors } from '../../../src/onnx/external-tensors.js'
import { GraphSession } from '../../../src/runtime/session.js'
import { maxAbs } from '../../golden/golden-file.js'
import type { QuantisedOptions } from '../../support/quantised-graph.js'
import { OUTPUT, quantisedFeeds, writeQuantisedGraph } from '../../support/quantised-graph.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const failing = vi.hoisted(() => ({ link: false }))
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof Fs>()
  const link: typeof fs.link = (from, to) => {
    return failing.link ? Promise.reject(new Error('EPERM: no links here')) : fs.link(from, to)
  }
  return { ...fs, link }
})

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const OPEN_PACKED = fileURLToPath(new URL('../../support/open-packed.ts', import.meta.url))

/** Alignment that the widest kernels want: one register of AVX-512. */
const REGISTER_BYTES = 64

const PAGE_BYTES = 4096

const HAS_AVX512 = existsSync('/proc/cpuinfo') && readFileSync('/proc/cpuinfo', 'utf8').includes('avx512f')

interface Saved {
  readonly artefact: string
  readonly saved: string
  readonly out: string
  /** What the plain session gives. */
  readonly expected: Float32Array
}

/** A graph that the engine has packed and saved. */
async function save(options?: QuantisedOptions): Promise<Saved> {
  const artefact = await mkdtemp(join(temporary.path, 'graph-'))
  const [saved, out] = [join(artefact, 'saved'), join(artefact, 'out')]
  await mkdir(saved)
  await mkdir(out)
  await writeQuantisedGraph(artefact, options)
  const weights = { kind: 'save', graph: join(saved, SAVED_GRAPH), data: SAVED_DATA } as const
  const session = await GraphSession.open(join(artefact, 'backbone.onnx'), { threads: 1, weights })
  const expected = await session.run(quantisedFeeds(), OUTPUT)
  await session.close()
  return { artefact, saved, out, expected }
}

async function runPacked(folder: string): Promise<Float32Array> {
  const session = await GraphSession.open(join(folder, 'backbone.onnx'), { threads: 1, weights: { kind: 'packed' } })
  try {
    return await session.run(quantisedFeeds(), OUTPUT)
  } finally {
    await session.close()
  }
}

const compact = ({ artefact, saved, out }: Saved) => compactSavedWeights(artefact, saved, out)

describe('what the engine saves', () => {
  it('puts 4-bit blobs at offsets that no kernel can count on', async () => {
    const { saved } = await save()
    const tensors = readExternalTensors(await readFile(join(saved, SAVED_GRAPH)))
    const offsets = tensors.flatMap(({ packed }) => packed.flatMap(({ blobs }) => blobs.map(({ offset }) => offset)))
    expect(offsets.filter((offset) => offset % REGISTER_BYTES !== 0).length).toBeGreaterThan(offsets.length / 2)
  })

  // Seen with ONNX Runtime 1.30 on processors with AVX-512: a crash on Sapphire Rapids, garbage on Zen 5. When this
  // fails after an upgrade, the engine may have learned to align; compacting stays right.
  it.runIf(HAS_AVX512)('crashes or gives garbage when it is opened as it is', async () => {
    const graph = await save()
    const differenceOf = async (path: string): Promise<number> => {
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', OPEN_PACKED, path])
      return maxAbs(Float32Array.from(JSON.parse(stdout) as string[], Number), graph.expected)
    }
    // A crash is as bad as numbers that are none.
    const difference = await differenceOf(join(graph.saved, SAVED_GRAPH)).catch(() => Number.NaN)
    expect(difference <= 1).toBe(false)
    await compact(graph)
    expect(await differenceOf(join(graph.out, 'backbone.onnx'))).toBe(0)
  })
})

describe('compacted', () => {
  it('gives the same bits as the plain form', async () => {
    const graph = await save()
    await compact(graph)
    const found = await runPacked(graph.out)
    expect(found.every(Number.isFinite)).toBe(true)
    expect(found).toEqual(graph.expected)
  })

  it('has every blob and tensor on a page, and the raw tensors in the file of the artefact', async () => {
    const graph = await save()
    await compact(graph)
    expect((await readdir(graph.out)).sort()).toEqual(['backbone.onnx', RAW_DATA, PACKED_DATA].sort())
    const tensors = readExternalTensors(await readFile(join(graph.out, 'backbone.onnx')))
    const blobs = tensors.flatMap(({ packed }) => packed.flatMap((form) => form.blobs))
    expect(blobs).toHaveLength(8)
    for (const { offset } of [...tensors, ...blobs]) expect(offset % PAGE_BYTES).toBe(0)
    const [raw, link] = [await stat(join(graph.artefact, RAW_DATA)), await stat(join(graph.out, RAW_DATA))]
    expect(link.ino).toBe(raw.ino)
    // One tensor goes with the blobs and carries them all: the smallest.
    expect(tensors.filter(({ file }) => file === PACKED_DATA).map(({ name }) => name)).toEqual(['scales.0'])
    const payload = blobs.reduce((sum, { bytes }) => sum + bytes, 0)
    expect((await stat(join(graph.out, PACKED_DATA))).size).toBeLessThan(payload + (blobs.length + 1) * PAGE_BYTES)
  })

  it('keeps a tensor that the engine computed while it optimised', async () => {
    const graph = await save({ folded: true })
    await compact(graph)
    const tensors = readExternalTensors(await readFile(join(graph.out, 'backbone.onnx')))
    expect(tensors.filter(({ file }) => file === PACKED_DATA)).toHaveLength(2)
    expect(await runPacked(graph.out)).toEqual(graph.expected)
  })

  it('eats the saved data up as it goes', async () => {
    const graph = await save()
    await compact(graph)
    const [last] = readExternalTensors(await readFile(join(graph.saved, SAVED_GRAPH)))
      .flatMap(({ packed }) => packed.flatMap(({ blobs }) => blobs))
      .sort((a, b) => a.offset - b.offset)
    expect((await stat(join(graph.saved, SAVED_DATA))).size).toBe(last?.offset)
  })

  it('copies the raw tensors where the disk knows no links', async () => {
    const graph = await save()
    failing.link = true
    try {
      await compact(graph)
    } finally {
      failing.link = false
    }
    expect((await stat(join(graph.out, RAW_DATA))).ino).not.toBe((await stat(join(graph.artefact, RAW_DATA))).ino)
    expect(await runPacked(graph.out)).toEqual(graph.expected)
  })

  it('refuses a graph with tensors outside of it in a branch', async () => {
    await expect(compact(await save({ branch: true }))).rejects.toThrow('in a branch')
  })

  it('refuses saved data that was cut, as a full disk does', async () => {
    const graph = await save()
    const { size } = await stat(join(graph.saved, SAVED_DATA))
    await truncate(join(graph.saved, SAVED_DATA), size - 1)
    await expect(compact(graph)).rejects.toThrow('ends before')
  })
})
