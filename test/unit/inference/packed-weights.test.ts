/** Sharing weights: packed once, found again, and made anew when it must be. */
import { execFile } from 'node:child_process'
import { mkdir, readFile, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { PRECISIONS } from '../../../src/convert/recipe.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { shareWeights } from '../../../src/inference/packed-weights.js'
import type * as Packing from '../../../src/inference/packing-process.js'
import { packInProcess } from '../../../src/inference/packing-process.js'
import { runBackbone } from '../../../src/packed/run-graphs.js'
import { GraphSession } from '../../../src/runtime/session.js'
import type { Sharing } from '../../support/sharing.js'
import { SHARED_CHECKPOINT, makeSharing, recorder } from '../../support/sharing.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { editJson } from '../../support/tiny-checkpoint.js'

vi.mock('../../../src/inference/packing-process.js', async (original) => {
  const real = await original<typeof Packing>()
  return { ...real, packInProcess: vi.fn(real.packInProcess) }
})

const SHARE_WEIGHTS = fileURLToPath(new URL('../../support/share-weights.ts', import.meta.url))

/** Longer ago than any load of these tests. */
const OLD_MS = 24 * 3600 * 1000

const temporary = temporaryFolder()
let tiny: Sharing

beforeAll(async () => {
  tiny = await makeSharing(temporary.path)
})
afterEach(() => {
  vi.mocked(packInProcess).mockClear()
})
afterAll(() => temporary.remove())

/** Packings so far in this test. */
const packings = () => vi.mocked(packInProcess).mock.calls.length

async function vectorOf(graph: string, kind: 'packed' | 'own'): Promise<Float32Array> {
  const session = await GraphSession.open(graph, { threads: 1, weights: { kind } })
  try {
    return await runBackbone(session, { ids: Int32Array.of(5, 6, 7, 8), lengths: Int32Array.of(1, 3) })
  } finally {
    await session.close()
  }
}

describe('the first load', () => {
  it('packs, checks, and tells once; later ones find it and tell nothing', async () => {
    const folder = await tiny.fresh()
    const first = await tiny.share(folder)
    expect(first.weights).toBe('shared')
    expect(first.logger.info.mock.calls).toEqual([
      [{ model: 'tiny', artefact: folder, bytes: expect.any(Number) as number }, expect.stringContaining('packing')],
      [expect.objectContaining({ model: 'tiny', artefact: folder, difference: 0 }), 'weights packed'],
    ])
    const second = await tiny.share(folder)
    expect(second.graph).toBe(first.graph)
    expect(second.weights).toBe('shared')
    for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(second.logger[level]).not.toHaveBeenCalled()
    expect(first.logger.warn).not.toHaveBeenCalled()
    expect(packings()).toBe(1)
  })

  it('leaves one folder, named after the engine, with the graph, both data files and the record', async () => {
    const folder = await tiny.fresh()
    const { packed } = await tiny.share(folder)
    const names = await readdir(join(folder, 'packed'))
    expect(names).toEqual([expect.stringMatching(/^1\.\d+\.\d+-[0-9a-f]{16}$/)])
    expect((await readdir(packed)).sort()).toEqual([
      'backbone.onnx',
      'backbone.onnx.data',
      'packed.data',
      'packed.json',
    ])
  })

  it.each(PRECISIONS)('gives the vectors of the plain form, bit by bit, in %s', async (precision) => {
    const sharing = await makeSharing(temporary.path, precision)
    const folder = await sharing.fresh()
    const { graph, weights } = await sharing.share(folder)
    expect(weights).toBe('shared')
    const plain = await vectorOf(join(folder, 'backbone.onnx'), 'own')
    expect(plain.every(Number.isFinite)).toBe(true)
    expect(await vectorOf(graph, 'packed')).toEqual(plain)
  })

  it('checks with one row, with several texts, and with one long enough for the flash path', async () => {
    await tiny.share(await tiny.fresh())
    const [order] = vi.mocked(packInProcess).mock.calls[0] ?? []
    expect(order?.runs).toEqual([[1], [8], [3, 17, 41], [512]])
  })

  it('checks with no text longer than the model takes', async () => {
    const short = { ...tiny.info, tokens: { ...tiny.info.tokens, max: 40 } }
    const options = { threads: 1, logger: recorder(), minBytes: 0 }
    await shareWeights(short, await tiny.fresh(), tiny.artefact.manifest, options)
    const [order] = vi.mocked(packInProcess).mock.calls[0] ?? []
    expect(order?.runs).toEqual([[1], [8]])
  })

  it('removes what this machine packed for another engine', async () => {
    const folder = await tiny.fresh()
    const stale = join(folder, 'packed', '1.29.0-0123456789abcdef')
    await mkdir(stale, { recursive: true })
    await writeFile(join(stale, 'packed.json'), JSON.stringify({ host: hostname() }))
    const { packed } = await tiny.share(folder)
    expect(await readdir(join(folder, 'packed'))).toEqual([basename(packed)])
  })

  it('in two processes at once packs once', async () => {
    const folder = await tiny.fresh()
    const args = ['--import', 'tsx', SHARE_WEIGHTS, SHARED_CHECKPOINT, folder]
    const both = await Promise.all([1, 2].map(() => promisify(execFile)(process.execPath, args)))
    const results = both.map(({ stdout }) => JSON.parse(stdout) as { heard: string[]; weights: string })
    expect(results.map(({ weights }) => weights)).toEqual(['shared', 'shared'])
    expect(results.flatMap(({ heard }) => heard).filter((message) => message === 'weights packed')).toHaveLength(1)
    expect(await readdir(join(folder, 'packed'))).toHaveLength(1)
  })

  it('of many callers in one process packs once', async () => {
    const folder = await tiny.fresh()
    const all = await Promise.all(Array.from({ length: 4 }, () => tiny.share(folder)))
    expect(new Set(all.map(({ graph }) => graph)).size).toBe(1)
    expect(packings()).toBe(1)
  })
})

describe('a packed form', () => {
  /** Spoils the packed form and shares again. */
  async function afterSpoiling(spoil: (packed: string) => Promise<unknown>) {
    const folder = await tiny.fresh()
    const { packed } = await tiny.share(folder)
    await spoil(packed)
    const again = await tiny.share(folder)
    expect(again.packed).toBe(packed)
    return again
  }

  it.each([
    ['whose blobs were cut', (packed: string) => truncate(join(packed, 'packed.data'), 4096)],
    ['whose raw weights are gone', (packed: string) => rm(join(packed, 'backbone.onnx.data'))],
    ['whose graph has changed', (packed: string) => changeByte(join(packed, 'backbone.onnx'), 100)],
    ['without a record', (packed: string) => rm(join(packed, 'packed.json'))],
    ['whose record is no JSON', (packed: string) => writeFile(join(packed, 'packed.json'), '{')],
    ['whose record is of another format', (packed: string) => editJson(join(packed, 'packed.json'), { format: 99 })],
  ])('%s is packed again', async (_, spoil) => {
    const { graph, weights } = await afterSpoiling(spoil)
    expect(packings()).toBe(2)
    expect(weights).toBe('shared')
    expect((await vectorOf(graph, 'packed')).every(Number.isFinite)).toBe(true)
  })

  it('that is in use says so with the time of its record', async () => {
    const long = new Date(Date.now() - OLD_MS)
    const { packed } = await afterSpoiling((packed) => utimes(join(packed, 'packed.json'), long, long))
    expect(packings()).toBe(1)
    expect((await stat(join(packed, 'packed.json'))).mtimeMs).toBeGreaterThan(Date.now() - 60_000)
  })

  it('belongs to its weights: those of another artefact are packed under another name', async () => {
    const folder = await tiny.fresh()
    const { packed } = await tiny.share(folder)
    const files = { ...tiny.artefact.manifest.files, 'backbone.onnx.data': { bytes: 1, sha256: '0'.repeat(64) } }
    const options = { threads: 1, logger: recorder(), minBytes: 0 }
    const other = await shareWeights(tiny.info, folder, { ...tiny.artefact.manifest, files }, options)
    expect(join(other.graph, '..')).not.toBe(packed)
  })
})

describe('nothing is packed', () => {
  it('where the weights are small: the tiny model has its own and no folder, and says so', async () => {
    const folder = await tiny.fresh()
    const logger = recorder()
    await using model = await LoadedStellaModel.load(tiny.info, { artefact: folder, threads: 1, logger })
    expect(model.weights).toBe('own')
    expect(logger.warn).not.toHaveBeenCalled()
    expect(await readdir(folder)).not.toContain('packed')
  })

  it('below a limit that can be told from the manifest', async () => {
    const bytes = tiny.artefact.manifest.files['backbone.onnx.data']?.bytes ?? 0
    const folder = await tiny.fresh()
    expect((await tiny.share(folder, { minBytes: bytes + 1 })).weights).toBe('own')
    expect((await tiny.share(folder, { minBytes: bytes })).weights).toBe('shared')
  })

  it('after an abort, which ends the process that packs', async () => {
    const folder = await tiny.fresh()
    const controller = new AbortController()
    const sharing = tiny.share(folder, { signal: controller.signal })
    await expect.poll(packings, { timeout: 20_000 }).toBe(1)
    controller.abort()
    await expect(sharing).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await readdir(join(folder, 'packed'))).toEqual([])
  })

  it('by a load that is aborted already', async () => {
    const folder = await tiny.fresh()
    await expect(tiny.share(folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(packings()).toBe(0)
  })
})

async function changeByte(path: string, place: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[place] = (bytes[place] ?? 0) ^ 1
  await writeFile(path, bytes)
}
