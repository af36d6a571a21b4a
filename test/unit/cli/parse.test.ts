import { describe, expect, it } from 'vitest'

import { COMMANDS } from '../../../src/cli/commands/index.js'
import type { OptionName } from '../../../src/cli/options.js'
import { COMMON_OPTIONS, OPTIONS, contraryOf, environmentName, isOptionName, rowOf } from '../../../src/cli/options.js'
import { parseOptions } from '../../../src/cli/parse.js'
import { UsageError } from '../../../src/cli/usage-error.js'

const ALL = Object.keys(OPTIONS).filter(isOptionName)

function parse(argv: readonly string[], env: NodeJS.ProcessEnv = {}, accepted: readonly OptionName[] = ALL) {
  return parseOptions(argv, accepted, env)
}

function refusal(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  accepted: readonly OptionName[] = ALL,
): UsageError {
  try {
    parseOptions(argv, accepted, env)
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error(`accepted ${argv.join(' ')}`)
}

describe('parseOptions', () => {
  it('reads every kind of option', () => {
    const { values, positionals } = parse([
      'one',
      '-m',
      'stella-nano',
      '--format=npy',
      '--workers',
      '3',
      '--dims',
      '1024, 256',
      '--no-normalize',
      'two',
      '--',
      '--three',
    ])
    expect(values).toMatchObject({ model: 'stella-nano', format: 'npy', workers: 3, dims: [1024, 256] })
    expect(values['no-normalize']).toBe(true)
    expect(positionals).toEqual(['one', 'two', '--three'])
  })

  it('leaves options undefined and flags false where nothing was given', () => {
    const { values } = parse([])
    expect(values.model).toBeUndefined()
    expect(values.format).toBeUndefined()
    expect(values.download).toBe(false)
    expect(Object.keys(values).sort()).toEqual([...ALL].sort())
  })

  it('lets a lone dash be a value, and a dashed value be written with an equals sign', () => {
    expect(parse(['--file', '-']).values.file).toBe('-')
    expect(parse(['--prompt=-- ']).values.prompt).toBe('-- ')
  })

  it('takes the last of a repeated option', () => {
    expect(parse(['--format', 'json', '--format', 'npy']).values.format).toBe('npy')
    expect(parse(['--download', '--no-download']).values.download).toBe(false)
  })

  it.each([
    [['--fille', 'x'], /Unknown option `--fille`/, /`--file`/],
    [['--no-normalise'], /Unknown option `--no-normalise`/, /`--no-normalize`/],
    [['-x'], /Unknown option `-x`/, undefined],
    [['--out'], /`--out` needs a value/, undefined],
    [['--out', '--json'], /got the option `--json`/, /--out=--json/],
    [['--out='], /needs a value; got an empty text/, undefined],
    [['--json=yes'], /`--json` takes no value; got `yes`/, undefined],
    [['--workers', '0'], /`--workers` to be an integer of at least 1; got `0`/, undefined],
    [['--workers', '2.5'], /got `2.5`/, undefined],
    [['--workers', '9999999999'], /got `9999999999`/, undefined],
    [['--dims', '1024;256'], /integers separated by commas/, undefined],
    [['--dims', '1024,'], /got ``/, undefined],
    [['--format', 'jsnol'], /jsonl, json or npy; got `jsnol`/, /`jsonl`/],
    [['--precision', 'half'], /auto, fp32, int8 or int4/, undefined],
    [['--encoding', 'int4'], /float32, int8, uint8, binary or ubinary; got `int4`/, /`int8`/],
    [['--encoding', 'toString'], /got `toString`/, undefined],
  ])('refuses %j', (argv, message, hint) => {
    const error = refusal(argv)
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toMatch(message)
    if (hint === undefined) expect(error.hint ?? '').not.toContain('Did you mean')
    else expect(error.hint).toMatch(hint)
  })

  it('refuses an option of another command, and a property of every object', () => {
    expect(refusal(['--dims', '1'], {}, ['model', ...COMMON_OPTIONS]).message).toContain('Unknown option `--dims`')
    expect(refusal(['--constructor']).message).toContain('Unknown option `--constructor`')
    expect(refusal(['--__proto__', 'x']).message).toContain('Unknown option')
  })
})

describe('environment variables', () => {
  it('stand in for every option but --show, --help and --version', () => {
    const without = ALL.filter((name) => environmentName(name) === undefined)
    expect(without).toEqual(['show', 'help', 'version'])
    expect(environmentName('max-length')).toBe('STELLA_MAX_LENGTH')
    expect(environmentName('no-normalize')).toBe('STELLA_NO_NORMALIZE')
  })

  it.each(ALL.filter((name) => environmentName(name) !== undefined))('%s is read from its variable', (name) => {
    const { kind, choices } = rowOf(name)
    const text = kind === 'flag' ? 'on' : kind === 'choice' ? (choices?.at(-1) ?? '') : kind === 'text' ? 'a text' : '7'
    const expected = kind === 'flag' ? true : kind === 'count' ? 7 : kind === 'counts' ? [7] : text
    expect(parse([], { [environmentName(name) ?? '']: text }).values[name]).toEqual(expected)
  })

  it('lose against the command line', () => {
    const env = { STELLA_FORMAT: 'npy', STELLA_NO_NORMALIZE: '1', STELLA_QUIET: 'true' }
    const { values } = parse(['--format', 'json', '--normalize', '--no-quiet'], env)
    expect(values.format).toBe('json')
    expect(values['no-normalize']).toBe(false)
    expect(values.quiet).toBe(false)
  })

  it('lose against a rival on the command line', () => {
    expect(parse(['--checkpoint', 'x'], { STELLA_MODEL: 'stella-nano' }).values.model).toBeUndefined()
    expect(parse(['--prompt', 'x'], { STELLA_TASK: 'document' }).values.task).toBeUndefined()
    expect(parse(['--json'], { STELLA_FORMAT: 'npy' }).values.format).toBeUndefined()
    expect(parse(['a text'], { STELLA_FILE: 'texts.txt' }).values.file).toBeUndefined()
  })

  it('count as unset when empty', () => {
    expect(parse([], { STELLA_FORMAT: '', STELLA_JSON: '' }).values).toMatchObject({ format: undefined, json: false })
  })

  it('are named when they are wrong', () => {
    expect(refusal([], { STELLA_FORMAT: 'xml' }).message).toBe(
      'Expected `STELLA_FORMAT` to be jsonl, json or npy; got `xml`',
    )
    expect(refusal([], { STELLA_QUIET: 'maybe' }).message).toContain('`STELLA_QUIET` to be one of 1, true, yes, on, 0')
  })

  it('are those of the row, where two commands have options of one name', () => {
    const accepted = ['report-file', 'scores-format'] as const
    expect(parse(['--report', 'x.html', '--format', 'csv'], {}, accepted).values).toMatchObject({
      'report-file': 'x.html',
      'scores-format': 'csv',
      report: false,
      format: undefined,
    })
    const env = { STELLA_REPORT: '1', STELLA_REPORT_FILE: 'y.html', STELLA_FORMAT: 'npy' }
    expect(parse([], env, accepted).values).toMatchObject({ 'report-file': 'y.html', 'scores-format': undefined })
    expect(refusal(['--report-file', 'x'], {}, accepted).hint).toBe('Did you mean `--report`?')
  })

  it('have no effect on commands without the option', () => {
    expect(parse([], { STELLA_FORMAT: 'xml' }, ['model']).values.format).toBeUndefined()
  })
})

describe('the table', () => {
  it('has no flag whose contrary is an option of its own', () => {
    const clashes = ALL.filter((name) => rowOf(name).kind === 'flag' && isOptionName(contraryOf(name)))
    expect(clashes).toEqual([])
  })

  it('is used by some command, row by row, and no letter stands for two options', () => {
    const used = new Set<string>([...COMMON_OPTIONS, ...COMMANDS.flatMap((command) => command.options)])
    expect(ALL.filter((name) => !used.has(name))).toEqual([])
    const letters = ALL.map((name) => rowOf(name).short).filter((letter) => letter !== undefined)
    expect(new Set(letters).size).toBe(letters.length)
  })
})
