/** The server example under load, misuse, clients that leave, and SIGTERM. Over loopback, in a process of its own. */
import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import type { Running } from './example-process.js'
import { sandbox } from './example-process.js'
import type { Report } from './watch.js'

const EXAMPLE = 'server-fastify.ts'
const WATCH = join(import.meta.dirname, 'watch.ts')

/**
 * Longest time that the main thread may be held, in milliseconds: what an event loop can miss on two cores that are busy
 * with other tests.
 */
const LONGEST_DELAY_MS = 500

/** Share of the time that the main thread may be at work: measured 0.3 to 0.4 here, and 0.7 for a server that embeds in it. */
const MOST_UTILIZATION = 0.55

vi.setConfig({ testTimeout: 120_000 })

const place = sandbox()
afterAll(() => place.remove())

interface Server extends Running {
  readonly url: string
}

async function serve(env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const running = place.start(EXAMPLE, [], { env: { PORT: '0', ...env }, through: WATCH })
  const [, url = ''] = await running.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/)
  return { ...running, url }
}

/** The next message of the process that `isWanted`. */
function heard({ child, ended }: Running, isWanted: (message: unknown) => boolean): Promise<unknown> {
  const message = new Promise((fulfil) => {
    const listener = (given: unknown): void => {
      if (!isWanted(given)) return
      child.off('message', listener)
      fulfil(given)
    }
    child.on('message', listener)
  })
  const silence = ended.then(({ code, stderr }): never => {
    throw new Error(`ended with ${code} before it told what was waited for: ${stderr}`)
  })
  return Promise.race([message, silence])
}

/** What the process has seen since this was last asked. */
async function reportOf(server: Running): Promise<Report> {
  const answer = heard(server, (message) => typeof message === 'object')
  server.child.send('report')
  return (await answer) as Report
}

interface Embedded {
  readonly model: string
  readonly dimensions: number
  readonly embeddings: readonly (readonly number[])[]
  readonly truncated: readonly boolean[]
}

interface Problem {
  readonly status: number
  readonly type: string
  readonly detail?: string
  readonly instance?: string
  readonly code?: string
  readonly details?: Readonly<Record<string, unknown>>
}

function post(url: string, body: unknown): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(`${url}/embed`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: text })
}

async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  const problem = (await response.json()) as Problem
  expect(problem.status).toBe(response.status)
  expect(problem.instance).toBe('/embed')
  return problem
}

/** About 500 tokens, none like another. */
const longText = (name: string): string => Array.from({ length: 240 }, (_, index) => `${name} ${index}`).join(' ')
const longTexts = (count: number, name: string): readonly string[] =>
  Array.from({ length: count }, (_, index) => longText(`${name}${index}`))

