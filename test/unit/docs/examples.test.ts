/** The documentation holds: its examples compile, those of the pool's page run, and that page leaves nothing out. */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import type { FakePool, FakePoolOptions } from '../../../src/fake/index.js'
import * as testing from '../../../src/fake/index.js'
import * as api from '../../../src/index.js'
import type { Example, Surroundings } from '../../support/doc-examples.js'
import { SURROUNDINGS, namesOf, problemsOf, programOf, readExamples, runExample } from '../../support/doc-examples.js'
import { PAGES } from '../../support/doc-pages.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const ROOT = join(import.meta.dirname, '../../..')
const POOL_PAGE = 'docs/pool.md'
const DOCUMENTS = Array.from({ length: 200 }, (_, index) => `text ${index}`)

const examples = PAGES.flatMap(readExamples)
const program = programOf(examples)
const nameOf = ({ file, line }: Example): string => `${file}:${line}`

/** Examples read `texts.txt` where they are. */
const folder = temporaryFolder()
const before = process.cwd()
beforeAll(async () => {
  process.chdir(folder.path)
  await writeFile('texts.txt', DOCUMENTS.join('\n'))
})
afterAll(() => {
  process.chdir(before)
  return folder.remove()
})

/** What an example finds: a pool that is open, and somewhere to save vectors. */
interface Place extends Surroundings {
  readonly pool: FakePool
  readonly saved: ReadonlyMap<number, Float32Array>
}

async function surroundings(): Promise<Place> {
  const open = (options: FakePoolOptions): Promise<FakePool> => testing.createFakePool({ memory: '8GB', ...options })
  const pool = await open({})
  onTestFinished(() => pool.close())
  const saved = new Map<number, Float32Array>()
  const save = (index: number, embedding: Float32Array): Promise<void> => {
    saved.set(index, embedding)
    return Promise.resolve()
  }
  const EmbeddingPool = { open }
  return {
    ...{ pool, saved },
    modules: { 'stella-pool': { ...api, EmbeddingPool }, 'stella-pool/testing': testing },
    globals: {
      ...{ pool, save, EmbeddingPool, documents: DOCUMENTS, isStellaError: api.isStellaError },
      // What an example prints, and the signals that it hears, are its own.
      ...{ console: { log: vi.fn(), error: vi.fn() }, process: { once: vi.fn() } },
    },
  }
}

describe('every example', () => {
  it.each(examples.map((example) => [nameOf(example), example] as const))('%s compiles', (_, example) => {
    expect(problemsOf(program, example)).toEqual([])
  })

  it('finds names around it that are declared with types there are', () => {
    expect(problemsOf(program, SURROUNDINGS)).toEqual([])
  })

  it('is found, on each of the pages', () => {
    const found = new Set(examples.map(({ file }) => file))
    expect([...found]).toEqual(expect.arrayContaining(['README.md', 'docs/conversion.md', POOL_PAGE]))
  })

  it('is really compiled: a mistake in one is told with its line', () => {
    const wrong = { file: 'docs/wrong.md', line: 7, code: "\nawait pool.embed('stella-nano')\n" }
    expect(problemsOf(programOf([wrong]), wrong)).toEqual([expect.stringMatching(/^docs\/wrong\.md:8 Expected 2-3/)])
  })
})

const ofPool = examples.filter(({ file, code }) => file === POOL_PAGE && !code.includes('@opentelemetry/api'))

describe("an example of the pool's page", () => {
  it.each(ofPool.map((example) => [nameOf(example), example] as const))('%s runs', async (_, example) => {
    const around = await surroundings()
    await runExample(example, around)
    if (example.code.includes("['one', '', 'three']")) expect([...around.saved.keys()]).toEqual([0, 2])
    else if (example.code.includes('await save(')) expect(around.saved.size).toBe(DOCUMENTS.length)
  })

  it('that refuses a call answers with status, wait and body', async () => {
    const [example] = ofPool.filter(({ code }) => code.includes('function refuse'))
    const exported = await runExample(example ?? missing(), await surroundings())
    const { refuse } = exported as { refuse: (response: object, error: unknown) => void }
    const response = { setHeader: vi.fn(), writeHead: vi.fn(), end: vi.fn() }
    refuse(response, new api.StellaError('OVERLOADED', 'full', { details: { retryAfterMs: 1200 } }))
    expect(response.setHeader).toHaveBeenCalledWith('Retry-After', 2)
    expect(response.writeHead).toHaveBeenCalledWith(503, { 'Content-Type': 'application/problem+json' })
    expect(response.end).toHaveBeenCalledWith(expect.stringContaining('"code":"OVERLOADED"'))
    const foreign = new Error('not ours')
    expect(() => {
      refuse(response, foreign)
    }).toThrow(foreign)
  })
})

