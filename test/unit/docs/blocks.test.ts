/** No block of the documentation escapes: TypeScript is compiled in examples.test.ts, everything else is read here. */
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'

import { messageOf } from '../../../src/errors.js'
import { readExamples } from '../../support/doc-examples.js'
import { PAGES, readPage } from '../../support/doc-pages.js'
import type { Block } from '../../support/markdown.js'
import { commandsOf } from '../../support/shell.js'

/**
 * How blocks of each language are checked: what is wrong with one, or undefined. The language says what a block is:
 * `ts` is ours, and compiled; `js` is code for other packages, which are not installed, and only parsed.
 */
const CHECKS: Readonly<Record<string, (code: string) => string | undefined>> = {
  ts: () => undefined,
  js: (code) => {
    const options = { fileName: 'block.mjs', reportDiagnostics: true, compilerOptions: { allowJs: true } }
    const [problem] = ts.transpileModule(code, options).diagnostics ?? []
    return problem === undefined ? undefined : ts.flattenDiagnosticMessageText(problem.messageText, ' ')
  },
  json: (code) => failure(() => JSON.parse(code) as unknown),
  jsonl: (code) =>
    failure(() =>
      code
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ),
  yaml: (code) => parseDocument(code, { strict: true }).errors[0]?.message,
  sh: (code) => failure(() => commandsOf(code)),
  // Nothing of ours can tell whether these are right.
  csv: () => undefined,
  dockerfile: () => undefined,
  html: () => undefined,
  python: () => undefined,
  text: () => undefined,
  '': () => undefined,
}

/** Languages that nothing here can check. */
const UNCHECKED = ['csv', 'dockerfile', 'html', 'python', 'text', '']

function problem({ language, code }: Block): string | undefined {
  const check = Object.hasOwn(CHECKS, language) ? CHECKS[language] : undefined
  if (check === undefined) return `write one of ${Object.keys(CHECKS).join(', ')} for \`${language}\``
  return check(code)
}

function failure(read: () => unknown): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

describe('the blocks', () => {
  it.each(PAGES)('of %s are what they say they are', (page) => {
    const problems = readPage(page).blocks.flatMap((block) => {
      const what = problem(block)
      return what === undefined ? [] : [`${page}:${block.line} ${what}`]
    })
    expect(problems).toEqual([])
  })

  it('hold no code in blocks that are not checked', () => {
    const blocks = PAGES.flatMap((page) => readPage(page).blocks.map((block) => ({ page, ...block })))
    const code = blocks.filter(
      ({ language, code }) =>
        UNCHECKED.includes(language) &&
        language !== 'python' &&
        /^\s*(import .* from |const \w+ = |await )/m.test(code),
    )
    expect(code.map(({ page, line }) => `${page}:${line}`)).toEqual([])
  })

  it('that are TypeScript are all compiled', () => {
    const blocks = PAGES.flatMap((page) => readPage(page).blocks.filter(({ language }) => language === 'ts'))
    expect(PAGES.flatMap(readExamples)).toHaveLength(blocks.length)
    expect(blocks.length).toBeGreaterThan(15)
  })
})

describe('these tests notice', () => {
  it.each([
    ['typescript', 'const x = 1\n', /write one of/],
    ['js', 'const x = \n', /Expression expected/],
    ['js', 'const x: number = 1\n', /TypeScript/],
    ['json', '{"a":}\n', /JSON/],
    ['jsonl', '{"a":1}\n{"a"\n', /JSON/],
    ['yaml', 'a: 1\na: 2\n', /unique/],
    ['sh', 'echo "a\n', /never closed/],
    ['constructor', 'x\n', /write one of/],
  ])('a wrong block of %s: %j', (language, code, what) => {
    expect(problem({ language, code, line: 1 })).toMatch(what)
  })

  it.each([
    [
      'js',
      "import { pipeline } from '@huggingface/transformers'\nconst extractor = await pipeline('feature-extraction')\n",
    ],
    ['jsonl', '{"id":"1"}\n{"id":"2"}\n'],
    ['yaml', 'model: stella-nano\nprompts:\n  mine: "Say: "\n'],
  ])('nothing in a right one of %s', (language, code) => {
    expect(problem({ language, code, line: 1 })).toBeUndefined()
  })
})