describe('a server', () => {
  let server: Server
  beforeAll(async () => {
    server = await serve()
    await server.says(/model loaded/)
  })

  it('is live and ready once the model is loaded', async () => {
    const live = await fetch(`${server.url}/healthz`)
    expect([live.status, await live.json()]).toEqual([200, { live: true }])
    const ready = await fetch(`${server.url}/readyz`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({ ready: true, models: [{ model: 'stella-nano', ready: true }] })
  })

  it('embeds, in decimals and in base64 alike', async () => {
    const texts = ['how do I relax?', 'a harbour']
    const asked = { texts, task: 's2p_query', dimensions: 512 }
    const response = await post(server.url, asked)
    expect(response.status).toBe(200)
    const { model, dimensions, embeddings, truncated } = (await response.json()) as Embedded
    expect({ model, dimensions, truncated }).toEqual({
      model: 'stella-nano',
      dimensions: 512,
      truncated: [false, false],
    })
    const packed = await post(server.url, { ...asked, encoding: 'base64' })
    const { embeddings: encoded } = (await packed.json()) as { readonly embeddings: readonly string[] }
    const decoded = encoded.map((text) => {
      const bytes = Uint8Array.from(Buffer.from(text, 'base64'))
      return Array.from(new Float32Array(bytes.buffer))
    })
    expect(decoded).toEqual(embeddings)
    expect(Math.hypot(...(decoded[0] ?? []))).toBeCloseTo(1, 5)
  })

  it.each([
    ['an empty text', { texts: ['good', ''] }, 400, { code: 'INPUT_INVALID', details: { index: 1 } }],
    ['a task that is none', { texts: ['a'], task: 'query' }, 400, { code: 'TASK_UNKNOWN' }],
    ['dimensions that the model has not', { texts: ['a'], dimensions: 3 }, 400, { code: 'DIMENSIONS_UNSUPPORTED' }],
    [
      'a misspelt option',
      { texts: ['a'], dimension: 256 },
      400,
      { detail: 'body must NOT have additional properties' },
    ],
    ['a number for a text', { texts: [5] }, 400, { detail: 'body/texts/0 must be string' }],
    ['no text', { texts: [] }, 400, { type: 'about:blank' }],
    ['what is no JSON', '{"texts": [', 400, { type: 'about:blank' }],
    ['a body over the limit', { texts: ['x'.repeat(1_100_000)] }, 413, { type: 'about:blank' }],
  ])('refuses %s with problem details', async (_, body, status, expected) => {
    const response = await post(server.url, body)
    expect(response.status).toBe(status)
    expect(await problemOf(response)).toMatchObject(expected)
  })

  it('says with problem details that there is no such path', async () => {
    const response = await fetch(new URL('/nope', server.url))
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 404, detail: 'There is no GET /nope', instance: '/nope' })
  })

  it('serves many at once, and its main thread stays free', async () => {
    await reportOf(server)
    const requests = Array.from({ length: 16 }, async (_, index) => {
      const response = await post(server.url, { texts: longTexts(24, `r${index}t`), encoding: 'base64' })
      return [response.status, ((await response.json()) as Embedded).embeddings.length]
    })
    // Whoever asks meanwhile is answered meanwhile.
    const health = await fetch(`${server.url}/healthz`)
    expect(health.status).toBe(200)
    expect(await Promise.all(requests)).toEqual(requests.map(() => [200, 24]))
    const { longestDelayMs, utilization, workerMs, textsRun } = await reportOf(server)
    expect(textsRun).toBe(requests.length * 24)
    // Enough that a thread which did this itself would have been seen.
    expect(workerMs).toBeGreaterThan(2 * LONGEST_DELAY_MS)
    expect(longestDelayMs).toBeLessThan(LONGEST_DELAY_MS)
    expect(utilization).toBeLessThan(MOST_UTILIZATION)
  })

  it('drops what a client that has gone was waiting for, and serves the others', async () => {
    await reportOf(server)
    const texts = longTexts(200, 'gone')
    const started = heard(server, (message) => message === 'callStarted')
    const failed = heard(server, (message) => message === 'callFailed')
    const gone = request(`${server.url}/embed`, { method: 'POST', headers: { 'content-type': 'application/json' } })
    // It is told that its connection is gone, by which it is gone itself.
    gone.on('error', () => undefined)
    gone.end(JSON.stringify({ texts }))
    await started
    gone.destroy()
    await failed
    const after = await post(server.url, { texts: ['still there'] })
    expect(after.status).toBe(200)
    const { failures, textsRun } = await reportOf(server)
    expect(failures).toEqual(['ABORTED'])
    expect(textsRun).toBeLessThan(texts.length)
  })

  it('answers what is under way after SIGTERM, takes no more, and exits with 0', async () => {
    const started = heard(server, (message) => message === 'callStarted')
    const last = post(server.url, { texts: longTexts(64, 'last') })
    await started
    server.child.kill('SIGTERM')
    await server.says(/SIGTERM: leaving/)
    const response = await last
    expect([response.status, ((await response.json()) as Embedded).embeddings.length]).toEqual([200, 64])
    expect(await server.ended).toMatchObject({ code: 0, signal: null })
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow()
  })
})

describe('a server whose queue is short', () => {
  it('answers 503 and when to come again, and what it took in it serves', async () => {
    const server = await serve({ QUEUE_TEXTS: '32' })
    await server.says(/model loaded/)
    const alone = await post(server.url, { texts: longTexts(33, 'alone') })
    expect(alone.status).toBe(503)
    // Waiting would not help it.
    expect(alone.headers.get('retry-after')).toBeNull()
    expect(await problemOf(alone)).toMatchObject({ code: 'OVERLOADED', details: { limit: 'texts', max: 32 } })

    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, index) => post(server.url, { texts: longTexts(8, `${index}`) })),
    )
    const refused = answers.filter(({ status }) => status === 503)
    expect(refused.length).toBeGreaterThan(0)
    expect(answers.filter(({ status }) => status === 200).length).toBe(answers.length - refused.length)
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(4)
    for (const response of refused) {
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect(await problemOf(response)).toMatchObject({ code: 'OVERLOADED' })
    }
    server.child.kill('SIGINT')
    expect(await server.ended).toMatchObject({ code: 0, signal: null })
  })
})

describe('a server that is told to leave while its model is being converted', () => {
  it('gives that up, and exits with 0', async () => {
    const env = { PORT: '0', STELLA_HOME: join(place.folder, 'new-home') }
    const running = place.start(EXAMPLE, [], { env })
    await running.says(/Server listening/)
    running.child.kill('SIGTERM')
    const { code, signal, stdout } = await running.ended
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(stdout).not.toContain('"level":60')
  })
})

describe('a server without its model', () => {
  const env = { STELLA_MODEL: 'stella-en-400m-v5', HF_HUB_CACHE: join(place.folder, 'no-hub'), HF_HUB_OFFLINE: '1' }

  it('leaves with 1, for whoever starts it again to see', async () => {
    const running = place.start(EXAMPLE, [], { env: { PORT: '0', ...env } })
    const { code, stdout } = await running.ended
    expect(code).toBe(1)
    expect(stdout).toContain('MODEL_NOT_DOWNLOADED')
  })

  it('leaves with 1 where its port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const { code, stderr } = await place.run(EXAMPLE, [], { env: { PORT: String(port) } })
    holder.close()
    expect(code).toBe(1)
    expect(stderr).toContain('EADDRINUSE')
  })
})
