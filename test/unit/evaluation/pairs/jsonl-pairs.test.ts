import { describe, expect, it } from 'vitest'

import { readPairs } from '../../../../src/evaluation/pairs/read-pairs.js'
import { MAX_LINE_BYTES } from '../../../../src/files/lines.js'
import { rowsOf, stream } from './rows.js'

const JSONL = { format: 'jsonl', name: 'p.jsonl' } as const

describe('pairs of JSON Lines', () => {
  it.each([
    [{ id: 'a', groundTruth: 'x', prediction: 'y' }],
    [{ id: 'a', ground_truth: 'x', prediction: 'y' }],
    [{ ID: 'a', 'Ground Truth': 'x', Prediction: 'y' }],
    [{ id: 'a', gt: 'x', pred: 'y' }],
    [{ id: 'a', reference: 'x', candidate: 'y' }],
    [{ pairId: 'a', expected: 'x', actual: 'y' }],
    [{ video_id: 'a', text1: 'x', text2: 'y' }],
    [{ prediction: 'y', groundTruth: 'x', id: 'a', other: [1, 2], more: null }],
    // A plain name goes before the others.
    [{ id: 'a', reference: 'doc 12', groundTruth: 'x', prediction: 'y', actual: 'z' }],
  ])('are found in %j', async (fields) => {
    expect(await rowsOf(JSON.stringify(fields), JSONL)).toEqual([[1, 'a', 'x', 'y']])
  })

  it('are named after their line where they have no id, and after integers', async () => {
    const lines = [
      { groundTruth: 'x', prediction: 'y' },
      { id: null, groundTruth: 'x', prediction: 'y' },
      { id: 7, groundTruth: 'x', prediction: 'y' },
      { id: '', groundTruth: 'x', prediction: 'y' },
    ]
    const rows = await rowsOf(lines.map((line) => `${JSON.stringify(line)}\r\n`).join('\n'), JSONL)
    // Empty lines count as lines, and as nothing else.
    expect(rows).toEqual([
      [1, 'line 1', 'x', 'y'],
      [3, 'line 3', 'x', 'y'],
      [5, '7', 'x', 'y'],
      [7, 'line 7', 'x', 'y'],
    ])
  })

  it.each([
    ['{"groundTruth":"x"', /^p\.jsonl line 2 is not JSON: /],
    ['["x","y"]', /line 2 is an array of 2; expected an object/],
    ['null', /line 2 is null; expected an object/],
    ['"x"', /line 2 is "x"; expected an object/],
    [
      '{}',
      /line 2 has no field for the ground truth\. It has none\. Known are groundTruth, gt, reference.*`groundTruthField`/,
    ],
    ['{"groundTruth":"x","text":"y"}', /no field for the prediction\. It has groundTruth, text\./],
    ['{"groundTruth":"x","prediction":3}', /line 2 has no text in `prediction`: 3\. Expected a string/],
    ['{"groundTruth":null,"prediction":"y"}', /no text in `groundTruth`: null/],
    ['{"groundTruth":"x","prediction":" \\n"}', /an empty text in `prediction`/],
    ['{"id":{},"groundTruth":"x","prediction":"y"}', /an unusable id in `id`: an object\./],
    ['{"id":1.5,"groundTruth":"x","prediction":"y"}', /an unusable id in `id`: 1\.5/],
    ['{"id":12345678901234567890,"groundTruth":"x","prediction":"y"}', /an unusable id/],
    ['{"id":"' + 'a'.repeat(1001) + '","groundTruth":"x","prediction":"y"}', /at most 1000 characters/],
    [
      '{"reference":"a","expected":"b","prediction":"y"}',
      /several fields for the ground truth: reference, expected\. Name/,
    ],
    ['{"groundTruth":"x","ground_truth":"z","prediction":"y"}', /several fields for the ground truth/],
  ])('refuse %s alone', async (line, message) => {
    const good = JSON.stringify({ id: 'g', groundTruth: 'x', prediction: 'y' })
    const rows = await rowsOf(`${good}\n${line}\n${good}\n`, JSONL)
    expect(rows.map(([number]) => number)).toEqual([1, 2, 3])
    expect([rows[0], rows[2]].map((row) => row?.length)).toEqual([4, 4])
    expect(rows[1]?.[2]).toMatch(message)
  })

  it('keep of a refused line what can be read, in a result of their own', async () => {
    const rows = readPairs(stream('{"id":"b","groundTruth":"x","prediction":null}\n'), JSONL)
    expect((await rows.next()).value).toMatchObject({
      kind: 'refused',
      line: 1,
      result: {
        id: 'b',
        groundTruthText: 'x',
        predictionText: '',
        similarityScore: null,
        success: false,
        error: { code: 'INPUT_INVALID', status: 400, details: { source: 'p.jsonl', line: 1 } },
      },
    })
  })

  it('take the fields that are named, and no others', async () => {
    const options = { ...JSONL, groundTruthField: 'a.b', predictionField: 'Prediction', idField: 'key' }
    const line = { 'a.b': 'x', prediction: 'no', Prediction: 'y', key: 'k', id: 'no', groundTruth: 'no' }
    expect(await rowsOf(JSON.stringify(line), options)).toEqual([[1, 'k', 'x', 'y']])
    const [row] = await rowsOf(JSON.stringify({ groundTruth: 'x', Prediction: 'y', key: 'k' }), options)
    expect(row?.[2]).toMatch(
      /has no field `a\.b`, which `groundTruthField` names\. It has groundTruth, Prediction, key/,
    )
    const [id] = await rowsOf(JSON.stringify({ 'a.b': 'x', Prediction: 'y' }), options)
    expect(id?.[2]).toMatch(/has no field `key`, which `idField` names/)
  })

  it('take names that objects have anyway for fields', async () => {
    const line = '{"__proto__":"x","constructor":"y"}'
    const options = { ...JSONL, groundTruthField: '__proto__', predictionField: 'constructor' }
    expect(await rowsOf(line, options)).toEqual([[1, 'line 1', 'x', 'y']])
    expect((await rowsOf('{"a":"b"}', options))[0]?.[2]).toMatch(/has no field `__proto__`/)
  })

  it('find the fields of each line, where lines differ', async () => {
    const text = '{"text1":"a","text2":"b"}\n{"text2":"d","text1":"c"}\n{"gt":"e","pred":"f"}\n'
    expect(await rowsOf(text, JSONL)).toEqual([
      [1, 'line 1', 'a', 'b'],
      [2, 'line 2', 'c', 'd'],
      [3, 'line 3', 'e', 'f'],
    ])
  })

  it('go on behind a line that is too long or not UTF-8', async () => {
    const good = '{"gt":"x","pred":"y"}\n'
    const long = `{"gt":"${'x'.repeat(MAX_LINE_BYTES)}","pred":"y"}\n`
    const bytes = Buffer.concat([Buffer.from(good + long + good), Buffer.from([0xff, 0x0a]), Buffer.from(good)])
    const rows = await rowsOf(bytes, JSONL)
    expect(rows.map((row) => [row[0], row.length])).toEqual([
      [1, 4],
      [2, 3],
      [3, 4],
      [4, 3],
      [5, 4],
    ])
    expect(rows[1]?.[2]).toMatch(/^p\.jsonl line 2 is longer than 16777216 bytes/)
    expect(rows[3]?.[2]).toMatch(/^p\.jsonl line 4 is not UTF-8/)
  })

  it('repeat nothing of a file in messages that acts on a terminal', async () => {
    const [broken, named] = await rowsOf('\u001B[31m{\n{"\u001B]0;x\u0007\u202E":1}\n', JSONL)
    for (const row of [broken, named]) {
      expect(String(row?.[2])).not.toMatch(/[\u0000-\u001F\u202E]/)
    }
    expect(broken?.[2]).toContain('\\u001b')
  })

  it('stand nesting without end', async () => {
    const deep = `{"gt":"x","pred":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    const [row] = await rowsOf(deep, JSONL)
    expect(row?.[2]).toMatch(/no text in `pred`|is not JSON/)
  })
})
