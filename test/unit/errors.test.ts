import { createContext, runInContext } from 'node:vm'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { StellaErrorCode } from '../../src/errors.js'
import { StellaError, isStellaError, isStellaErrorCode, messageOf } from '../../src/errors.js'

const CODES = [
  'MODEL_UNKNOWN',
  'MODEL_DUPLICATE',
  'MODEL_NOT_LOADED',
  'MODEL_NOT_DOWNLOADED',
  'MODEL_LOAD_FAILED',
  'CHECKPOINT_INVALID',
  'ARTEFACT_INVALID',
  'FIDELITY_TOO_LOW',
  'DOWNLOAD_FAILED',
  'INPUT_INVALID',
  'INPUT_TOO_LONG',
  'TASK_UNKNOWN',
  'DIMENSIONS_UNSUPPORTED',
  'OPTION_INVALID',
  'MEMORY_EXHAUSTED',
  'OVERLOADED',
  'TIMEOUT',
  'ABORTED',
  'BREAKER_OPEN',
  'WORKER_LOST',
  'POOL_CLOSED',
  'INTERNAL',
] as const satisfies readonly StellaErrorCode[]

describe('StellaError', () => {
  it('is an Error with a stable code, details and cause', () => {
    const cause = new Error('beneath')
    const error = new StellaError('INTERNAL', 'above', { details: { file: 'a' }, cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'StellaError', code: 'INTERNAL', message: 'above', details: { file: 'a' } })
    expect(error.cause).toBe(cause)
    expect(error.stack).toContain('errors.test.ts')
  })

  it('has empty details and no cause where none are given', () => {
    const error = new StellaError('INTERNAL', 'plain')
    expect(error.details).toEqual({})
    expect(Object.hasOwn(error, 'cause')).toBe(false)
  })
})

describe('toProblemDetails', () => {
  it('gives the members of RFC 9457, extended with code and details', () => {
    const error = new StellaError('TASK_UNKNOWN', 'Unknown task', { details: { task: 'x', accepted: ['a', 'b'] } })
    expect(error.toProblemDetails('/embed/7')).toEqual({
      type: 'urn:stella-pool:error:task-unknown',
      title: 'Unknown task',
      status: 400,
      detail: 'Unknown task',
      instance: '/embed/7',
      code: 'TASK_UNKNOWN',
      details: { task: 'x', accepted: ['a', 'b'] },
    })
  })

  it('leaves instance out where there is none', () => {
    expect(Object.keys(new StellaError('INTERNAL', '').toProblemDetails())).not.toContain('instance')
  })

  it.each(CODES)('of %s has a URI, a title and an HTTP error status, and survives JSON', (code) => {
    const problem = new StellaError(code, 'why', { details: { n: 1, list: [null, true] } }).toProblemDetails()
    expect(URL.canParse(problem.type)).toBe(true)
    expect(problem.title).not.toBe('')
    expect(Number.isInteger(problem.status)).toBe(true)
    expect(problem.status).toBeGreaterThanOrEqual(400)
    expect(problem.status).toBeLessThan(600)
    expect(JSON.parse(JSON.stringify(problem))).toEqual(problem)
  })

  it('gives every code a type of its own', () => {
    const types = CODES.map((code) => new StellaError(code, '').toProblemDetails().type)
    expect(new Set(types).size).toBe(CODES.length)
  })
})

describe('isStellaErrorCode', () => {
  it('knows the codes and nothing that every object has', () => {
    expect(CODES.every(isStellaErrorCode)).toBe(true)
    for (const value of ['', 'internal', 'constructor', '__proto__', 'toString', undefined, null, 3, ['INTERNAL']]) {
      expect(isStellaErrorCode(value), String(value)).toBe(false)
    }
  })
})

describe('isStellaError', () => {
  /** A class of the same shape, as another installed copy of the package has it. */
  class StellaErrorOfAnotherCopy extends Error {
    override readonly name = 'StellaError'
    readonly code = 'OVERLOADED'
    readonly details = {}
    toProblemDetails(): object {
      return {}
    }
  }

  it('knows an error of another copy of the package', () => {
    expect(isStellaError(new StellaErrorOfAnotherCopy('busy'))).toBe(true)
  })

  it('knows an error of another realm, where instanceof Error is false', () => {
    const context = createContext({})
    const foreign: unknown = runInContext(
      `class StellaError extends Error {
         name = 'StellaError'; code = 'ABORTED'; details = {}
         toProblemDetails() { return {} }
       }
       new StellaError('stopped')`,
      context,
    )
    expect(foreign).not.toBeInstanceOf(Error)
    expect(isStellaError(foreign)).toBe(true)
  })

  it('refuses other errors, look-alikes, and what crossed a thread by structured clone', () => {
    const clone: unknown = structuredClone(new StellaError('INTERNAL', 'x'))
    const node = Object.assign(new Error('no file'), { code: 'ENOENT' })
    const named = Object.assign(new Error('x'), { name: 'StellaError', code: 'NOT_A_CODE' })
    const plain = { name: 'StellaError', code: 'INTERNAL', message: 'x', details: {}, toProblemDetails: () => ({}) }
    for (const value of [clone, node, named, plain, undefined, null, 'StellaError', Object.create(null)]) {
      expect(isStellaError(value)).toBe(false)
    }
  })
})

describe('messageOf', () => {
  it('gives the message of an error and the text of anything else', () => {
    expect(messageOf(new Error('broken'))).toBe('broken')
    expect(messageOf('text')).toBe('text')
    expect(messageOf(undefined)).toBe('undefined')
    expect(messageOf(Symbol('s'))).toBe('Symbol(s)')
  })

  it('throws for nothing, whatever was thrown', () => {
    const hostile = {
      toString() {
        throw new Error('no')
      },
    }
    expect(messageOf(Object.create(null))).toContain('without a message')
    expect(messageOf(hostile)).toContain('without a message')
    fc.assert(fc.property(fc.anything({ withNullPrototype: true }), (value) => typeof messageOf(value) === 'string'))
  })
})
