/** What a chaos run takes for wrong: a suite that sees nothing would pass whatever a pool does. */
import { describe, expect, it } from 'vitest'

import { StellaError } from '../../src/errors.js'
import type { StellaErrorCode } from '../../src/errors.js'
import type { Play, Session } from './play.js'
import { WrongResult, requireSame } from './texts.js'
import { Watch } from './watch.js'

const PROMPT_MS = 10

/** A session of a pool that nobody asks anything. */
function session(excuses: readonly StellaErrorCode[] = [], closing = false): Session {
  return { pool: undefined as never, what: '', excuses: new Set(excuses), closing }
}

/** Kinds of what is found in an operation. */
async function found(play: Omit<Play, 'what'>, of: Session = session(), takesMs = 0): Promise<readonly string[]> {
  let now = 0
  const watch = new Watch(
    () => now,
    PROMPT_MS,
    () => undefined,
  )
  const settled = watch.follow('operation', { what: '', ...play }, of)
  now += takesMs
  await settled
  return watch.findings.map(({ kind }) => kind)
}

function failure(code: StellaErrorCode, details = {}): Promise<never> {
  return Promise.reject(new StellaError(code, 'meant to fail', { details }))
}

describe('nothing is found in an operation that', () => {
  it('ends well', async () => {
    expect(await found({ done: Promise.resolve() })).toEqual([])
  })

  it('fails as its caller wanted', async () => {
    expect(await found({ done: failure('ABORTED'), may: ['ABORTED'], mustFail: true })).toEqual([])
  })

  it('fails of what was done to its pool', async () => {
    expect(await found({ done: failure('WORKER_LOST') }, session(['WORKER_LOST']))).toEqual([])
  })

  it('comes when its pool is being closed', async () => {
    expect(await found({ done: failure('POOL_CLOSED') }, session([], true))).toEqual([])
  })

  it('is refused memory that somebody has a reason to keep', async () => {
    const details = { needed: 2, budget: 3, holders: [{ model: 'other', bytes: 2, kept: 'busy' }] }
    expect(await found({ done: failure('MEMORY_EXHAUSTED', details) }, session(['MEMORY_EXHAUSTED']))).toEqual([])
  })
})

describe('an operation is found that', () => {
  it('fails with something else than a StellaError', async () => {
    expect(await found({ done: Promise.reject(new TypeError('a bug')) })).toEqual(['undocumented'])
  })

  it.each(['ABORTED', 'INTERNAL', 'POOL_CLOSED', 'WORKER_LOST'] as const)(
    'fails with %s for no reason',
    async (code) => {
      expect(await found({ done: failure(code) })).toEqual(['unexplained'])
    },
  )

  it('ends well when it cannot', async () => {
    expect(await found({ done: Promise.resolve(), mustFail: true })).toEqual(['ended well'])
  })

  it('gives a wrong result', async () => {
    expect(await found({ done: Promise.reject(new WrongResult('another vector')) })).toEqual(['wrong result'])
  })

  it('settles late', async () => {
    const done = failure('TIMEOUT')
    expect(await found({ done, may: ['TIMEOUT'], overAfterMs: 5 }, session(), 5 + PROMPT_MS + 1)).toEqual(['late'])
  })

  it('is refused memory that somebody would have given', async () => {
    const details = { needed: 2, budget: 3, holders: [{ model: 'other', bytes: 2 }] }
    expect(await found({ done: failure('MEMORY_EXHAUSTED', details) }, session(['MEMORY_EXHAUSTED']))).toEqual([
      'unfair',
    ])
  })

  it('never settles, by name', () => {
    let now = 0
    const watch = new Watch(
      () => now,
      PROMPT_MS,
      () => undefined,
    )
    void watch.follow('operation', { what: 'of a kind', done: new Promise(() => undefined) }, session())
    now = 1_000
    expect(watch.findUnsettled('it was long', ({ ageMs }) => ageMs > 500)).toBe(true)
    expect(watch.findings).toMatchObject([{ kind: 'never settled', operation: 'operation' }])
  })
})

describe('a result is the same', () => {
  const embedding = Float32Array.of(0.6, 0.8)
  const known = { input: 'x', options: {}, expected: { embedding, tokens: 3, truncated: false } }

  it('within a millionth', () => {
    const near = Float32Array.of(0.6 + 5e-7, 0.8)
    expect(() => {
      requireSame({ place: 0, embedding: near, tokens: 3, truncated: false }, known)
    }).not.toThrow()
  })

  it.each([
    ['number', { embedding: Float32Array.of(0.6 + 5e-6, 0.8) }],
    ['number that is none', { embedding: Float32Array.of(Number.NaN, 0.8) }],
    ['size', { embedding: Float32Array.of(0.6) }],
    ['count of tokens', { tokens: 4 }],
    ['cut', { truncated: true }],
  ])('and not with another %s', (_, change) => {
    expect(() => {
      requireSame({ place: 0, ...known.expected, ...change }, known)
    }).toThrow(WrongResult)
  })
})
