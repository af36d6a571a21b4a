/** How the end of a process that left during a run is read. */
import { describe, expect, it } from 'vitest'

import { leavingFinding } from '../../../../src/cli/doctor/checks/leaving.js'
import { leavingNote, readLeavingNote } from '../../../../src/cli/doctor/leaving-protocol.js'
import type { ChildEnd } from '../../../../src/cli/doctor/run-child.js'

const LEFT: ChildEnd = {
  finished: false,
  timedOut: false,
  code: 7,
  signal: null,
  stdout: leavingNote({ waiting: 22, firstTextMs: 400.7 }),
  stderr: '',
}

it('the note survives whatever else is printed', () => {
  expect(readLeavingNote(`noise\n${LEFT.stdout}noise`)).toEqual({ waiting: 22, firstTextMs: 401 })
  expect(readLeavingNote('leaving waiting=x')).toBeUndefined()
})

describe('a process that left during a run', () => {
  it.each<[string, Partial<ChildEnd>, string, RegExp]>([
    ['with its code is ok', {}, 'ok', /keeps its exit code \(7; 22 texts waiting\)/],
    ['by an abort is a problem', { code: null, signal: 'SIGABRT' }, 'problem', /ended by SIGABRT/],
    ['by a crash is a problem', { code: null, signal: 'SIGSEGV' }, 'problem', /ended by SIGSEGV/],
    ['with 134, as a shell says it, is a problem', { code: 134 }, 'problem', /exit code 134/],
    ['with another code is a problem', { code: 0 }, 'problem', /exit code 0/],
    ['and did not end is a problem', { timedOut: true, code: null, signal: 'SIGKILL' }, 'problem', /never ends/],
    ['after all was done proves nothing', { stdout: leavingNote({ waiting: 0, firstTextMs: 1 }) }, 'note', /not seen/],
    [
      'before it embedded is a problem',
      { stdout: '', code: 1, stderr: 'Error: no engine' },
      'problem',
      /exit code 1: Error: no engine/,
    ],
    ['with the code, without having embedded, is a problem', { stdout: '' }, 'problem', /exit code 7/],
    ['too late to embed is a problem', { stdout: '', timedOut: true, code: null }, 'problem', /did not embed in time/],
  ])('%s', (_, changes, status, summary) => {
    const finding = leavingFinding({ ...LEFT, ...changes })
    expect(finding.status).toBe(status)
    expect(finding.summary).toMatch(summary)
    expect(finding.advice === null).toBe(status === 'ok')
  })
})
