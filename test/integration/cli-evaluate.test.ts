/** `stella evaluate` as users run it, on the embedded model: the compiled entry in a process of its own. */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { misplacedTag } from '../unit/evaluation/report/reports.js'
import { cliSandbox } from './cli-process.js'
import type { CliSandbox } from './cli-process.js'

/** Rounding of float32 vectors; the cosine of a text with itself is 1 but for it. */
const TOLERANCE = 1e-6

interface Score {
  readonly id: string
  readonly line: number
  readonly success: boolean
  readonly cosineSimilarity: number
  readonly normalizedCosine: number
  readonly tokens: readonly number[]
  readonly truncated: readonly boolean[]
  readonly error?: { readonly code: string; readonly detail: string }
}

let cli: CliSandbox

beforeAll(async () => {
  cli = await cliSandbox()
})

afterAll(async () => {
  await cli.remove()
})

function scoresOf(text: string): readonly Score[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Score)
}

const GOOD = [
  { id: 'same', groundTruth: 'A cat sits outside.', prediction: 'A cat sits outside.' },
  { id: 'other', groundTruth: 'A cat sits outside.', prediction: 'Prices rose by 3.5 % last year.' },
]

describe('stella evaluate', () => {
  it('scores pairs as `stella similarity` does, and reports', async () => {
    await writeFile(join(cli.folder, 'pairs.jsonl'), GOOD.map((pair) => `${JSON.stringify(pair)}\n`).join(''))
    const run = await cli.stella(['evaluate', 'pairs.jsonl', '--out', 'scores.jsonl', '--report', 'report.html'])
    expect([run.code, run.text]).toEqual([0, ''])
    expect(run.stderr).toMatch(/stella: scored 2 of 2 pairs in /)
    expect(run.stderr).toMatch(/normalised cosine: mean 0\.\d{4} ± 0\.\d{4}, median /)
    expect(run.stderr).toMatch(
      /wrote the scores of 2 pairs to scores\.jsonl\nstella: wrote a report to report\.html\n$/,
    )
    const [same, other] = scoresOf(await readFile(join(cli.folder, 'scores.jsonl'), 'utf8'))
    expect(same).toMatchObject({ id: 'same', line: 1, success: true, truncated: [false, false] })
    expect(Math.abs((same?.cosineSimilarity ?? 0) - 1)).toBeLessThan(TOLERANCE)
    const { text } = await cli.stella(['similarity', GOOD[1]?.groundTruth ?? '', GOOD[1]?.prediction ?? '', '--json'])
    const { similarity, tokens } = JSON.parse(text) as { similarity: number; tokens: number[] }
    expect(Math.abs((other?.cosineSimilarity ?? 0) - similarity)).toBeLessThan(TOLERANCE)
    expect(other?.normalizedCosine).toBeCloseTo((similarity + 1) / 2, 6)
    expect(other?.tokens).toEqual(tokens)
    const page = await readFile(join(cli.folder, 'report.html'), 'utf8')
    expect(misplacedTag(page)).toBeUndefined()
    for (const part of [
      'A cat sits outside.',
      'stella-nano',
      'pairs.jsonl',
      '<svg',
      'the least alike first',
      'ONNX Runtime',
    ]) {
      expect(page).toContain(part)
    }
    expect((await readdir(cli.folder)).filter((name) => name.includes('.partial'))).toEqual([])
  })

  it('goes on behind what it cannot score, and says so by its exit code', async () => {
    const lines = [
      JSON.stringify(GOOD[0]),
      '{"id":"broken"',
      JSON.stringify({ id: 'empty', groundTruth: 'x', prediction: ' ' }),
      JSON.stringify({ id: 'long', groundTruth: 'x', prediction: 'y'.repeat(1_000_001) }),
      '',
      JSON.stringify(GOOD[1]),
    ]
    const run = await cli.stella(['evaluate', '-', '--json', '--quiet'], { input: lines.join('\n') })
    expect(run.code).toBe(1)
    const scores = scoresOf(run.text)
    expect(scores.map(({ id, line, success }) => [id, line, success])).toEqual([
      ['same', 1, true],
      ['line 2', 2, false],
      ['empty', 3, false],
      ['long', 4, false],
      ['other', 6, true],
    ])
    expect(scores[1]?.error?.detail).toMatch(/^standard input line 2 is not JSON/)
    expect(scores[2]?.error?.detail).toMatch(/^standard input line 3 has an empty text in `prediction`/)
    expect(scores[3]?.error?.code).toMatch(/^INPUT_/)
    const document = JSON.parse(run.stderr) as Record<string, unknown>
    expect(document).toMatchObject({
      ...{ pairs: 5, succeeded: 2, failed: 3, model: 'stella-nano', device: 'cpu', promptType: 's2s_query' },
      files: { pairs: null, scores: null, report: null },
    })
  })

  it('reads and writes tables, and repeats the texts where it is asked to', async () => {
    const table = 'key;reference;answer\r\n=a;"x;\r\ny";z\r\nb;x\r\n'
    await writeFile(join(cli.folder, 'pairs.csv'), `\uFEFF${table}`)
    const fields = ['--prediction-field', 'answer', '--id-field', 'key', '--delimiter', 'semicolon']
    const run = await cli.stella(['evaluate', 'pairs.csv', ...fields, '--out', 's.csv', '--texts', '--json'])
    expect(run.code).toBe(1)
    expect(JSON.parse(run.text)).toMatchObject({
      ...{ pairs: 2, failed: 1, failuresByCode: { INPUT_INVALID: 1 } },
      files: { pairs: 'pairs.csv', scores: 's.csv', report: null },
    })
    const scores: unknown = parse(await readFile(join(cli.folder, 's.csv'), 'utf8'), { columns: true })
    expect(scores).toMatchObject([
      { id: "'=a", line: '2', success: 'true', groundTruth: 'x;\r\ny', prediction: 'z', errorCode: '' },
      { id: 'line 4', line: '4', success: 'false', normalizedCosine: '', errorCode: 'INPUT_INVALID' },
    ])
  })

  it('puts a prompt of one’s own before both texts, and takes dimensions and lengths', async () => {
    const input = JSON.stringify({
      groundTruth: 'A cat sits outside, it rains, and nobody minds.',
      prediction: 'A cat.',
    })
    const options = ['--dimensions', '512', '--quiet', '--json']
    const [plain, own, document] = await Promise.all(
      [[], ['--prompt', 'Say: '], ['--task', 'document', '--max-length', '8']].map(async (more) => {
        const { text, stderr } = await cli.stella(['evaluate', '-', ...options, ...more], { input })
        const facts = JSON.parse(stderr) as {
          promptType: string
          prompt: string
          dimensions: number
          maxLength: number
        }
        return { score: scoresOf(text)[0], ...facts }
      }),
    )
    expect(plain).toMatchObject({ promptType: 's2s_query', dimensions: 512, maxLength: 512 })
    expect(plain?.prompt).toMatch(/^Instruct: /)
    expect(own).toMatchObject({ promptType: 'own', prompt: 'Say: ' })
    expect(document).toMatchObject({ promptType: 'document', prompt: '' })
    expect(document?.score?.truncated).toEqual([true, false])
    expect(document?.score?.tokens[0]).toBe(8)
    expect(own?.score?.cosineSimilarity).not.toBe(document?.score?.cosineSimilarity)
  })

  it('takes from a file of settings what the command line does not say', async () => {
    const config = `
promptType: mine
prompts:
  mine: "Compare: "
evaluation:
  groundTruthField: a
  predictionField: b
  delimiter: pipe
  maxInFlight: 2
  ordered: false
  examples: 1
`
    await writeFile(join(cli.folder, 'settings.yaml'), config)
    const lines = ['x', 'y', 'z'].map((text) => JSON.stringify({ a: text, b: `${text} ${text}` }))
    const options = ['--config', 'settings.yaml', '--json', '--report', 'one.html']
    const { code, text, stderr } = await cli.stella(['evaluate', '-', ...options], { input: lines.join('\n') })
    expect([code, scoresOf(text).map(({ id }) => id)]).toEqual([0, ['line 1', 'line 2', 'line 3']])
    expect(stderr).toContain('scores are written in the order of the pairs')
    expect(stderr).toContain('"promptType": "mine"')
    const page = await readFile(join(cli.folder, 'one.html'), 'utf8')
    expect(page.match(/<li class="pair">/g)).toHaveLength(2)
    for (const part of ['mine', 'Compare: ', 'settings.yaml']) expect(page).toContain(part)
    const other = ['--config', 'settings.yaml', '--delimiter', 'comma', '--quiet']
    const refused = await cli.stella(['evaluate', '-', ...other], { input: lines.join('\n') })
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('`--delimiter` is for csv files')])
  })

  it('leaves no file behind where it fails as a whole, and an older one as it was', async () => {
    await writeFile(join(cli.folder, 'old.jsonl'), 'old')
    await writeFile(join(cli.folder, 'empty.jsonl'), '\n')
    const files = ['--out', 'old.jsonl', '--report', 'new.html']
    const run = await cli.stella(['evaluate', 'empty.jsonl', ...files, '--quiet'])
    expect([run.code, run.stderr]).toEqual([1, 'stella: empty.jsonl holds no pair\n'])
    expect(await readFile(join(cli.folder, 'old.jsonl'), 'utf8')).toBe('old')
    const names = await readdir(cli.folder)
    expect(names.filter((name) => name === 'new.html' || name.includes('.partial'))).toEqual([])
    const same = await cli.stella(['evaluate', 'pairs.jsonl', '--out', './pairs.jsonl'])
    expect([same.code, same.stderr]).toEqual([2, expect.stringContaining('name the same file')])
  })

  it('stops in good order at a signal, also while nothing arrives', async () => {
    const { child, ended, says } = cli.start(['evaluate', '-', '--out', 'never.jsonl'])
    await says('stella-nano')
    child.kill('SIGTERM')
    const { code, stderr } = await ended
    expect([code, stderr]).toEqual([143, expect.stringContaining('stopped by SIGTERM')])
    expect((await readdir(cli.folder)).filter((name) => name.startsWith('never'))).toEqual([])
  })

  it('streams many pairs in their order', async () => {
    const count = 2000
    const pairs = Array.from({ length: count }, (_, index) => {
      return JSON.stringify({
        id: index,
        text1: `text ${index}`,
        text2: `${'word '.repeat(index % 7)}text ${index % 50}`,
      })
    })
    const run = await cli.stella(['evaluate', '-', '--format', 'csv', '--quiet'], { input: pairs.join('\n') })
    expect(run.code).toBe(0)
    const rows = parse(run.text, { columns: true }) as unknown as { id: string; normalizedCosine: string }[]
    expect(rows.map(({ id }) => id)).toEqual(pairs.map((_, index) => String(index)))
    expect(rows.every(({ normalizedCosine }) => Number(normalizedCosine) > 0 && Number(normalizedCosine) <= 1)).toBe(
      true,
    )
  })
})
