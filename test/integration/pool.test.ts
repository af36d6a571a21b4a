/** The pool with real worker threads on the embedded model and on tiny checkpoints. Workers run from `dist`. */
import { getEventListeners } from 'node:events'
import { cp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { STELLA_NANO } from '../../registry/index.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { BACKBONE_FILE } from '../../src/convert/artefact-files.js'
import type { ConvertProgress } from '../../src/convert/convert-progress.js'
import { prepareArtefact } from '../../src/convert/prepare.js'
import type { PoolOptions } from '../../src/index.js'
import { EmbeddingPool, LoadedStellaModel, describeCheckpoint } from '../../src/index.js'
import { goldenCheckpoint, maxAbs } from '../golden/golden-file.js'
import { replaceFile } from '../support/replace-file.js'
import { temporaryFolder } from '../support/temp-folder.js'

/** A text alone against the same text in a batch, in float32. */
const MAX_BATCH_DEPENDENCE = 1e-6

const temporary = temporaryFolder()
const home = join(temporary.path, 'home')
const TEXTS = Array.from({ length: 100 }, (_, index) => `text ${index}${' and more'.repeat(index)}`)

/** A model that was loaded, and is no more. */
const UNLOADED = { model: expect.any(String) as string, state: 'unloaded', workers: 0, memory: 0 }

afterAll(() => temporary.remove())

function open(options: PoolOptions = {}): Promise<EmbeddingPool> {
  return EmbeddingPool.open({ home, memory: '4GB', ...options })
}

async function codeOf(failing: Promise<unknown>): Promise<unknown> {
  const error: unknown = await failing.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error
}

describe('a call', () => {
  it('gives what the model gives in this thread, in the order of the texts', async () => {
    await using pool = await open({ workers: 2 })
    await using model = await LoadedStellaModel.load(STELLA_NANO, { home })
    const result = await pool.batchEmbed('stella-nano', TEXTS, { task: 's2p_query', dimensions: 512 })
    expect(result.embeddings).toHaveLength(TEXTS.length)
    for (const [index, text] of TEXTS.entries()) {
      const alone = await model.embed(text, { task: 's2p_query', dimensions: 512 })
      const pooled = result.embeddings[index] ?? new Float32Array()
      expect(maxAbs(pooled, alone.embedding)).toBeLessThanOrEqual(MAX_BATCH_DEPENDENCE)
      expect(result.tokens[index]).toBe(alone.usage.tokens)
    }
  })

  it('takes a key, an alias, or a descriptor, and gives the same vector', async () => {
    await using pool = await open()
    const [byKey, byAlias, byDescriptor] = await Promise.all([
      pool.embed('stella-nano', 'one text'),
      pool.embed('Stella-Pool/Stella-Nano', 'one text'),
      pool.embed(STELLA_NANO, 'one text'),
    ])
    expect(byAlias.embedding).toEqual(byKey.embedding)
    expect(byDescriptor.embedding).toEqual(byKey.embedding)
  })

  it('serves any head without a reload', async () => {
    await using pool = await open({ workers: 1 })
    expect((await pool.embed('stella-nano', 'x', { dimensions: 256 })).embedding).toHaveLength(256)
    expect((await pool.embed('stella-nano', 'x', { dimensions: 512 })).embedding).toHaveLength(512)
    expect(pool.stats().models[0]?.loads).toBe(1)
  })

  it('fails alone for a mistake, before anything is loaded, and leaves the pool working', async () => {
    await using pool = await open()
    expect(await codeOf(pool.embed('stella-nano', 'x', { dimensions: 3 }))).toBe('DIMENSIONS_UNSUPPORTED')
    // @ts-expect-error a task that does not exist
    expect(await codeOf(pool.embed('stella-nano', 'x', { task: 'search' }))).toBe('TASK_UNKNOWN')
    expect(await codeOf(pool.embed('stela-nano', 'x'))).toBe('MODEL_UNKNOWN')
    expect(pool.stats().models).toHaveLength(0)
    expect(await codeOf(pool.batchEmbed('stella-nano', ['fine', '']))).toBe('INPUT_INVALID')
    expect((await pool.embed('stella-nano', 'x')).embedding).toHaveLength(256)
  })

  it('of a model that is not downloaded says how to get it', async () => {
    const hub = {
      cacheDir: join(temporary.path, 'no-hub'),
      endpoint: 'http://127.0.0.1:9',
      token: undefined,
      offline: true,
    }
    await using pool = await open({ hub, memory: '16GB' })
    await expect(pool.embed('stella-en-400m-v5', 'x')).rejects.toMatchObject({
      code: 'MODEL_NOT_DOWNLOADED',
      message: expect.stringContaining('stella pull stella-en-400m-v5') as string,
    })
  })
})

describe('loading', () => {
  it('happens once per worker thread, however many calls come first', async () => {
    await using pool = await open({ workers: 2 })
    const ready = vi.fn()
    pool.on('workerReady', ready)
    await Promise.all(TEXTS.slice(0, 20).map((text) => pool.embed('stella-nano', text)))
    await pool.preload('stella-nano')
    const [stats] = pool.stats().models
    expect(stats).toMatchObject({ state: 'loaded', workers: 2, loads: 2, texts: 20 })
    expect(ready).toHaveBeenCalledTimes(2)
  })

  it('of two pools at once converts the checkpoint once', async () => {
    const own = join(temporary.path, 'own-home')
    const convert = vi.fn()
    await using first = await open({ home: own, onConvert: convert })
    await using second = await open({ home: own, onConvert: convert })
    await Promise.all([first.preload('stella-nano'), second.preload('stella-nano')])
    const finished = convert.mock.calls.filter(([progress]: unknown[]) => {
      const { file, done, total } = progress as ConvertProgress
      return file === `${BACKBONE_FILE}.data` && done === total
    })
    expect(finished).toHaveLength(1)
  })

  describe('that fails', () => {
    let broken: StellaModelInfo

    beforeAll(async () => {
      const folder = join(temporary.path, 'broken')
      await cp(goldenCheckpoint('new-tiny'), folder, { recursive: true })
      broken = await describeCheckpoint(folder)
      const artefact = await prepareArtefact(broken, { home })
      await replaceFile(artefact.folder, BACKBONE_FILE, (bytes) => bytes.fill(0xff))
    })

    it('rejects with MODEL_LOAD_FAILED at once: each thread loaded once, and none is left', async () => {
      await using pool = await open({ workers: 2 })
      const error: unknown = await pool.embed(broken, 'x').catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'MODEL_LOAD_FAILED', details: { workers: 2, loads: 2 } })
      expect(pool.stats()).toMatchObject({ memory: { granted: 0 }, models: [UNLOADED] })
    })

    it('fails all calls that waited for it, and a later call tries again', async () => {
      await using pool = await open({ workers: 1 })
      const codes = await Promise.all(TEXTS.slice(0, 5).map((text) => codeOf(pool.embed(broken, text))))
      expect(new Set(codes)).toEqual(new Set(['MODEL_LOAD_FAILED']))
      expect(await codeOf(pool.embed(broken, 'again'))).toBe('MODEL_LOAD_FAILED')
    })

    it('leaves other models alone', async () => {
      await using pool = await open({ workers: 1 })
      const [failed, served] = await Promise.all([codeOf(pool.embed(broken, 'x')), pool.embed('stella-nano', 'x')])
      expect(failed).toBe('MODEL_LOAD_FAILED')
      expect(served.embedding).toHaveLength(256)
    })

    it('names a small file that was changed', async () => {
      const folder = join(temporary.path, 'changed')
      await cp(goldenCheckpoint('new-wide'), folder, { recursive: true })
      const info = await describeCheckpoint(folder)
      const artefact = await prepareArtefact(info, { home })
      const head = join(artefact.folder, `heads/${info.defaultDimensions}.onnx.data`)
      await writeFile(head, (await readFile(head)).fill(0, 100, 200))
      await using pool = await open({ workers: 1 })
      await expect(pool.embed(info, 'x')).rejects.toMatchObject({
        code: 'ARTEFACT_INVALID',
        message: expect.stringContaining('has changed since it was made') as string,
      })
    })

    it('names a file that was cut', async () => {
      const folder = join(temporary.path, 'cut')
      await cp(goldenCheckpoint('qwen2-tiny'), folder, { recursive: true })
      const info = await describeCheckpoint(folder)
      const artefact = await prepareArtefact(info, { home })
      await truncate(join(artefact.folder, `${BACKBONE_FILE}.data`), 1000)
      await using pool = await open({ workers: 1 })
      await expect(pool.embed(info, 'x')).rejects.toMatchObject({
        code: 'ARTEFACT_INVALID',
        message: expect.stringContaining('backbone.onnx.data has 1000 bytes') as string,
      })
    })
  })
})

