import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'

import { Output, OutputClosed, tableText } from '../../../src/cli/output.js'

function failing(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => {
      done(Object.assign(new Error(`write ${code}`), { code }))
    },
  })
}

describe('Output', () => {
  it('resolves a write only when the stream has taken it', async () => {
    let take: (() => void) | undefined
    const output = new Output(new Writable({ write: (_chunk, _encoding, done) => (take = done) }))
    let written = false
    const writing = output.write('x').then(() => (written = true))
    await Promise.resolve()
    expect(written).toBe(false)
    take?.()
    await writing
    expect(written).toBe(true)
  })

  it('knows that its reader has gone, and refuses further writes as no failure', async () => {
    const output = new Output(failing('EPIPE'))
    await expect(output.write('x')).rejects.toBeInstanceOf(OutputClosed)
    expect(output.closed.aborted).toBe(true)
    await expect(output.write('y')).rejects.toBeInstanceOf(OutputClosed)
  })

  it('reports a disk that is full as a failure', async () => {
    const output = new Output(failing('ENOSPC'))
    await expect(output.write('x')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: /standard output: write ENOSPC/,
    })
    expect(output.closed.aborted).toBe(false)
  })
})

describe('tableText', () => {
  it('aligns columns and ends lines without blanks', () => {
    expect(
      tableText(
        ['A', 'LONG'],
        [
          ['xyz', ''],
          ['x', 'y'],
        ],
      ),
    ).toBe('A    LONG\nxyz\nx    y\n')
  })
})