describe('the answer to a health check', () => {
  it.each([
    ['/live', 200],
    ['/ready', 503],
  ])('tells a pool that is alive from one that can serve: %s is %i', async (url, status) => {
    const [example] = ofPool.filter(({ code }) => code.includes('function tellHealth'))
    const around = await surroundings()
    // Pinned, and not loaded.
    around.pool.pin('stella-nano')
    const exported = await runExample(example ?? missing(), around)
    const { tellHealth } = exported as { tellHealth: (request: object, response: object) => Promise<void> }
    const response = { writeHead: vi.fn(), end: vi.fn() }
    await tellHealth({ url }, response)
    expect(response.writeHead).toHaveBeenCalledWith(status, { 'Content-Type': 'application/json' })
    expect(response.end).toHaveBeenCalledWith(expect.stringContaining('"reason":"not-loaded"'))
  })
})

describe('the bridge to OpenTelemetry', () => {
  interface Made {
    readonly name: string
    readonly root: boolean | undefined
    readonly attributes: object
    readonly failures: readonly unknown[]
    readonly ended: number
  }

  /** A tracer that remembers. */
  function stubTracer() {
    const spans: Made[] = []
    const startSpan = (name: string, options?: { root?: boolean }): object => {
      const failures: unknown[] = []
      const made = { name, root: options?.root, attributes: {}, failures, ended: 0 }
      spans.push(made)
      const span = {
        recordException: (failure: unknown) => {
          failures.push(failure)
        },
        setStatus: ({ code }: { code: number }) => {
          failures.push(code)
          return span
        },
        setAttributes: (attributes: object) => {
          made.attributes = attributes
          return span
        },
        end: () => {
          made.ended++
        },
      }
      return span
    }
    return { spans, tracer: { startSpan } }
  }

  it('makes a span of each call, batch and load, without their texts and vectors, until it is ended', async () => {
    const [example] = examples.filter(({ code }) => code.includes('@opentelemetry/api'))
    const { spans, tracer } = stubTracer()
    const telemetry = { SpanStatusCode: { ERROR: 2 }, trace: { getTracer: () => tracer } }
    const { modules, globals } = await surroundings()
    const around = { modules: { ...modules, '@opentelemetry/api': telemetry }, globals }
    const exported = await runExample(example ?? missing(), around)
    const { traceStellaPool } = exported as { traceStellaPool: () => () => void }
    await using pool = await testing.createFakePool({ memory: '4GB', workers: 1 })
    pool.fake.failText('poison')
    const stop = traceStellaPool()
    await pool.batchEmbed('stella-nano', ['one', 'two'])
    await expect(pool.embed('stella-nano', 'poison')).rejects.toMatchObject({ code: 'INTERNAL' })
    stop()
    await pool.embed('stella-nano', 'unheard')
    expect(spans.map(({ name, root }) => [name, root])).toEqual([
      ['stella-pool embed', false],
      ['stella-pool load', true],
      ['stella-pool batch', true],
      ['stella-pool embed', false],
      ['stella-pool batch', true],
    ])
    expect(spans.every(({ ended }) => ended === 1)).toBe(true)
    const [call, load, batch, failed] = spans
    expect(call?.attributes).toMatchObject({ model: 'stella-nano', call: 'batchEmbed', texts: 2, lane: 'bulk' })
    expect(load?.attributes).toMatchObject({ model: 'stella-nano', precision: 'fp32' })
    expect(batch?.attributes).toMatchObject({ texts: 2, runMs: expect.any(Number) as number })
    expect(failed?.failures).toEqual([expect.objectContaining({ code: 'INTERNAL' }), 2])
    for (const { attributes } of spans) {
      for (const value of Object.values(attributes)) expect(['string', 'number']).toContain(typeof value)
    }
  })
})

describe("the pool's page", () => {
  const text = readFileSync(join(ROOT, POOL_PAGE), 'utf8')
  const code = text.match(/`[^`\n]+`/g) ?? []

  it.each([
    ['src/pool/pool-options.ts', 'PoolOptions'],
    ['src/scheduler/queue-budget.ts', 'QueueLimits'],
    ['src/pool/call-options.ts', 'PoolBatchOptions'],
    ['src/pool/stream-options.ts', 'StreamOptions'],
    ['src/pool/stream-options.ts', 'StreamProgress'],
    ['src/pool/preload-options.ts', 'PreloadOptions'],
    ['src/pool/health-request.ts', 'HealthRequest'],
    ['src/pool/health.ts', 'NotReady'],
    ['src/pool/pool-stats.ts', 'ModelStats'],
    ['src/pool/pool-stats.ts', 'ModelState'],
    ['src/pool/model-meters.ts', 'ModelLatency'],
    ['src/events.ts', 'PoolEvents'],
    ['src/events.ts', 'EvictionReason'],
    ['src/pool/tracing.ts', 'EmbedTrace'],
    ['src/pool/tracing.ts', 'BatchTrace'],
    ['src/fake/fake-options.ts', 'FakeOptions'],
    ['src/fake/fake-controls.ts', 'FakeControls'],
    ['src/fake/fake-controls.ts', 'FailureScope'],
  ])('of %s names all of %s', (file, type) => {
    const names = namesOf(program, file, type)
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => !code.some((span) => new RegExp(`\\b${name}\\b`).test(span)))).toEqual([])
  })
})

function missing(): never {
  throw new Error(`${POOL_PAGE} has no such example any more`)
}