describe('giving up while the model loads', () => {
  it('rejects at once; with nobody else waiting the conversion ends, and the next call loads again', async () => {
    const controller = new AbortController()
    const own = join(temporary.path, 'abandoned-home')
    await using pool = await open({
      home: own,
      onConvert: () => {
        controller.abort()
      },
    })
    expect(await codeOf(pool.embed('stella-nano', 'x', { signal: controller.signal }))).toBe('ABORTED')
    // Its conversion is being ended.
    expect(pool.stats().models).toMatchObject([{ state: 'evicting', workers: 0 }])
    const artefacts = await readdir(join(own, 'artefacts/stella-nano')).catch(() => [])
    expect(artefacts.filter((name) => name.endsWith('-fp32'))).toHaveLength(0)
    expect((await pool.embed('stella-nano', 'x')).embedding).toHaveLength(256)
    expect(pool.stats().models[0]).toMatchObject({ loads: pool.stats().models[0]?.workers })
  })

  it('leaves the load to those who still wait', async () => {
    const controller = new AbortController()
    await using pool = await open({ workers: 1 })
    const first = codeOf(pool.embed('stella-nano', 'x', { signal: controller.signal }))
    const second = pool.embed('stella-nano', 'x')
    controller.abort()
    expect(await first).toBe('ABORTED')
    expect((await second).embedding).toHaveLength(256)
    expect(pool.stats().models[0]?.loads).toBe(1)
  })
})

