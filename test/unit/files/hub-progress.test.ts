import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { PROGRESS_INTERVAL_MS, createProgressMeter, type PullProgress } from '../../../src/files/hub-progress.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('createProgressMeter', () => {
  it('reports one state not more often than the interval, and each change of state', () => {
    const seen: PullProgress[] = []
    const meter = createProgressMeter(
      new Map([
        ['a', 100],
        ['b', 50],
      ]),
      (report) => seen.push(report),
    )
    for (let bytes = 1; bytes <= 10; bytes++) meter.report('a', bytes, 'downloading')
    vi.advanceTimersByTime(PROGRESS_INTERVAL_MS)
    meter.report('a', 11, 'downloading')
    meter.report('a', 100, 'verifying')
    meter.report('a', 100, 'done')
    meter.report('b', 50, 'cached')
    expect(seen.map(({ file, state, fileBytes, bytes }) => [file, state, fileBytes, bytes])).toEqual([
      ['a', 'downloading', 1, 1],
      ['a', 'downloading', 11, 11],
      ['a', 'verifying', 100, 100],
      ['a', 'done', 100, 100],
      ['b', 'cached', 50, 150],
    ])
    expect(seen.every((report) => report.total === 150)).toBe(true)
  })

  it('does not need a listener', () => {
    expect(() => {
      createProgressMeter(new Map(), undefined).report('a', 1, 'done')
    }).not.toThrow()
  })
})
