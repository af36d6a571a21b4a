/** What the documentation tells readers to type, set and match on is there: commands, options, variables, files, codes. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { COMMANDS } from '../../../src/cli/commands/index.js'
import { OPTIONS, environmentName, isOptionName } from '../../../src/cli/options.js'
import { isStellaErrorCode } from '../../../src/errors.js'
import { commandProblem, commandsOnPage, optionProblem } from '../../support/doc-commands.js'
import { PAGES, isMade, isThere, readPage, textOf } from '../../support/doc-pages.js'
import { parseMarkdown } from '../../support/markdown.js'
import { commandsOf } from '../../support/shell.js'

const ROOT = join(import.meta.dirname, '../../..')

/** Options of other programs that pages name by themselves. */
const FOREIGN_OPTIONS = [
  // of esbuild
  '--external:stella-pool',
  // of `npm run bench`
  '--save',
  // of tools/reference
  '--python',
]

/** Words in capitals that are neither a code of ours nor a variable. */
const FOREIGN_WORDS: readonly string[] = []

/** Variables that other programs read. */
const FOREIGN_VARIABLES = /^(HF|ONNXRUNTIME|ORT|NODE|CUDA|XDG)_/

describe('the commands', () => {
  it.each(PAGES)('on %s can be typed', (page) => {
    const problems = commandsOnPage(readPage(page)).flatMap(({ line, words, complete }) => {
      const problem = commandProblem({ words, complete })
      return problem === undefined ? [] : [`${page}:${line} ${words.join(' ')}: ${problem}`]
    })
    expect(problems).toEqual([])
  })

  it('are found, in scripts and in sentences, of each kind', () => {
    const all = PAGES.flatMap((page) => commandsOnPage(readPage(page)))
    for (const complete of [true, false]) {
      const programs = all.filter((one) => one.complete === complete).map(({ words }) => words.slice(0, 2).join(' '))
      expect(programs).toEqual(expect.arrayContaining(['npm run', 'npx tsx']))
      expect(programs.some((program) => /^(npx )?stella/.test(program))).toBe(true)
    }
  })

  it.each(COMMANDS.flatMap(({ examples }) => examples))('that help shows, `stella %s`, can be typed', (example) => {
    for (const words of commandsOf(`stella ${example}`)) {
      expect(commandProblem({ words, complete: true })).toBeUndefined()
    }
  })
})

