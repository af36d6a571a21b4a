import { describe, expect, it } from 'vitest'

import { describeFailure, inFlags } from '../../../src/cli/failure.js'
import { UsageError } from '../../../src/cli/usage-error.js'
import { StellaError } from '../../../src/errors.js'

const PLAIN = { json: false, debug: false, command: 'embed' }

describe('describeFailure', () => {
  it('is a line and a hint for a mistake of the user, without a stack', () => {
    expect(describeFailure(new UsageError('Bad', 'Did you mean `x`?'), PLAIN)).toEqual({
      text: 'stella: Bad\n  Did you mean `x`?\n',
      exitCode: 2,
    })
    expect(describeFailure(new StellaError('OPTION_INVALID', 'Bad'), PLAIN).text).toBe(
      'stella: Bad\n  Run `stella embed --help`\n',
    )
    expect(describeFailure(new StellaError('INPUT_INVALID', 'Bad text'), PLAIN)).toEqual({
      text: 'stella: Bad text\n',
      exitCode: 1,
    })
  })

  it.each([
    ['OPTION_INVALID', 2],
    ['MODEL_UNKNOWN', 2],
    ['TASK_UNKNOWN', 2],
    ['DIMENSIONS_UNSUPPORTED', 2],
    ['DOWNLOAD_FAILED', 1],
    ['MEMORY_EXHAUSTED', 1],
    ['INTERNAL', 1],
  ] as const)('exits for %s with %i', (code, exitCode) => {
    expect(describeFailure(new StellaError(code, 'x'), PLAIN).exitCode).toBe(exitCode)
  })

  it('is problem details for a program', () => {
    const error = new StellaError('DOWNLOAD_FAILED', 'Cannot', { details: { files: ['a', 'b'] } })
    const { text } = describeFailure(error, { ...PLAIN, json: true })
    expect(JSON.parse(text)).toEqual({
      type: 'urn:stella-pool:error:download-failed',
      title: 'Download failed',
      status: 502,
      detail: 'Cannot',
      code: 'DOWNLOAD_FAILED',
      details: { files: ['a', 'b'] },
    })
  })

  it('shows stacks and causes where they were asked for', () => {
    const error = new StellaError('INTERNAL', 'outer', { cause: new TypeError('inner') })
    const plain = describeFailure(error, { ...PLAIN, debug: true }).text
    expect(plain).toMatch(/at .*failure\.test/)
    expect(plain).toContain('caused by TypeError: inner')
    const json = JSON.parse(describeFailure(error, { ...PLAIN, json: true, debug: true }).text) as { stack: string }
    expect(json.stack).toContain('caused by TypeError: inner')
  })

  it('ends where causes go in a circle', () => {
    const error = new Error('round')
    error.cause = error
    expect(describeFailure(error, { ...PLAIN, debug: true }).text).toContain('round')
  })

  it('calls what nobody expected by that name, and says how to see more', () => {
    const { text, exitCode } = describeFailure(new TypeError('x is not a function'), PLAIN)
    expect(text).toBe('stella: Unexpected error: x is not a function\n  Set STELLA_DEBUG=1 to see where it happened\n')
    expect(exitCode).toBe(1)
    expect(describeFailure('thrown text', PLAIN).text).toContain('thrown text')
  })
})

describe('inFlags', () => {
  it.each([
    ['Expected `maxLength` to be 4', 'Expected `--max-length` to be 4'],
    ["choose `overflow: 'truncate-right'`", 'choose `--overflow truncate-right`'],
    ['allow downloads with `download: true`', 'allow downloads with `--download`'],
    ['Run `stella pull x --dims 8`', 'Run `stella pull x --dims 8`'],
    ['`toString` and `text`', '`toString` and `text`'],
  ])('%s', (message, expected) => {
    expect(inFlags(message)).toBe(expected)
  })
})

it('names the device as the command line does', () => {
  expect(inFlags("It does not open. Or use `device: 'cpu'`")).toBe('It does not open. Or use `--device cpu`')
})
