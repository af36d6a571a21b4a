import { describe, expect, it } from 'vitest'

import { Reporter } from '../../../src/cli/progress.js'
import { Recorder } from './cli-io.js'

/** ECMA-48 erase in line, which ends what a bar leaves behind. */
const CLEAR = '\r\u001b[2K'

function reporter(options: { isTTY?: boolean; quiet?: boolean; columns?: number } = {}) {
  const stream = new Recorder({
    isTTY: options.isTTY === true,
    ...(options.columns === undefined ? {} : { columns: options.columns }),
  })
  const clock = { ms: 0 }
  const report = new Reporter({ stream, quiet: options.quiet === true, now: () => clock.ms })
  return { stream, clock, report }
}

describe('Reporter without a terminal', () => {
  it('says once per phase what goes on, and nothing of how far it is', () => {
    const { stream, report } = reporter()
    const phase = report.phase('converting x', 'bytes')
    phase.update(1, 10)
    phase.update(10, 10)
    report.phase('converting x', 'bytes').update(5, 10)
    report.phase('embedding', 'texts', false).update(1)
    report.clear()
    expect(stream.text).toBe('stella: converting x …\n')
  })
})

describe('Reporter on a terminal', () => {
  it('draws a bar with rate and time left, not more often than an eye can follow, and clears it', () => {
    const { stream, clock, report } = reporter({ isTTY: true, columns: 200 })
    const phase = report.phase('downloading x', 'bytes')
    clock.ms = 1000
    phase.update(500e6, 1000e6)
    expect(stream.text).toBe(
      `${CLEAR}downloading x  [############------------]  500 MB of 1.00 GB  500 MB/s  0:01 left`,
    )
    clock.ms = 1050
    phase.update(600e6, 1000e6)
    expect(stream.text.split(CLEAR)).toHaveLength(2)
    clock.ms = 1100
    phase.update(700e6, 1000e6)
    expect(stream.text.split(CLEAR)).toHaveLength(3)
    report.clear()
    expect(stream.text.endsWith(CLEAR)).toBe(true)
    report.clear()
    expect(stream.text.split(CLEAR)).toHaveLength(4)
  })

  it('gives no rate before there is one', () => {
    const { stream, clock, report } = reporter({ isTTY: true, columns: 200 })
    const phase = report.phase('downloading x', 'bytes')
    clock.ms = 10
    phase.update(1e6, 1000e6)
    expect(stream.text).toBe(`${CLEAR}downloading x  [------------------------]  1 MB of 1.00 GB`)
  })

  it('counts texts where the end is not known', () => {
    const { stream, clock, report } = reporter({ isTTY: true, columns: 200 })
    const phase = report.phase('embedding', 'texts')
    clock.ms = 2000
    phase.update(12_000)
    expect(stream.text).toBe(`${CLEAR}embedding  12,000 texts  6000/s`)
  })

  it('never draws a line that would wrap', () => {
    const { stream, clock, report } = reporter({ isTTY: true, columns: 30 })
    const phase = report.phase('a label longer than the terminal is wide', 'bytes')
    clock.ms = 500
    phase.update(1, 2)
    expect(stream.text.slice(CLEAR.length).length).toBeLessThan(30)
  })

  it('takes the bar away before a note', () => {
    const { stream, clock, report } = reporter({ isTTY: true })
    const phase = report.phase('x', 'texts')
    clock.ms = 500
    phase.update(1, 2)
    report.note('something')
    expect(stream.text.endsWith(`${CLEAR}stella: something\n`)).toBe(true)
  })
})

describe('Reporter under --quiet', () => {
  it.each([true, false])('draws and notes nothing (terminal: %s), and still prints', (isTTY) => {
    const { stream, clock, report } = reporter({ isTTY, quiet: true })
    const phase = report.phase('x', 'bytes')
    clock.ms = 500
    phase.update(1, 2)
    report.note('a note')
    report.print('an error\n')
    expect(stream.text).toBe('an error\n')
  })
})

it('outlives a reader of standard error that goes away', () => {
  const { stream, report } = reporter()
  stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  report.note('still here')
  expect(stream.text).toBe('stella: still here\n')
})
