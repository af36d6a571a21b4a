/** The options of a call: defaults, what is accepted, and that a mistake is named. */
import { describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../../registry/index.js'
import type { PoolBatchOptions, ResolvedCallOptions } from '../../../src/pool/call-options.js'
import { MAX_DEADLINE_MS, resolveCallOptions } from '../../../src/pool/call-options.js'
import { failureOf } from '../../support/failure.js'

const LIMIT = { tokens: 100, reason: 'for which this pool has memory' }

function resolve(options: PoolBatchOptions, lane: 'interactive' | 'bulk' = 'bulk'): ResolvedCallOptions {
  return resolveCallOptions(STELLA_NANO, options, LIMIT, lane)
}

const refusal = (options: object) => failureOf(() => resolve(options))

describe('options of a call', () => {
  it('have defaults: the lane of the method, no deadline, and those of embedding', () => {
    expect(resolve({})).toMatchObject({ lane: 'bulk', deadlineMs: undefined, embed: { normalize: true } })
    expect(resolve({}, 'interactive').lane).toBe('interactive')
    expect(resolve({ lane: undefined, deadlineMs: undefined })).toMatchObject({ lane: 'bulk' })
  })

  it('take any lane for any method', () => {
    expect(resolve({ lane: 'interactive' }).lane).toBe('interactive')
    expect(resolve({ lane: 'bulk' }, 'interactive').lane).toBe('bulk')
  })

  it.each([0.5, 1, 60_000, MAX_DEADLINE_MS])('take a deadline of %d ms', (deadlineMs) => {
    expect(resolve({ deadlineMs }).deadlineMs).toBe(deadlineMs)
  })

  it.each([0, -1, NaN, Infinity, MAX_DEADLINE_MS + 1, '5', null])('refuse a deadline of %s', async (deadlineMs) => {
    expect(await refusal({ deadlineMs })).toMatchObject({ code: 'OPTION_INVALID', details: { option: 'deadlineMs' } })
  })

  it.each(['urgent', '', null, 1])('refuse the lane %s, and name those there are', async (lane) => {
    const error = await refusal({ lane })
    expect(error).toMatchObject({ code: 'OPTION_INVALID', details: { option: 'lane' } })
    expect(error.message).toContain('interactive or bulk')
  })

  it('that do not exist are refused, and the error lists those of embedding and of the pool', async () => {
    const { details } = await refusal({ priority: 1 })
    expect(details).toMatchObject({ option: 'priority' })
    expect(details['accepted']).toEqual(expect.arrayContaining(['lane', 'deadlineMs', 'task', 'signal', 'onProgress']))
  })

  it('hold the text’s length to what the pool has memory for', async () => {
    expect(resolve({ maxLength: 100 }).embed.maxLength).toBe(100)
    expect((await refusal({ maxLength: 101 })).message).toContain('for which this pool has memory')
  })

  it('hand on what is wrong with embedding', async () => {
    expect((await refusal({ dimensions: 3 })).code).toBe('DIMENSIONS_UNSUPPORTED')
    expect((await refusal({ task: 'search' })).code).toBe('TASK_UNKNOWN')
  })
})
