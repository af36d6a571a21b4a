/** Anything thrown, as an error and as problem details of this package. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { StellaError, isStellaErrorCode } from '../../../src/errors.js'
import { toProblem, toStellaError } from '../../../src/provider/problem.js'

describe('toStellaError', () => {
  it('gives an error of ours as it is', () => {
    const error = new StellaError('TIMEOUT', 'too long')
    expect(toStellaError(error)).toBe(error)
  })

  it('makes any other INTERNAL, and keeps it as the cause', () => {
    const error = new TypeError('x is not a function')
    const made = toStellaError(error)
    expect(made).toMatchObject({ code: 'INTERNAL', message: 'x is not a function' })
    expect(made.cause).toBe(error)
  })
})

describe('toProblem', () => {
  it('gives the details of an error of ours, with the instance', () => {
    const error = new StellaError('OVERLOADED', 'full', { details: { retryAfterMs: 20 } })
    expect(toProblem(error, '/embed')).toEqual({
      type: 'urn:stella-pool:error:overloaded',
      title: 'Overloaded',
      status: 503,
      detail: 'full',
      instance: '/embed',
      code: 'OVERLOADED',
      details: { retryAfterMs: 20 },
    })
  })

  it('has no instance where none was given', () => {
    expect(toProblem(new Error('no'))).not.toHaveProperty('instance')
  })

  it('cuts the message of what is not ours', () => {
    expect(toProblem(new Error('x'.repeat(10_000))).detail.length).toBeLessThan(200)
  })

  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  it.each([
    ['nothing', undefined],
    ['a text', 'just a text'],
    ['an error without a message', new Error()],
    ['an error whose message is no text', Object.assign(new Error(), { message: 5 })],
    ['an object without a prototype', Object.create(null) as object],
    ['a revoked proxy', revoked.proxy],
    ['an error that throws when it is read', Object.defineProperty(new Error(), 'name', { get: () => fail() })],
    ['something that only looks like ours', { name: 'StellaError', code: 'TIMEOUT', toProblemDetails: () => ({}) }],
    ['ours, with a code that does not exist', Object.assign(new StellaError('TIMEOUT', 'x'), { code: 'NO_SUCH' })],
  ])('takes %s', (_, thrown) => {
    const problem = toProblem(thrown)
    expect(problem).toMatchObject({ status: 500, code: 'INTERNAL', title: 'Internal error' })
    expect(problem.detail).not.toBe('')
  })

  it('takes anything, and gives JSON', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withObjectString: true, withDate: true }), (thrown) => {
        const problem = toProblem(thrown)
        expect(isStellaErrorCode(problem.code)).toBe(true)
        expect(JSON.parse(JSON.stringify(problem))).toEqual(problem)
      }),
    )
  })
})

function fail(): never {
  throw new Error('do not read me')
}
