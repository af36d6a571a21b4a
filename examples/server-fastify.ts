/**
 * An HTTP service on Fastify 5: one pool for the life of the process, whose threads compute while this one answers.
 *
 *     npm install fastify && npx tsx examples/server-fastify.ts
 */
import type { ServerResponse } from 'node:http'

import { fastify } from 'fastify'
import { EmbeddingPool } from 'stella-pool'
import type { TaskName } from 'stella-pool'

import { refusalOf } from './server-refusals.js'

const MODEL = process.env.STELLA_MODEL ?? 'stella-nano'
/** Texts that all requests together may have waiting: what is served in seconds. More are told when to come again. */
const QUEUE_TEXTS = Number(process.env.QUEUE_TEXTS ?? 2000)
/** Texts of one request; bytes of its body; how long it may take, in milliseconds. */
const [MAX_TEXTS, BODY_LIMIT, DEADLINE_MS] = [256, 1_048_576, 30_000]

interface EmbedBody {
  readonly texts: readonly string[]
  readonly task?: TaskName
  readonly dimensions?: number
  readonly encoding?: 'float' | 'base64'
}

// The shape only. What tasks and dimensions there are the library knows, and says.
const BODY_SCHEMA = {
  type: 'object',
  required: ['texts'],
  additionalProperties: false,
  properties: {
    texts: { type: 'array', minItems: 1, maxItems: MAX_TEXTS, items: { type: 'string' } },
    task: { type: 'string' },
    dimensions: { type: 'integer' },
    encoding: { enum: ['float', 'base64'] },
  },
}

// Fastify would take the number 5 for the text "5", and drop a misspelt option: both are mistakes to be told.
const ajv = { customOptions: { coerceTypes: false as const, removeAdditional: false as const } }
const app = fastify({ logger: { level: process.env.LOG_LEVEL ?? 'info' }, bodyLimit: BODY_LIMIT, ajv })
const pool = await EmbeddingPool.open({ maxLength: 512, queue: { texts: QUEUE_TEXTS }, logger: app.log })

app.post<{ Body: EmbedBody }>('/embed', { schema: { body: BODY_SCHEMA } }, async (request, reply) => {
  const { texts, encoding = 'float', ...options } = request.body
  const { embeddings, dimensions, usage, truncated } = await pool.batchEmbed(MODEL, texts, {
    ...options,
    lane: 'interactive', // somebody waits for the answer
    deadlineMs: DEADLINE_MS,
    signal: goneSignal(reply.raw), // nobody does any more: what has not run is not run
  })
  // What is left to this thread is JSON. Base64 spares it most of that: decimals are long, and slow to write.
  const vectors = embeddings.map((vector) => (encoding === 'base64' ? toBase64(vector) : Array.from(vector)))
  return { model: MODEL, dimensions, usage, truncated, embeddings: vectors }
})

// Live: no need to restart the process. Ready: send requests here; the model is loaded, and ran within the last minute.
app.get('/healthz', async (_, reply) => {
  const { live } = await pool.health({ probe: false })
  return reply.code(live ? 200 : 503).send({ live })
})
app.get('/readyz', async (_, reply) => {
  const { ready, models } = await pool.health()
  return reply.code(ready ? 200 : 503).send({ ready, models })
})

app.setErrorHandler((error, request, reply) => {
  const { status, headers, body, isOurs } = refusalOf(error, request.url)
  if (isOurs) request.log.error(error)
  return reply.code(status).headers(headers).send(body)
})

app.setNotFoundHandler((request, reply) => {
  const none = { statusCode: 404, message: `There is no ${request.method} ${request.url}` }
  const { status, headers, body } = refusalOf(none, request.url)
  return reply.code(status).headers(headers).send(body)
})

/** Aborts when the connection is closed before the answer was sent. */
function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
  })
  return controller.signal
}

/** The numbers as they lie in memory: little-endian float32. */
function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}

const leaving = new AbortController()
/** `app.close()` takes no more requests and serves those under way; its last hook closes the pool. */
function leave(reason: string): void {
  app.log.info(`${reason}: leaving`)
  leaving.abort()
  app.close().catch(fail)
}
function fail(error: unknown): void {
  app.log.fatal(error)
  process.exitCode = 1
}
app.addHook('onClose', () => pool.close())
app.addHook('onSend', async (_, reply) => {
  // Else a client that keeps its connection would keep the process for as long as that may be idle: 72 seconds.
  if (leaving.signal.aborted) reply.header('Connection', 'close')
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  // Not `once`: signal-exit, which many packages bring along, ends a process whose last listener of a signal is gone.
  process.on(signal, () => {
    if (leaving.signal.aborted) process.exit(1)
    leave(signal)
  })
}

// Pinned, it has to be there: nothing evicts it, and until it is loaded the service is not ready. The port opens first, so
// that whoever asks /healthz during a first load, which may convert the model for minutes, hears that the process lives.
pool.pin(MODEL)
await app.listen({ host: process.env.HOST ?? '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
await pool.preload(MODEL, { signal: leaving.signal }).catch((error: unknown) => {
  if (leaving.signal.aborted) return
  fail(error)
  leave('no model')
})
