import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { MemoryRequest } from '../../../src/pool/memory-budget.js'
import { readMemoryLimits, resolveMemoryBudget } from '../../../src/pool/memory-budget.js'
import { failureOf } from '../../support/failure.js'

const GIB = 1024 ** 3
const MACHINE = { usable: 16 * GIB, total: 32 * GIB }

describe('a budget', () => {
  it.each([
    ['6GB', 6e9],
    ['6gb', 6e9],
    [' 6 GB ', 6e9],
    ['1.5GB', 1.5e9],
    ['512MiB', 512 * 1024 ** 2],
    ['2GiB', 2 * GIB],
    ['700kB', 700_000],
    ['4KiB', 4096],
    ['100MB', 100e6],
    ['123456789', 123_456_789],
    ['123456789B', 123_456_789],
    ['50%', 8 * GIB],
    ['12.5%', 2 * GIB],
    ['100%', 16 * GIB],
    ['0.5', 8 * GIB],
    ['1', 16 * GIB],
    [0.25, 4 * GIB],
    [1, 16 * GIB],
    [2, 2],
    [3e9, 3e9],
    // A budget is the caller's word, also where it is more than there is.
    ['64GB', 64e9],
  ] as const)('of %j is %i bytes', (request, bytes) => {
    expect(resolveMemoryBudget(request, MACHINE)).toBe(bytes)
  })

  it.each([
    '',
    ' ',
    'GB',
    '-1GB',
    '6 GB GB',
    '6TB',
    '6G',
    '6constructor',
    '1e9',
    '0',
    '0GB',
    '0%',
    '101%',
    '0x10',
    '6,5GB',
    'Infinity',
    'NaN',
    '99999999999999999999',
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 60,
    true,
    null,
    [],
    ['0.5'],
    {},
    10n,
  ])('of %s is refused, and the forms are named', async (request) => {
    const error = await failureOf(() => resolveMemoryBudget(request as MemoryRequest, MACHINE))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain('`memory`')
    expect(error.message).toContain("'6GB', '512MiB' or '50%'")
  })

  it('of a hundred thousand spaces is refused as fast as any other', async () => {
    const started = performance.now()
    await failureOf(() => resolveMemoryBudget(`1${' '.repeat(100_000)}x`, MACHINE))
    expect(performance.now() - started).toBeLessThan(1000)
  })

  it('is by default 0.8 of what may be used, less 2 GiB', () => {
    expect(resolveMemoryBudget(undefined, MACHINE)).toBe(Math.floor(16 * GIB * 0.8 - 2 * GIB))
  })

  // The origin subtracted its reserve from an unsigned number: below 2.5 GB nothing, or everything, was allowed (bug 5).
  it('is by default positive on any machine, and never all of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2 ** 20, max: 2 ** 45 }), (usable) => {
        const budget = resolveMemoryBudget(undefined, { usable, total: usable })
        return Number.isSafeInteger(budget) && budget > 0.6 * usable && budget < 0.81 * usable
      }),
    )
  })
})

describe('readMemoryLimits', () => {
  it('finds memory, and never more usable than there is', async () => {
    const { usable, total } = await readMemoryLimits()
    expect(total).toBeGreaterThan(100e6)
    expect(usable).toBeGreaterThan(0)
    expect(usable).toBeLessThanOrEqual(total)
  })
})
