/** The fake engine takes any descriptor, charges what the real one would, and touches nothing native. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

import { BUILT_IN_MODELS, STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import { FakeBackend } from '../../../src/fake/fake-backend.js'
import { FakeScript } from '../../../src/fake/fake-controls.js'
import { packTexts } from '../../../src/packed/packing.js'
import { MemoryLedger } from '../../../src/pool/memory-ledger.js'
import { planModel } from '../../../src/pool/plan.js'
import type { PlanOptions } from '../../../src/pool/plan-request.js'
import { planRequest } from '../../../src/pool/plan-request.js'
import { encodeAll } from '../../../src/text/encode-all.js'
import { failureOf } from '../../support/failure.js'

const PLENTY = 64e9

const request = (signal = new AbortController().signal) => ({ dimensions: undefined, signal })

const backend = (options: PlanOptions = {}, script = new FakeScript()): FakeBackend => new FakeBackend(options, script)

describe('memory', () => {
  it.each(BUILT_IN_MODELS)('of $key is what the real engine is charged', async (info) => {
    const options = { workers: 2, maxLength: 512 }
    const expected = planModel(info, { ...planRequest(info, options), available: PLENTY })
    expect(backend(options).estimate(info, PLENTY)).toEqual(expected)
    expect((await backend(options).prepare(info, request())).plan(PLENTY)).toEqual(expected)
  })

  it('that is not there is refused by the ledger', async () => {
    const { memory, workers, precision } = backend().estimate(STELLA_EN_1_5B_V5, 1e9)
    const error = await failureOf(() =>
      new MemoryLedger(1e9).grant('stella-en-1.5b-v5', memory.total, { workers, precision, ...memory }),
    )
    expect(error.code).toBe('MEMORY_EXHAUSTED')
  })

  it.each([
    [STELLA_NANO, {}, 'fp32', 'own'],
    [STELLA_EN_400M_V5, {}, 'int8', 'shared'],
    [STELLA_EN_400M_V5, { precision: 'fp32' }, 'fp32', 'shared'],
    [STELLA_EN_400M_V5, { sharedWeights: false }, 'int8', 'own'],
  ] as const)('of $0.key with %j is held as the real engine would', async (info, options, precision, weights) => {
    const model = await backend(options).prepare(info, request())
    expect(model).toMatchObject({ info, precision, weights })
    const worker = model.createWorker(1, { onLost: () => undefined })
    expect((await worker.start()).weights).toBe(weights)
    await worker.stop()
  })
})

describe('a prepared model', () => {
  it('tokenises and embeds with what it is', async () => {
    const model = await backend().prepare(STELLA_NANO, request())
    const options = { prompt: '', maxLength: 64, overflow: 'truncate-right' } as const
    const [text] = await encodeAll(model.tokenizer, ['hello there'], options)
    const worker = model.createWorker(1, { onLost: () => undefined })
    await worker.start()
    const { slab } = await worker.run(packTexts([text?.ids ?? new Int32Array()]), { dimensions: 512, normalize: true })
    expect(slab).toHaveLength(512)
    await worker.stop()
    await model.close()
  })

  it('has every head', async () => {
    const model = await backend().prepare(STELLA_EN_400M_V5, request())
    await expect(model.requireHead(8192, undefined)).resolves.toBeUndefined()
    expect((await failureOf(() => model.requireHead(8192, AbortSignal.abort()))).code).toBe('ABORTED')
  })
})

describe('preparing', () => {
  it('fails as it is told', async () => {
    const script = new FakeScript()
    script.failLoads('MODEL_NOT_DOWNLOADED')
    const engine = backend({}, script)
    expect((await failureOf(() => engine.prepare(STELLA_NANO, request()))).code).toBe('MODEL_NOT_DOWNLOADED')
    await engine.prepare(STELLA_NANO, request())
  })

  it('ends with its signal, before and during', async () => {
    expect((await failureOf(() => backend().prepare(STELLA_NANO, request(AbortSignal.abort())))).code).toBe('ABORTED')
    const controller = new AbortController()
    const preparing = backend().prepare(STELLA_NANO, request(controller.signal))
    controller.abort()
    expect((await failureOf(() => preparing)).code).toBe('ABORTED')
  })
})

it('no native library is loaded for it', async () => {
  const program = `
    const { FakeBackend } = await import('./src/fake/fake-backend.ts')
    const { FakeScript } = await import('./src/fake/fake-controls.ts')
    const { STELLA_NANO } = await import('./registry/index.ts')
    const model = await new FakeBackend({}, new FakeScript()).prepare(STELLA_NANO, { signal: new AbortController().signal })
    const worker = model.createWorker(1, { onLost() {} })
    await worker.start()
    await worker.run({ ids: Int32Array.of(0, 1), lengths: Int32Array.of(2) }, { dimensions: 256, normalize: true })
    await worker.stop()
    const addons = () => process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node'))
    const before = addons()
    // So that a list that is always empty is noticed.
    await import('tokenizers')
    console.log(JSON.stringify({ before, after: addons().length }))`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    { cwd: new URL('../../../', import.meta.url) },
  )
  expect(JSON.parse(stdout)).toEqual({ before: [], after: 1 })
})
