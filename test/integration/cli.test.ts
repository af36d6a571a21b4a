/** The `stella` command as users run it: the compiled entry in a process of its own, with pipes and signals. */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { makeCheckpoint } from '../../tools/checkpoints/make-checkpoint.js'
import { CHECKPOINT_SPECS } from '../../tools/checkpoints/specs.js'
import { MAIN, cliSandbox } from './cli-process.js'
import type { CliSandbox } from './cli-process.js'
import { readNpy } from './read-npy.js'

/** Each vector has length 1; float32 rounding of 256 numbers stays far below this. */
const UNIT_TOLERANCE = 1e-6

let cli: CliSandbox

beforeAll(async () => {
  cli = await cliSandbox()
})

afterAll(async () => {
  await cli.remove()
})

const stella: CliSandbox['stella'] = (argv, options) => cli.stella(argv, options)

interface ResultLine {
  readonly index: number
  readonly id?: unknown
  readonly embedding: readonly number[]
  readonly tokens: number
  readonly truncated: boolean
}

function linesOf(text: string): readonly ResultLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ResultLine)
}

function lengthOf(vector: readonly number[]): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}

describe('stella embed', () => {
  it('prints a line per text, says once that the model is for trying things out, and converts only the first time', async () => {
    const first = await stella(['embed', 'a cat', 'a much longer text about a dog'])
    expect(first.code).toBe(0)
    const lines = linesOf(first.text)
    expect(lines.map(({ index, truncated }) => [index, truncated])).toEqual([
      [0, false],
      [1, false],
    ])
    for (const { embedding, tokens } of lines) {
      expect(embedding).toHaveLength(256)
      expect(Math.abs(lengthOf(embedding) - 1)).toBeLessThan(UNIT_TOLERANCE)
      expect(tokens).toBeGreaterThan(2)
    }
    expect(Object.keys(lines[0] ?? {})).toEqual(['index', 'embedding', 'tokens', 'truncated'])
    expect(first.stderr.match(/is for trying things out/g)).toHaveLength(1)
    expect(first.stderr).toMatch(/converting stella-nano …/)
    const second = await stella(['embed', 'a cat'])
    expect(second.stderr).not.toContain('converting')
    expect(linesOf(second.text)[0]?.embedding).toEqual(lines[0]?.embedding)
    expect((await stella(['embed', 'a cat', '--quiet'])).stderr).toBe('')
  })

  it('reads what is piped in, in order, over many chunks', async () => {
    const texts = Array.from({ length: 1300 }, (_, i) => `text number ${i}`)
    const { code, text } = await stella(['embed', '--quiet'], { input: `\uFEFF${texts.join('\r\n')}\r\n` })
    expect(code).toBe(0)
    const lines = linesOf(text)
    expect(lines.map((line) => line.index)).toEqual([...texts.keys()])
    const alone = await stella(['embed', '--quiet', texts[0] ?? '', texts[777] ?? '', texts[1299] ?? ''])
    for (const [place, index] of [0, 777, 1299].entries()) {
      const expected = linesOf(alone.text)[place]?.embedding ?? []
      const apart = expected.map((value, i) => Math.abs(value - (lines[index]?.embedding[i] ?? Number.NaN)))
      expect(Math.max(...apart)).toBeLessThanOrEqual(1e-6)
    }
  })

  it('carries the keys of JSON Lines into its output', async () => {
    await writeFile(join(cli.folder, 'x.jsonl'), '{"id":"a","text":"one"}\n"two"\n{"text":"three","id":{"n":3}}\n')
    const { code, text } = await stella(['embed', '--file', 'x.jsonl', '--quiet'])
    expect(code).toBe(0)
    expect(linesOf(text).map(({ index, id }) => [index, id])).toEqual([
      [0, 'a'],
      [1, undefined],
      [2, { n: 3 }],
    ])
    const piped = await stella(['embed', '--file', '-', '--input-format', 'jsonl', '--quiet'], {
      input: '{"id":1,"text":"one"}',
    })
    expect(linesOf(piped.text)[0]).toMatchObject({ id: 1 })
  })

  it.each([
    ['{"text":"one"}\n{"text":\n', 'standard input line 2 is not JSON'],
    ['{"text":"one"}\n\n', 'standard input line 2 holds no text'],
    ['', 'standard input holds no text'],
  ])('names what is wrong with the input %j', async (input, message) => {
    const { code, text, stderr } = await stella(['embed', '--input-format', 'jsonl', '--quiet'], { input })
    expect([code, text]).toEqual([1, ''])
    expect(stderr).toContain(`stella: ${message}`)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('leaves out empty lines where it is told to, and says how many', async () => {
    const { code, text, stderr } = await stella(['embed', '--skip-empty'], { input: 'one\n\n \ntwo' })
    expect([code, linesOf(text).map((line) => line.index)]).toEqual([0, [0, 1]])
    expect(stderr).toContain('left out 2 empty lines of standard input')
  })

  it('names the line of a text that is too long', async () => {
    const input = `${'short\n'.repeat(700)}${'many words '.repeat(50)}\n`
    const { code, stderr } = await stella(['embed', '--overflow', 'error', '--max-length', '20', '--quiet'], { input })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^stella: standard input line 701 has \d+ tokens; the limit is 20\. Raise `--max-length`/)
  })

  it('reports what was cut, in the line and on standard error', async () => {
    const { text, stderr } = await stella(['embed', '--max-length', '8', 'short', 'many words '.repeat(20)])
    expect(linesOf(text).map(({ tokens, truncated }) => [tokens <= 8, truncated])).toEqual([
      [true, false],
      [true, true],
    ])
    expect(stderr).toContain('1 of 2 texts was cut at 8 tokens; see --max-length and --overflow')
  })

  it('writes the same float32 numbers in every format', async () => {
    const texts = ['one', 'two words', 'three words here']
    const jsonl = linesOf((await stella(['embed', '--quiet', ...texts])).text).map((line) => line.embedding)
    const json = JSON.parse((await stella(['embed', '--quiet', '--json', ...texts])).text) as Record<string, unknown>
    expect(json).toMatchObject({
      model: 'stella-nano',
      dimensions: 256,
      embeddings: jsonl,
      truncated: [false, false, false],
    })
    const usage = json['usage'] as { tokens: number }
    expect(usage.tokens).toBe((json['tokens'] as number[]).reduce((sum, tokens) => sum + tokens, 0))
    const out = join(cli.folder, 'vectors.npy')
    const filed = await stella(['embed', '--format', 'npy', '--out', out, ...texts])
    expect([filed.code, filed.text]).toEqual([0, ''])
    expect(filed.stderr).toContain('wrote 3 embeddings to')
    const piped = await stella(['embed', '--quiet', '--format', 'npy', ...texts])
    expect(await readFile(out)).toEqual(piped.stdout)
    const { descr, rows, columns, data } = readNpy(piped.stdout)
    expect([descr, rows, columns, data.length]).toEqual(['<f4', 3, 256, 3 * 256 * 4])
    const numbers = Array.from({ length: 3 * 256 }, (_, i) => data.readFloatLE(i * 4))
    expect(numbers).toEqual(jsonl.flat().map(Math.fround))
  })

  it('packs signs where it is asked for bits', async () => {
    const vector = linesOf((await stella(['embed', '--quiet', 'one'])).text)[0]?.embedding ?? []
    const expected = Array.from({ length: 32 }, (_, byte) =>
      vector.slice(byte * 8, byte * 8 + 8).reduce((bits, value) => bits * 2 + (value > 0 ? 1 : 0), 0),
    )
    const ubinary = await stella(['embed', '--quiet', '--encoding', 'ubinary', 'one'])
    expect(linesOf(ubinary.text)[0]?.embedding).toEqual(expected)
    const binary = await stella(['embed', '--quiet', '--encoding', 'binary', '--format', 'npy', 'one'])
    const { descr, columns, data } = readNpy(binary.stdout)
    expect([descr, columns]).toEqual(['|i1', 32])
    expect([...new Int8Array(data)]).toEqual(expected.map((byte) => byte - 128))
  })

  it('takes ranges from one run and encodes bytes in them in another', async () => {
    const ranges = join(cli.folder, 'ranges.json')
    const texts = ['one', 'two words', 'three words here']
    const sample = await stella(['embed', '--save-ranges', ranges, ...texts])
    expect(sample.stderr).toContain(`wrote the ranges of 3 vectors to ${ranges}; from 100 on they are stable`)
    const vectors = linesOf(sample.text).map((line) => line.embedding)
    const dimension = (index: number): readonly number[] => vectors.map((vector) => vector[index] ?? NaN)
    const saved = JSON.parse(await readFile(ranges, 'utf8')) as Record<'minimum' | 'maximum', number[]>
    expect(saved).toMatchObject({ model: 'stella-nano', dimensions: 256, normalized: true, vectors: 3 })
    expect(saved.minimum).toEqual(saved.minimum.map((_, index) => Math.min(...dimension(index))))
    expect(saved.maximum).toEqual(saved.maximum.map((_, index) => Math.max(...dimension(index))))
    const argv = ['embed', '--quiet', '--ranges', ranges]
    const uint8 = linesOf((await stella([...argv, '--encoding', 'uint8', ...texts])).text).map((line) => line.embedding)
    // Whichever text has the lowest number of a dimension has code 0 there.
    expect(saved.minimum.map((_, index) => Math.min(...uint8.map((code) => code[index] ?? NaN)))).toEqual(
      Array<number>(256).fill(0),
    )
    const step = (index: number): number => ((saved.maximum[index] ?? NaN) - (saved.minimum[index] ?? NaN)) / 255
    const decoded = (code: number, index: number): number => code * step(index) + (saved.minimum[index] ?? NaN)
    const errors = uint8.flatMap((codes, text) =>
      codes.map((code, index) => Math.abs(decoded(code, index) - (vectors[text]?.[index] ?? NaN)) / step(index)),
    )
    expect(Math.max(...errors)).toBeLessThan(1.001)
    const int8 = await stella([...argv, '--encoding', 'int8', '--format', 'npy', ...texts])
    const { descr, rows, columns, data } = readNpy(int8.stdout)
    expect([descr, rows, columns]).toEqual(['|i1', 3, 256])
    expect([...new Int8Array(data)]).toEqual(uint8.flat().map((code) => code - 128))
    const other = await stella([...argv, '--encoding', 'int8', '--dimensions', '512', 'one'])
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('of dimensions 256, and those of this run')])
  })

  it('saves no ranges of one text, and writes no result either', async () => {
    const [ranges, out] = [join(cli.folder, 'one.json'), join(cli.folder, 'one.jsonl')]
    const { code, stderr } = await stella(['embed', 'one', '--save-ranges', ranges, '--out', out])
    expect([code, stderr]).toEqual([1, expect.stringContaining('Ranges need at least 2 vectors')])
    for (const path of [ranges, out]) await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('embeds with any checkpoint folder, head and prompt', async () => {
    const checkpoint = join(cli.folder, 'qwen2-tiny')
    await makeCheckpoint(checkpoint, CHECKPOINT_SPECS['qwen2-tiny'])
    const argv = ['embed', '--checkpoint', checkpoint, '--dimensions', '48', 'one']
    const first = await stella(argv)
    expect(first.code).toBe(0)
    expect(first.stderr).toBe('stella: converting qwen2-tiny …\n')
    const [plain] = linesOf(first.text)
    expect(plain?.embedding).toHaveLength(48)
    const again = await stella(argv)
    expect([again.stderr, again.text]).toEqual(['', first.text])
    const [query] = linesOf((await stella([...argv, '--task', 's2p_query'])).text)
    const [prompted] = linesOf((await stella([...argv, '--prompt', CHECKPOINT_PROMPT])).text)
    expect(query?.embedding).toEqual(prompted?.embedding)
    expect(query?.embedding).not.toEqual(plain?.embedding)
    const [raw] = linesOf((await stella([...argv, '--no-normalize'])).text)
    expect(Math.abs(lengthOf(raw?.embedding ?? []) - 1)).toBeGreaterThan(0.01)
  })

  it('takes options from the environment, and lets the command line win', async () => {
    const variables = {
      STELLA_FORMAT: 'json',
      STELLA_DIMENSIONS: '512',
      STELLA_QUIET: '1',
      STELLA_FILE: 'no-such-file.txt',
    }
    const { text, stderr } = await stella(['embed', 'one'], { env: variables })
    expect(stderr).toBe('')
    expect(JSON.parse(text)).toMatchObject({ dimensions: 512 })
    const flagged = await stella(['embed', 'one', '--format', 'jsonl', '--dimensions', '256'], { env: variables })
    expect(linesOf(flagged.text)[0]?.embedding).toHaveLength(256)
  })

  it('leaves the home folder alone', async () => {
    await expect(readdir(join(cli.folder, 'home'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

/** What config_sentence_transformers.json of both Stella models says of s2p_query. */
const CHECKPOINT_PROMPT =
  'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: '

describe('stella similarity', () => {
  it('prints six digits, 1 for a text and itself, and the same either way round', async () => {
    expect((await stella(['similarity', 'a cat', 'a cat'])).text).toBe('1.000000\n')
    const there = await stella(['similarity', 'a cat', 'a dog in the garden'])
    const back = await stella(['similarity', 'a dog in the garden', 'a cat'])
    expect(there.text).toMatch(/^-?[01]\.\d{6}\n$/)
    expect(back.text).toBe(there.text)
  })

  it('is the cosine of what embed prints under the same task', async () => {
    const { text } = await stella(['similarity', 'one', 'two words', '--json', '--quiet'])
    const answer = JSON.parse(text) as { similarity: number }
    expect(answer).toMatchObject({ model: 'stella-nano', task: 's2s_query', prompt: null, dimensions: 256 })
    const [a, b] = linesOf((await stella(['embed', '--task', 's2s_query', '--quiet', 'one', 'two words'])).text)
    const dot = (a?.embedding ?? []).reduce((sum, value, i) => sum + value * (b?.embedding[i] ?? Number.NaN), 0)
    expect(answer.similarity).toBeCloseTo(dot, 6)
    const documents = JSON.parse(
      (await stella(['similarity', 'one', 'two words', '--task', 'document', '--json'])).text,
    ) as object
    expect(documents).toMatchObject({ task: 'document' })
    expect(documents).not.toMatchObject({ similarity: answer.similarity })
  })
})

describe('the compiled command', () => {
  it('starts with a line that finds node', async () => {
    expect((await readFile(MAIN, 'utf8')).startsWith('#!/usr/bin/env node\n')).toBe(true)
  })

  it('prints help without loading an engine', async () => {
    const { code, text, stderr } = await stella(['--help'])
    expect([code, stderr]).toEqual([0, ''])
    expect(text).toContain('usage: stella <command>')
  })

  it('exits with 2 for a mistake, and shows no stack', async () => {
    const { code, text, stderr } = await stella(['embed', '--fomat', 'json', 'x'])
    expect([code, text]).toEqual([2, ''])
    expect(stderr).toBe('stella: Unknown option `--fomat`\n  Did you mean `--format`?\n')
  })
})