it('reads the list of texts at once', async () => {
  await using pool = await open({ workers: 1 })
  const texts = ['one', 'two']
  const call = pool.batchEmbed('stella-nano', texts)
  texts.length = 0
  expect((await call).embeddings).toHaveLength(2)
})

it('needs only the head that is asked for', async () => {
  const checkpoint = join(temporary.path, 'one-head')
  await cp(goldenCheckpoint('new-tiny'), checkpoint, { recursive: true })
  const info = await describeCheckpoint(checkpoint)
  const [other] = info.heads.filter((head) => head.dimensions !== info.defaultDimensions)
  const wired = info.heads.find((head) => head.dimensions === info.defaultDimensions)
  await rm(join(checkpoint, wired?.folder ?? '', 'model.safetensors'))
  await using pool = await open({ workers: 1 })
  const { embedding } = await pool.embed(info, 'x', { dimensions: other?.dimensions })
  expect(embedding).toHaveLength(other?.dimensions ?? 0)
  expect(await codeOf(pool.embed(info, 'x'))).toBe('CHECKPOINT_INVALID')
})

describe('the memory budget', () => {
  it('refuses with the arithmetic, before anything is loaded or even looked for', async () => {
    await using pool = await open({ memory: '100MB' })
    await expect(pool.embed('stella-en-1.5b-v5', 'x')).rejects.toMatchObject({
      code: 'MEMORY_EXHAUSTED',
      message: expect.stringMatching(
        /stella-en-1\.5b-v5 needs \d+\.\d\d GB; 100 MB of the budget of 100 MB are free/,
      ) as string,
      details: { budget: 100e6, workers: 1, weights: expect.any(Number) as number },
    })
  })

  it('is given back by evict, and the model loads again when it is asked for', async () => {
    await using pool = await open({ workers: 1 })
    const before = await pool.embed('stella-nano', 'x')
    expect(pool.stats().memory.granted).toBeGreaterThan(0)
    await pool.evict('stella-nano')
    expect(pool.stats()).toMatchObject({ memory: { granted: 0 }, models: [UNLOADED] })
    const after = await pool.embed('stella-nano', 'x')
    expect(after.embedding).toEqual(before.embedding)
  })

  it('an evicted model serves the calls it has, and the next call waits for its memory', async () => {
    await using probe = await open({ workers: 1 })
    await probe.preload('stella-nano')
    // Room for one copy of the model, not for two.
    const memory = Math.floor(probe.stats().memory.granted * 1.5)
    await using pool = await open({ workers: 1, memory })
    await pool.preload('stella-nano')
    const under = pool.batchEmbed('stella-nano', TEXTS)
    const evicted = pool.evict('stella-nano')
    const next = pool.embed('stella-nano', 'x')
    expect((await under).embeddings).toHaveLength(TEXTS.length)
    expect((await next).embedding).toHaveLength(256)
    await evicted
  })

  it('limits maxLength to what memory was reserved for', async () => {
    await using pool = await open({ maxLength: 100 })
    expect(await codeOf(pool.embed('stella-nano', 'x', { maxLength: 101 }))).toBe('OPTION_INVALID')
    expect((await pool.embed('stella-nano', 'word '.repeat(300))).usage.tokens).toBe(100)
  })
})

