/**
 * Answers of the fake hub, as values: made from a request, spoiled by a fault, then sent.
 * Knows no repository and no address.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** What one answer does wrong. */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string> }
  /** Closes the connection after this many bytes of the body. */
  | { readonly cutAfter: number }
  /** Sends nothing more after this many bytes of the body, and keeps the connection open. */
  | { readonly stallAfter: number }
  /** Sends this instead of the file, with a fitting length. */
  | { readonly content: Buffer | string; readonly headers?: Record<string, string> }
  /** Sends this without a length, so that only the bytes themselves tell. */
  | { readonly chunked: Buffer }
  | { readonly ignoreRange: true }
  /** Sends a range that begins one byte early. */
  | { readonly wrongRange: true }

/** An answer to send. */
export interface Reply {
  readonly status: number
  readonly headers?: Record<string, string | number>
  readonly body?: Buffer
  /** @default 'end' */
  readonly ending?: 'end' | 'cut' | 'stall' | 'chunked'
}

/** A file's bytes, or the range of them that was asked for. */
export function contentReply(
  request: IncomingMessage,
  content: Buffer,
  headers: Record<string, string>,
  fault: Fault | undefined,
): Reply {
  if (fault !== undefined) {
    if ('status' in fault) return { status: fault.status, headers: fault.headers ?? {} }
    if ('content' in fault) {
      const body = Buffer.from(fault.content)
      return { status: 200, headers: { 'Content-Length': body.length, ...fault.headers }, body }
    }
    if ('chunked' in fault) return { status: 200, headers, body: fault.chunked, ending: 'chunked' }
  }
  const whole = rangeReply(request, content, headers, fault)
  if (fault !== undefined && whole.body !== undefined) {
    if ('cutAfter' in fault) return { ...whole, body: whole.body.subarray(0, fault.cutAfter), ending: 'cut' }
    if ('stallAfter' in fault) return { ...whole, body: whole.body.subarray(0, fault.stallAfter), ending: 'stall' }
  }
  return whole
}

function rangeReply(
  request: IncomingMessage,
  content: Buffer,
  headers: Record<string, string>,
  fault: Fault | undefined,
): Reply {
  const { length } = content
  const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  if (asked === null || (fault !== undefined && 'ignoreRange' in fault)) {
    return { status: 200, headers: { ...headers, 'Content-Length': length }, body: content }
  }
  const start = Number(asked[1]) - (fault !== undefined && 'wrongRange' in fault ? 1 : 0)
  if (start >= length) return { status: 416, headers: { 'Content-Range': `bytes */${length}` } }
  return {
    status: 206,
    headers: {
      ...headers,
      'Content-Range': `bytes ${start}-${length - 1}/${length}`,
      'Content-Length': length - start,
    },
    body: content.subarray(start),
  }
}

export function jsonReply(value: unknown): Reply {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body: Buffer.from(JSON.stringify(value)) }
}

export function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const { status, headers = {}, body = Buffer.alloc(0), ending = 'end' } = reply
  response.writeHead(status, ending === 'chunked' ? headers : { 'Content-Length': body.length, ...headers })
  if (request.method === 'HEAD') response.end()
  else if (ending === 'cut') {
    // At once the client might see a reset before the bytes; the callback runs when they have left.
    response.write(body, () => response.socket?.end())
  } else if (ending === 'stall') response.write(body)
  else if (ending === 'chunked') {
    response.write(body)
    response.end()
  } else response.end(body)
}
