/** Texts that somebody made to do harm, or that a disk or an editor has harmed. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { parseConfig } from '../../../src/config/parse-config.js'
import { MAX_CONFIG_CHARACTERS, readDocument } from '../../../src/config/read-document.js'
import { isStellaError } from '../../../src/errors.js'
import { linesOf, refusalOf } from './problems.js'

/** Nine lists of nine aliases each: a billion values. */
const BOMB = [
  'a0: &a0 [x, x, x, x, x, x, x, x, x]',
  ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array<string>(9).fill(`*a${i}`).join(', ')}]`),
].join('\n')

describe('what YAML can do and a configuration has no use for', () => {
  it('aliases of aliases of aliases are counted, not written out', () => {
    const started = performance.now()
    expect(linesOf(BOMB)[0]).toMatch(/expected at most 10000 values, copies by aliases included$/)
    expect(performance.now() - started).toBeLessThan(2000)
  })

  it.each([
    ['prompts: &p {a: x}\nevaluation: {bins: *nowhere}', '2:20 the alias *nowhere stands for nothing above it'],
    ['prompts: &p {a: *p}', '1:17 the alias *p stands for what it is part of'],
    ['model: *later\nprompts: {a: &later x}', '1:8 the alias *later stands for nothing above it'],
    ['evaluation: {<<: *x}\n', 'the alias *x stands for nothing above it'],
  ])('refuses the aliases of %j', (text, part) => {
    expect(linesOf(text)).toEqual([expect.stringContaining(part)])
  })

  it('reads an alias that stands for a value, and says where it stands', () => {
    const text = 'prompts:\n  a: &text "Query: "\n  b: *text\nworkers: &n 2\nthreads: *n'
    expect(parseConfig(text, 'x.yaml').model).toEqual({
      prompts: { a: 'Query: ', b: 'Query: ' },
      workers: 2,
      threads: 2,
    })
    expect(linesOf('workers: &n 2000\nthreads: *n')).toEqual([
      expect.stringMatching(/^stella\.config\.yaml:1:13 workers: /),
      expect.stringMatching(/^stella\.config\.yaml:2:10 threads: /),
    ])
    // The last anchor of a name is meant.
    expect(parseConfig('workers: &n 1\nthreads: &n 2\nbatchSize: *n', 'x.yaml').model.batchSize).toBe(2)
  })

  it.each([
    ['model: !!str 5', 'tags such as !!str are not read'],
    ['model: !mine x', 'tags such as !!str are not read'],
    ['!!map {model: x}', 'tags such as !!str are not read'],
    ['!!str model: x', 'tags such as !!str are not read'],
    ['model: !!binary aGk=', 'tags such as !!str are not read'],
    ['prompts: !!set {a}', 'tags such as !!str are not read'],
    ['model: ! x', 'tags such as !!str are not read'],
    ['model: !!js/function x', 'tags such as !!str are not read'],
    ['<<: {workers: 2}', '<<'],
    ['evaluation: {<<: {bins: 2}}', '<<'],
    ['%YAML 1.1\n---\ndownload: yes', 'expected YAML 1.2; the file says 1.1'],
    ['%YAML 2.0\n---\nworkers: 1', 'not valid YAML: Unsupported YAML version 2.0'],
    ['%FOO bar\n---\nworkers: 1', 'not valid YAML: Unknown directive %FOO'],
    ['workers: 1\n---\nworkers: 2', '2:1 expected one document; a second begins here'],
    ['workers: 1\nmodel: x\nworkers: 2', '3:1 workers is given twice; first in line 1'],
    ['"workers": 1\nworkers: 2', 'workers is given twice'],
    ['evaluation:\n  bins: 1\n  bins: 1', '3:3 bins is given twice; first in line 2'],
    ['? [a, b]\n: 1', 'expected a text as key'],
    ['? {a: b}\n: 1', 'expected a text as key'],
    ['\tworkers: 1', 'not valid YAML: Tabs are not allowed as indentation'],
    ['evaluation:\n\tbins: 1', '2:1 not valid YAML: Tabs'],
    ['model: a: b', 'not valid YAML'],
    ['model: "a', 'not valid YAML'],
    ['model: [a', 'not valid YAML'],
    ['model: @x', 'not valid YAML'],
    ['just words', 'expected keys and values, such as `model: stella-nano`; got "just words"'],
    ['- model: x\n- y', '1:1 expected keys and values, such as `model: stella-nano`; got an array of 2'],
    ['5', 'got 5'],
    ['[]', 'got an array of 0'],
    ['false', 'got false'],
    ['prompts: {a: {b: {c: {}}}}', 'prompts.a: expected a text'],
  ])('refuses %j', (text, part) => {
    expect(linesOf(text)[0]).toContain(part)
  })

  // Beyond a depth the parser ends the process, and not with an error: these must never reach it.
  it.each([
    ['lists', '['],
    ['maps', '{a: '],
    ['dashes', '- '],
    ['question marks', '? '],
    ['keys', 'a: '],
    ['dashes in a list', '[ - '],
    ['tagged lists', '!a ['],
  ])('nesting of %s without an end', (_, open) => {
    for (const depth of [21, 500, 30_000]) {
      const text = `prompts:\n  ${open.repeat(depth)}`.slice(0, MAX_CONFIG_CHARACTERS)
      expect(linesOf(text)).toEqual([expect.stringContaining(':2:')])
      expect(linesOf(text)[0]).toContain('expected at most 20 levels of maps and lists')
    }
  })

  it('nesting by indentation', () => {
    for (const unit of ['a:\n', '-\n', '?\n']) {
      const stairs = Array.from({ length: 300 }, (_, indent) => ' '.repeat(indent) + unit).join('')
      expect(linesOf(stairs)).toEqual([expect.stringMatching(/:42:4\d expected at most 20 levels/)])
    }
    const wide = `prompts:\n${' '.repeat(40)}mine: |\n${' '.repeat(200)}deep - ? : text\n`
    expect(parseConfig(wide, 'x.yaml').model.prompts).toEqual({ mine: 'deep - ? : text\n' })
  })

  it('is not what brackets and dashes in texts look like', () => {
    const text = `- ? [ { ${'[{'.repeat(50)} - - - - ? : : a: b: c`
    for (const quoted of [JSON.stringify(text), `'${text}'`, `>-\n    ${text}`, `x${text.replaceAll(/[:#] ?/g, '')}`]) {
      expect(Object.keys(parseConfig(`prompts:\n  mine: ${quoted}`, 'x.yaml').model.prompts ?? {})).toEqual(['mine'])
    }
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`name ${index}`, '[[[[']))
    expect(parseConfig(JSON.stringify({ prompts: many }), 'x.json').model.prompts).toEqual(many)
    expect(parseConfig(`# ${'[{- '.repeat(100)}\nworkers: 2`, 'x.yaml').model.workers).toBe(2)
  })

  it('nesting by aliases', () => {
    const text = ['a0: &a0 [x]', ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]`)].join('\n')
    expect(linesOf(text)[0]).toContain('expected at most 20 levels')
  })
})

describe('names that objects have by themselves', () => {
  it.each(['constructor', 'toString', 'hasOwnProperty', 'prototype', '__defineGetter__', 'valueOf'])('%s', (name) => {
    expect(linesOf(`${name}: x`)).toEqual([expect.stringMatching(`^stella.config.yaml:1:1 ${name}: unknown key; `)])
    expect(linesOf(`evaluation: {${name}: x}`)).toEqual([expect.stringContaining(`evaluation.${name}: unknown key; `)])
    expect(parseConfig(`prompts: {${name}: x}\npromptType: ${name}`, 'x.yaml').model.prompts).toEqual({ [name]: 'x' })
    expect(linesOf('', { overrides: { [name]: 'x' } })).toEqual([expect.stringContaining(`${name}: unknown key`)])
  })

  it.each([
    '__proto__: {workers: 2}',
    '"__proto__": x',
    'prompts: {__proto__: x}',
    'evaluation: {__proto__: {bins: 2}}',
  ])('%s', (text) => {
    expect(linesOf(text)).toEqual([expect.stringContaining('expected another key than __proto__')])
    expect(({} as Record<string, unknown>)['workers']).toBeUndefined()
  })

  it('__proto__ of JSON and of arguments', () => {
    expect(linesOf('{"__proto__": {"workers": 2}}', {}, 'x.json')).toEqual([expect.stringContaining('__proto__')])
    const own = JSON.parse('{"__proto__": {"workers": 2}}') as object
    expect(linesOf('', { overrides: own })).toEqual([expect.stringContaining('__proto__: unknown key')])
    const prompts = JSON.parse('{"__proto__": 5}') as Record<string, string>
    expect(linesOf('', { overrides: { prompts } })).toEqual([expect.stringContaining('prompts: expected')])
  })
})

describe('what is no text', () => {
  it.each([
    ['a NUL', 'model: a\0b', '1:9', 'U+0000'],
    ['an escape sequence', 'workers: 1\nmodel: \x1b[31m', '2:8', 'U+001B'],
    ['a lone carriage return', 'workers: 1\rthreads: 2', '1:11', 'U+000D'],
    ['half of a character', 'model: \ud83d', '1:8', 'U+D83D'],
    ['a compressed file', '\x1f\ufffd\b\0\0', '1:1', 'U+001F'],
  ])('%s', (_, text, place, code) => {
    expect(linesOf(text)).toEqual([
      `stella.config.yaml:${place} expected a text file in UTF-8 with line feeds; got the character ${code}`,
    ])
  })

  it('more than there may be', () => {
    expect(linesOf(`# ${'x'.repeat(MAX_CONFIG_CHARACTERS)}`)).toEqual([
      'stella.config.yaml:1:1 expected at most 65536 characters; got 65538',
    ])
  })

  it('shows control characters and long names in no message as they are', () => {
    const key = `"${'k'.repeat(500)}\\e\\n"`
    const { message, details } = refusalOf(`${key}: 1`)
    expect(message.split('\n')).toHaveLength(1)
    expect(message).not.toContain('\x1b')
    expect(message.length).toBeLessThan(700)
    expect(JSON.stringify(details).length).toBeLessThan(2000)
  })
})

