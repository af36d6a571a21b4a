/**
 * One HTTP request to the hub: token, time limit, and errors told apart. Knows no cache and no file on disk.
 */
import { abortedError, throwIfAborted } from './cancellation.js'
import { HubFailure, networkFailure, statusFailure } from './hub-failure.js'
import { parseRetryAfter, withRetries, type RetryPolicy } from './hub-retry.js'

/** A connection that brings no byte for this long counts as broken. */
export const STALL_TIMEOUT_MS = 30_000

/** Largest answer of the hub's API that is read, in bytes. The listing of 1024 files takes about 0.5 MB. */
const MAX_API_ANSWER_BYTES = 8 * 1024 * 1024

/** How to make requests. */
export interface HubClientOptions {
  /** Base URL without a trailing slash. */
  readonly endpoint: string
  readonly token: string | undefined
  readonly fetch: typeof fetch
  readonly stallTimeoutMs: number
  readonly retry: RetryPolicy
}

/** An answer whose body is still to be read, by `chunks`, or not at all, by `discard`. */
export interface HubAnswer {
  readonly status: number
  readonly headers: Headers
  /** The failure this answer is, if it is one. */
  readonly failure: () => HubFailure
  /** @throws {HubFailure} where the connection breaks or stalls */
  readonly chunks: () => AsyncGenerator<Uint8Array, void, undefined>
  readonly discard: () => Promise<void>
}

/** Makes requests to one hub. */
export interface HubClient {
  readonly endpoint: string
  readonly retry: RetryPolicy
  /**
   * One request, whatever its status.
   *
   * @throws {HubFailure} where no answer came
   */
  readonly send: (url: string, init: RequestInit, signal: AbortSignal | undefined) => Promise<HubAnswer>
  /**
   * A `fetch` for `@huggingface/hub`: repeats failed requests, reads the whole (bounded) answer, and throws
   * {@link HubFailure} for error statuses. The token is added here, because the library refuses
   * tokens that do not begin with `hf_`, as those of mirrors do.
   */
  readonly apiFetch: (signal: AbortSignal | undefined) => typeof fetch
}

/** A client for `options.endpoint`. */
export function createHubClient(options: HubClientOptions): HubClient {
  const { endpoint, retry } = options
  const send: HubClient['send'] = (url, init, signal) => sendOnce(options, url, init, signal)
  const apiFetch: HubClient['apiFetch'] = (signal) => (input, init) =>
    withRetries(retry, signal, async () => {
      const url = input instanceof Request ? input.url : String(input)
      return readWhole(await send(url, init ?? {}, signal), endpoint)
    })
  return Object.freeze({ endpoint, retry, send, apiFetch })
}

async function sendOnce(
  options: HubClientOptions,
  url: string,
  init: RequestInit,
  signal: AbortSignal | undefined,
): Promise<HubAnswer> {
  const { endpoint, token } = options
  const watched = watch(options.stallTimeoutMs, new URL(url).origin, signal)
  const headers = new Headers(init.headers)
  headers.set('user-agent', 'stella-pool')
  // A compressed body has other sizes and ranges than the file.
  headers.set('accept-encoding', 'identity')
  // fetch itself drops the header where a redirect leads to another origin.
  if (token !== undefined && isUnder(endpoint, url)) headers.set('authorization', `Bearer ${token}`)
  const response = await watched.step(() => options.fetch(url, { ...init, headers, signal: watched.signal }))
  const { status } = response
  const origin = new URL(response.url === '' ? url : response.url).origin
  return {
    status,
    headers: response.headers,
    failure: () => {
      const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), Date.now())
      return statusFailure({ status, headers: response.headers, origin, token, retryAfterMs })
    },
    chunks: () => readChunks(response, watched),
    discard: async () => {
      // A body that already broke cannot be cancelled, and need not be.
      await response.body?.cancel().catch(() => undefined)
    },
  }
}

function isUnder(endpoint: string, url: string): boolean {
  return new URL(endpoint).origin === new URL(url).origin
}

interface Watched {
  readonly signal: AbortSignal
  /** Runs one step of the exchange under the time limit, and names what went wrong. */
  readonly step: <T>(run: () => Promise<T>) => Promise<T>
}

/** The time limit covers only the waits for the network: a slow disk between two chunks is no stall. */
function watch(stallTimeoutMs: number, origin: string, outer: AbortSignal | undefined): Watched {
  const stalled = new AbortController()
  const signal = outer === undefined ? stalled.signal : AbortSignal.any([outer, stalled.signal])
  return {
    signal,
    step: async (run) => {
      throwIfAborted(outer, `downloading from ${origin}`)
      const timer = setTimeout(() => {
        stalled.abort()
      }, stallTimeoutMs)
      try {
        return await run()
      } catch (error) {
        if (outer?.aborted === true) throw abortedError(outer, `downloading from ${origin}`)
        if (stalled.signal.aborted) throw stallFailure(origin, stallTimeoutMs)
        throw networkFailure(error, origin)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

function stallFailure(origin: string, stallTimeoutMs: number): HubFailure {
  return new HubFailure(`${origin} sent nothing for ${stallTimeoutMs / 1000} s`, {
    retryable: true,
    remedy: 'Check the network and run again; what was downloaded is kept',
    details: { stallTimeoutMs },
  })
}

async function* readChunks(response: Response, watched: Watched): AsyncGenerator<Uint8Array, void, undefined> {
  if (response.body === null) return
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  try {
    for (;;) {
      const { done, value } = await watched.step(() => reader.read())
      if (done) return
      yield value
    }
  } finally {
    // Closes the connection where the caller stops early; no effect after the end or a break.
    await reader.cancel().catch(() => undefined)
  }
}

async function readWhole(answer: HubAnswer, endpoint: string): Promise<Response> {
  if (answer.status < 200 || answer.status > 299) {
    await answer.discard()
    throw answer.failure()
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.chunks()) {
    bytes += chunk.byteLength
    if (bytes > MAX_API_ANSWER_BYTES) {
      throw new HubFailure(`${endpoint} answered with more than ${MAX_API_ANSWER_BYTES} bytes of metadata`, {
        retryable: false,
        remedy: 'Check that HF_ENDPOINT names a Hugging Face hub',
      })
    }
    chunks.push(chunk)
  }
  return new Response(Buffer.concat(chunks), { status: answer.status, headers: answer.headers })
}
