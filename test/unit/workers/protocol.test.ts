import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'

import { describe, expect, it } from 'vitest'

import { StellaError, isStellaError } from '../../../src/errors.js'
import { decodeError, encodeError } from '../../../workers/protocol.js'

/** What arrives on the other side of a message port. */
function crossed(value: unknown): unknown {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(value)
  const received = receiveMessageOnPort(port2) as { readonly message: unknown } | undefined
  port1.close()
  return received?.message
}

describe('an error that crosses threads', () => {
  const error = new StellaError('MEMORY_EXHAUSTED', 'too much', {
    details: { needed: 5, parts: [1, { two: null }], why: 'because' },
    cause: new Error('beneath'),
  })

  it('keeps code, message and details', () => {
    const decoded = decodeError(crossed(encodeError(error, 'INTERNAL')) as ReturnType<typeof encodeError>)
    expect(isStellaError(decoded)).toBe(true)
    expect(decoded).toMatchObject({ code: error.code, message: error.message, details: error.details })
    expect(decoded.toProblemDetails()).toEqual(error.toProblemDetails())
  })

  it('has the worker’s stack in its cause', () => {
    const decoded = decodeError(encodeError(error, 'INTERNAL'))
    expect(decoded.cause).toBeInstanceOf(Error)
    expect(decoded.cause).toMatchObject({ message: 'in a worker thread: too much', stack: error.stack })
  })

  it('as itself would lose its code, which is why it is encoded', () => {
    expect(isStellaError(crossed(error))).toBe(false)
  })

  it.each([
    [new TypeError('wrong'), 'wrong'],
    ['just text', 'just text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [Object.create(null), 'something without a message was thrown'],
  ])('%s becomes the fallback code, and encoding never throws', (thrown, message) => {
    const encoded = encodeError(thrown, 'MODEL_LOAD_FAILED')
    expect(encoded).toMatchObject({ code: 'MODEL_LOAD_FAILED', message, details: {} })
    expect(crossed(encoded)).toEqual(encoded)
    expect(decodeError(encoded)).toMatchObject({ code: 'MODEL_LOAD_FAILED', message })
  })
})
