/** What a file of calibration texts may be, and how each fault of one is told. */
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'

import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'

import {
  MAX_CALIBRATION_BYTES,
  MAX_CALIBRATION_CHARACTERS,
  MAX_CALIBRATION_TEXTS,
  MIN_CALIBRATION_TEXTS,
  readCalibrationTexts,
} from '../../../../src/convert/calibration/read-texts.js'
import { StellaError } from '../../../../src/errors.js'
import { failureOf } from '../../../support/failure.js'
import { temporaryFolder } from '../../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const EIGHT = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(temporary.path, name)
  await writeFile(path, content)
  return path
}

const textsOf = async (path: string) => (await readCalibrationTexts(path)).map(({ text }) => text)

describe('readCalibrationTexts', () => {
  it.each(['a.txt', 'a', 'A.TXT'])('reads %s as a text per line, as it stands', async (name) => {
    const lines = [...EIGHT.slice(0, 7), ' {"text": "no JSON here"} ']
    expect(await textsOf(await fileOf(name, `${lines.join('\r\n')}\r\n`))).toEqual(lines)
  })

  it.each(['b.jsonl', 'b.ndjson', 'B.JSONL'])('reads strings and objects of %s, with their tasks', async (name) => {
    const lines = [
      '"a\\nb"',
      '{"text":"q","task":"s2p_query","id":12345678901234567890,"index":1}',
      '{"task":"s2s_query","text":"s"}',
      ...EIGHT.map((text) => JSON.stringify({ text, embedding: [1] })),
    ]
    const texts = await readCalibrationTexts(await fileOf(name, lines.join('\n')))
    expect(texts.slice(0, 4)).toEqual([
      { text: 'a\nb', task: 'document' },
      { text: 'q', task: 's2p_query' },
      { text: 's', task: 's2s_query' },
      { text: 'one', task: 'document' },
    ])
    expect(texts).toHaveLength(11)
  })

  it('leaves empty lines out, and a byte order mark', async () => {
    expect(await textsOf(await fileOf('c.txt', `\uFEFF\n${EIGHT.join('\n\n \t\n')}\n\n`))).toEqual(EIGHT)
  })

  it('keeps what occurs twice, but counts it once', async () => {
    const twice = [...EIGHT, ...EIGHT]
    expect(await textsOf(await fileOf('d.txt', twice.join('\n')))).toEqual(twice)
    const same = await failureOf(async () => readCalibrationTexts(await fileOf('d.txt', 'same\n'.repeat(50))))
    expect(same.code).toBe('INPUT_INVALID')
    expect(same.message).toContain(`holds 1 different text; calibration needs at least ${MIN_CALIBRATION_TEXTS}`)
  })

  it.each([0, 1, MIN_CALIBRATION_TEXTS - 1])('refuses %i texts', async (count) => {
    const error = await failureOf(async () =>
      readCalibrationTexts(await fileOf('few.txt', EIGHT.slice(0, count).join('\n'))),
    )
    expect(error).toMatchObject({ code: 'INPUT_INVALID', details: { texts: count, least: MIN_CALIBRATION_TEXTS } })
  })

  it('takes as many texts as the limit, and names the line of the next', async () => {
    const lines = Array.from({ length: MAX_CALIBRATION_TEXTS }, (_, index) => `text ${index}`)
    expect(await textsOf(await fileOf('many.txt', lines.join('\n')))).toHaveLength(MAX_CALIBRATION_TEXTS)
    const error = await failureOf(async () => textsOf(await fileOf('many.txt', `\n${lines.join('\n')}\n\nx`)))
    expect(error.message).toContain(`line ${MAX_CALIBRATION_TEXTS + 3} is text ${MAX_CALIBRATION_TEXTS + 1}`)
  })

  it('takes a text as long as the limit, and refuses a longer one', async () => {
    const longest = 'x'.repeat(MAX_CALIBRATION_CHARACTERS)
    expect(await textsOf(await fileOf('long.txt', [...EIGHT, longest].join('\n')))).toHaveLength(9)
    const error = await failureOf(async () => textsOf(await fileOf('long.txt', `a\n${longest}x\n`)))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('line 2 has') as string })
  })

  it('refuses a file over the limit before reading it', async () => {
    const path = await fileOf('large.txt', '')
    await truncate(path, MAX_CALIBRATION_BYTES + 1)
    const error = await failureOf(() => readCalibrationTexts(path))
    expect(error.details).toEqual({ file: path, bytes: MAX_CALIBRATION_BYTES + 1, limit: MAX_CALIBRATION_BYTES })
  })

  it.each([
    ['no JSON', 'nonsense', /line 3 is not JSON/],
    ['an array', '["a"]', /line 3 is neither a JSON string nor an object/],
    ['a number', '7', /line 3 is neither/],
    ['no text', '{"id":1}', /line 3 has no `text`/],
    ['a text that is no string', '{"text":["a"]}', /line 3 has a `text` that is no string: object/],
    ['an empty text', '{"text":" \\n"}', /line 3 holds no text/],
    [
      'an unknown task',
      '{"text":"a","task":"clustering"}',
      /line 3 has an unknown `task`: "clustering". Accepted: doc/,
    ],
    ['a task that is no string', '{"text":"a","task":{}}', /line 3 has an unknown `task`: an object/],
    ['a task of null', '{"text":"a","task":null}', /line 3 has an unknown `task`: null/],
    ['a task as long as a book', `{"text":"a","task":"${'x'.repeat(100_000)}"}`, /^.{100,400}$/],
    ['nesting that would overflow a walk', `{"text":"a","task":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, /an array of 1/],
  ])('names the line that holds %s', async (_, line, message) => {
    const error = await failureOf(async () => textsOf(await fileOf('bad.jsonl', `"a"\n\n${line}\n`)))
    expect(error.code).toBe('INPUT_INVALID')
    expect(error.message).toMatch(message)
  })

  it('takes a key called __proto__ as one of those it ignores', async () => {
    const lines = EIGHT.map((text) => `{"text":"${text}","__proto__":{"task":"s2p_query"}}`)
    const texts = await readCalibrationTexts(await fileOf('proto.jsonl', lines.join('\n')))
    expect(new Set(texts.map(({ task }) => task))).toEqual(new Set(['document']))
  })

  it('names the line that is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('ok\n'), Buffer.from([0xc3, 0x28, 0x0a])])
    const error = await failureOf(async () => textsOf(await fileOf('latin.txt', bytes)))
    expect(error.message).toMatch(/latin\.txt line 2 is not UTF-8/)
  })

  it('refuses a name that does not tell the format, naming those that do', async () => {
    const error = await failureOf(async () => textsOf(await fileOf('texts.csv', EIGHT.join('\n'))))
    expect(error).toMatchObject({
      code: 'OPTION_INVALID',
      details: { option: 'calibration', accepted: ['.txt', '.jsonl', '.ndjson'] },
    })
  })

  it('refuses what is no file, without waiting for it', async () => {
    const folder = join(temporary.path, 'folder.txt')
    const pipe = join(temporary.path, 'pipe.txt')
    const loop = join(temporary.path, 'loop.txt')
    await mkdir(folder)
    execFileSync('mkfifo', [pipe])
    await symlink('loop.txt', loop)
    for (const path of [folder, pipe]) {
      await expect(readCalibrationTexts(path)).rejects.toThrow(`${path} is no regular file`)
    }
    const missing = join(temporary.path, 'none.txt')
    await expect(readCalibrationTexts(missing)).rejects.toThrow(`Cannot read ${missing}: there is no such file`)
    expect((await failureOf(() => readCalibrationTexts(loop))).code).toBe('INPUT_INVALID')
  })

  it('ends at a signal', async () => {
    const path = await fileOf('e.txt', EIGHT.join('\n'))
    expect((await failureOf(() => readCalibrationTexts(path, AbortSignal.abort()))).code).toBe('ABORTED')
  })

  it('returns texts with something in them, or one StellaError, whatever the bytes', async () => {
    const line = fc.oneof(
      fc.json(),
      fc.string(),
      fc.string().map((text) => JSON.stringify({ text })),
      fc
        .record({ text: fc.string({ minLength: 1 }), task: fc.constantFrom('document', 's2p_query', 'x') })
        .map((one) => JSON.stringify(one)),
    )
    const content = fc.oneof(
      fc.array(line, { maxLength: 20 }).map((lines) => Buffer.from(lines.join('\n'))),
      fc.uint8Array({ maxLength: 200 }),
    )
    await fc.assert(
      fc.asyncProperty(content, fc.constantFrom('fuzz.txt', 'fuzz.jsonl'), async (bytes, name) => {
        try {
          const texts = await readCalibrationTexts(await fileOf(name, bytes))
          expect(texts.length).toBeGreaterThanOrEqual(MIN_CALIBRATION_TEXTS)
          for (const { text } of texts) expect(text.trim()).not.toBe('')
        } catch (error) {
          if (!(error instanceof StellaError)) throw error
          expect(error.code).toBe('INPUT_INVALID')
        }
      }),
      { numRuns: 200 },
    )
  })
})