describe('a signal', () => {
  it('that serves many calls and runs warns of no leak and keeps no listener', async () => {
    const warning = vi.fn()
    process.on('warning', warning)
    await using pool = await open({ workers: 1 })
    const { signal } = new AbortController()
    const calls = TEXTS.slice(0, 30).map((text) => pool.embed('stella-nano', text, { signal }))
    await Promise.all([pool.batchEmbed('stella-nano', TEXTS.concat(TEXTS), { signal }), ...calls])
    await new Promise(setImmediate)
    process.off('warning', warning)
    expect(warning).not.toHaveBeenCalled()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('rejects at once and costs no thread', async () => {
    await using pool = await open({ workers: 1 })
    await pool.preload('stella-nano')
    const controller = new AbortController()
    const started = new Promise((resolve) => pool.once('batchCompleted', resolve))
    const call = pool.batchEmbed('stella-nano', TEXTS.concat(TEXTS, TEXTS), { signal: controller.signal })
    await started
    controller.abort()
    expect(await codeOf(call)).toBe('ABORTED')
    expect((await pool.embed('stella-nano', 'x')).embedding).toHaveLength(256)
    expect(pool.stats().models[0]).toMatchObject({ workers: 1, loads: 1, waiting: { texts: 0, tokens: 0 } })
  })
})

describe('closing', () => {
  it('serves the calls under way, refuses later ones, and may be repeated', async () => {
    const pool = await open({ workers: 2 })
    const call = pool.batchEmbed('stella-nano', TEXTS)
    await Promise.all([pool.close(), pool.close()])
    expect((await call).embeddings).toHaveLength(TEXTS.length)
    expect(await codeOf(pool.embed('stella-nano', 'x'))).toBe('POOL_CLOSED')
    expect(pool.stats()).toMatchObject({ closed: true, memory: { granted: 0 }, models: [UNLOADED] })
  })

  it('leaves no listener on the process', async () => {
    const before = process.listenerCount('exit')
    for (let round = 0; round < 3; round++) {
      await using pool = await open({ workers: 1 })
      await pool.embed('stella-nano', 'x')
    }
    expect(process.listenerCount('exit')).toBe(before)
  })
})

it('logs model, precision, device, dimension and load time once it is loaded', async () => {
  const info = vi.fn()
  const logger = { debug: vi.fn(), info, warn: vi.fn(), error: vi.fn() }
  await using pool = await open({ workers: 1, logger })
  await pool.preload('stella-nano')
  expect(info).toHaveBeenCalledWith(
    expect.objectContaining({
      model: 'stella-nano',
      precision: 'fp32',
      device: 'cpu',
      dimensions: 256,
      threads: expect.any(Number) as number,
    }),
    'model loaded',
  )
  expect((info.mock.calls[0]?.[0] as { loadMs: number }).loadMs).toBeGreaterThan(0)
})