describe.each(PAGES)('in code spans of %s', (page) => {
  const { spans } = readPage(page)
  const tell = (line: number, text: string, what: string): string => `${page}:${line} \`${text}\`: ${what}`

  it('options are options of `stella`', () => {
    const alone = spans.filter(({ text }) => /^--\w/.test(text) && !FOREIGN_OPTIONS.includes(text))
    const problems = alone.map(({ line, text }) => [line, text, optionProblem(text)] as const)
    expect(problems.flatMap(([line, text, what]) => (what === undefined ? [] : tell(line, text, what)))).toEqual([])
  })

  it('words in capitals are error codes, or variables that somebody reads', () => {
    const words = spans.flatMap(({ line, text }) =>
      (text.match(/(?<![\w.])[A-Z][A-Z\d]*(?:_[A-Z\d]+)+(?![\w(])/g) ?? []).map((word) => ({ line, word })),
    )
    const unknown = words.filter(
      ({ word }) =>
        !isStellaErrorCode(word) && !FOREIGN_VARIABLES.test(word) && !FOREIGN_WORDS.includes(word) && !isOurs(word),
    )
    expect(unknown.map(({ line, word }) => tell(line, word, 'neither a code nor a variable'))).toEqual([])
  })

  it('paths of the project are there', () => {
    const paths = spans.flatMap(({ line, text }) =>
      (text.match(/(?<![\w./-])(?:src|test|bench|tools|docs|workers|registry|models|examples)\/[\w./-]*[\w/]/g) ?? [])
        // `src/{a,b}` and `src/*` are more than one.
        .filter((path) => !/[{*<]/.test(text.slice(text.indexOf(path) + path.length).charAt(0)))
        .map((path) => ({ line, path })),
    )
    const lost = paths.filter(({ path }) => !isMade(path.replace(/\/$/, '')) && !isSomewhere(path))
    expect(lost.map(({ line, path }) => tell(line, path, 'no such file'))).toEqual([])
  })
})

/** Sources may be named without their ending, as the folder table of the architecture does. */
function isSomewhere(path: string): boolean {
  return isThere(path) || isThere(`${path}.ts`)
}

const SOURCES = ['src', 'test', 'bench', 'tools', 'registry', 'examples'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[jt]s$/.test(name))
    .map((name) => textOf(`${folder}/${name}`)),
)

/** A variable of an option, or a name that the project's code has. */
function isOurs(word: string): boolean {
  const options = Object.keys(OPTIONS).filter(isOptionName)
  return options.some((name) => environmentName(name) === word) || SOURCES.some((text) => text.includes(word))
}

describe('these tests notice', () => {
  it.each([
    ['npm run nothing', 'no script `nothing`'],
    ['npm nothing', 'no script `nothing`'],
    ['npx tsx bench/nothing.ts', 'no file `bench/nothing.ts`'],
    ['npx cowsay hello', 'would install a package'],
    ['npx stella nothing', 'no command `stella nothing`'],
    ['stella --nothing', 'Unknown option `--nothing`'],
    ['stella embed --reprot x', 'Unknown option `--reprot`'],
    ['stella pull stella-nano --lane bulk', 'Unknown option `--lane`'],
    ['stella embed --format yaml x', 'to be jsonl, json or npy'],
    ['stella embed --dimensions many x', 'an integer of at least 1'],
    ['stella similarity "one text"', 'takes two texts; got 1'],
    ['stella convert ./folder --out', '`--out` needs a value'],
  ])('that `%s` cannot be typed', (script, problem) => {
    const found = commandsOnPage(parseMarkdown(`\`\`\`sh\n${script}\n\`\`\`\n`))
    expect(found.map(commandProblem)).toEqual([expect.stringContaining(problem)])
  })

  it.each([
    'npm test',
    'npm ci && npx stella embed "a text"   # a remark',
    'A=1 B=2 npx stella models --json > models.json 2>&1',
    'stella embed --file - --format npy -m stella-nano < texts.txt',
    'stella embed \\\n  "one" \\\n  --no-skip-empty',
    'stella convert ./folder --help',
    'stella --version',
    'curl -fsS --retry 3 https://example.org | tar -x',
    'npx tsc -p tsconfig.json; npx vitest run',
  ])('nothing in `%s`', (script) => {
    const found = commandsOnPage(parseMarkdown(`\`\`\`sh\n${script}\n\`\`\`\n`))
    expect(found.length).toBeGreaterThan(0)
    expect(found.flatMap((one) => commandProblem(one) ?? [])).toEqual([])
  })

  it.each([
    ['stella convert --calibration', undefined],
    ['stella <command> --help', undefined],
    ['npx stella plan <model> --memory', undefined],
    ['stella convert --memory', 'no option `--memory` here'],
    ['stella <command> --memory', 'no option `--memory` here'],
    ['npm run nothing', 'no script `nothing`'],
  ])('of the code span `%s`: %s', (span, problem) => {
    const [found] = commandsOnPage(parseMarkdown(`a \`${span}\` b`))
    expect(found).toBeDefined()
    const told = found === undefined ? 'not found' : commandProblem(found)
    if (problem === undefined) expect(told).toBeUndefined()
    else expect(told).toContain(problem)
  })

  it.each([
    ['--precision int8', undefined],
    ['--no-json', undefined],
    ['--memory <size>', undefined],
    ['--precision', undefined],
    ['--precision int3', /to be auto, fp32/],
    ['--precison', /has an option/],
  ])('of the option `%s`: %s', (span, problem) => {
    if (problem === undefined) expect(optionProblem(span)).toBeUndefined()
    else expect(optionProblem(span)).toMatch(problem)
  })
})

describe('commandsOf', () => {
  it('splits as a shell does', () => {
    const script = [
      `A=1 one 'two  three' "four \\"5\\"" six\\ seven`,
      'a && b || c; d | e & f # g',
      'x > out 2> err < in y#z "" >>more',
      'long \\',
      '  --going on',
    ]
    expect(commandsOf(script.join('\n'))).toEqual([
      ['one', 'two  three', 'four "5"', 'six seven'],
      ...['a', 'b', 'c', 'd', 'e', 'f'].map((command) => [command]),
      ['x', 'y#z', ''],
      ['long', '--going', 'on'],
    ])
  })

  it.each(['echo "a', "echo 'a", 'cat <<EOF', 'echo $(date)'])('refuses what it cannot read: %s', (script) => {
    expect(() => commandsOf(script)).toThrow()
  })
})