describe('time', () => {
  it.each([
    ['commas', '[', ','],
    ['tags', '', '!a '],
    ['directives', '', '%a\n'],
    ['keys', '', 'a: 1\n'],
    ['aliases', '', '*a '],
  ])('the worst of %s is refused within seconds', (_, before, part) => {
    const started = performance.now()
    const { problems } = readDocument(
      (before + part.repeat(MAX_CONFIG_CHARACTERS)).slice(0, MAX_CONFIG_CHARACTERS),
      'yaml',
    )
    expect(problems.length).toBeGreaterThan(0)
    // A second or two by itself; the rest is for a machine that is busy.
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

it('throws nothing but an OPTION_INVALID that says where, whatever it is given', () => {
  const pieces = fc.constantFrom(
    ...[
      'model',
      'workers',
      'prompts',
      'evaluation',
      ': ',
      ':\n  ',
      '\n',
      '- ',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '&a ',
      '*a',
      '!t ',
    ],
    ...[
      '"',
      "'",
      '|\n  ',
      '>\n ',
      '#',
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '? ',
      '\t',
      '  ',
      '1',
      'x',
      '~',
      '<<',
      '\\',
      '\ufeff',
      '\u2028',
    ],
  )
  const texts = fc.oneof(
    fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(texts, fc.constantFrom('x.yaml', 'x.json'), (text, name) => {
      try {
        parseConfig(text, name)
      } catch (error) {
        if (!isStellaError(error)) throw error
        expect(error.code).toBe('OPTION_INVALID')
        expect(error.message).toMatch(/^x\.(yaml|json):\d+:\d+ /)
      }
    }),
    { numRuns: 3000 },
  )
})
