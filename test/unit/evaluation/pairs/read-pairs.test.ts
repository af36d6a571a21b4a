import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'

import type { ReadPairsOptions } from '../../../../src/evaluation/pairs/pairs-options.js'
import type { PairsSource } from '../../../../src/evaluation/pairs/read-pairs.js'
import { readPairs } from '../../../../src/evaluation/pairs/read-pairs.js'
import { pieces, rowsOf, short, stream } from './rows.js'

const PAIR = { id: 'a', groundTruth: 'x', prediction: 'y' }
const ROW = ['a', 'x', 'y']

async function fileOf(name: string, text: string | Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-pairs-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

async function read(source: PairsSource, options?: ReadPairsOptions): Promise<(readonly (string | number)[])[]> {
  const rows: (readonly (string | number)[])[] = []
  for await (const row of readPairs(source, options)) rows.push(short(row).slice(1))
  return rows
}

describe('readPairs', () => {
  it.each([
    ['p.jsonl', JSON.stringify(PAIR)],
    ['P.NDJSON', JSON.stringify(PAIR)],
    ['p.csv', 'id,groundTruth,prediction\na,x,y'],
    ['p.tsv', 'id\tgroundTruth\tprediction\na\tx\ty'],
    ['p.TAB', 'id\tgroundTruth\tprediction\na\tx\ty'],
  ])('knows by its name how %s is written', async (name, text) => {
    expect(await read(await fileOf(name, text))).toEqual([ROW])
  })

  it('takes what it is told over the name', async () => {
    expect(await read(await fileOf('p.csv', JSON.stringify(PAIR)), { format: 'jsonl' })).toEqual([ROW])
    const path = await fileOf('p.tsv', 'id,groundTruth,prediction\na,x,y')
    expect(await read(path, { delimiter: 'comma' })).toEqual([ROW])
  })

  it('reads streams of Node and of one’s own', async () => {
    const pipe = new PassThrough()
    pipe.end(`${JSON.stringify(PAIR)}\n`)
    expect(await read(pipe, { format: 'jsonl' })).toEqual([ROW])
    expect(await read(stream(JSON.stringify(PAIR)), { format: 'jsonl' })).toEqual([ROW])
  })

  it('drops a byte order mark, however it arrives, and counts the bytes', async () => {
    const bytes = Buffer.from(`\uFEFF${JSON.stringify(PAIR)}\n`)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 6 }), async (cuts) => {
        let counted = 0
        const onBytes = (done: number): void => {
          counted = done
        }
        expect(await read(stream(...pieces(bytes, cuts)), { format: 'jsonl', onBytes })).toEqual([ROW])
        expect(counted).toBe(bytes.length)
      }),
    )
  })

  it.each([
    [Buffer.from([0xff, 0xfe, 0x7b, 0x00])],
    [Buffer.from([0xfe, 0xff, 0x00, 0x7b])],
    // Too short for any mark but this one.
    [Buffer.from([0xff, 0xfe])],
  ])('refuses UTF-16 in either order', async (bytes) => {
    for (const format of ['jsonl', 'csv'] as const) {
      await expect(rowsOf(bytes, { format, name: 'p' })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: 'p is UTF-16. Save it as UTF-8 and run again',
      })
    }
  })

  it.each([[''], ['\n\n'], ['\uFEFF'], [' \r\n']])('refuses %j, which holds no pair', async (text) => {
    await expect(rowsOf(text, { format: 'jsonl' })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: 'pairs holds no pair',
    })
  })

  it('reads no further than it is asked', async () => {
    let given = 0
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (; ; given++) yield* stream(`${JSON.stringify(PAIR)}\n`)
    }
    const rows = readPairs(endless(), { format: 'jsonl' })
    for (let row = 0; row < 5; row++) await rows.next()
    await rows.return(undefined)
    expect(given).toBeLessThanOrEqual(6)
  })

  it('says what is wrong with a file that cannot be read', async () => {
    await expect(read('no-such.jsonl')).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: 'Cannot read no-such.jsonl: there is no such file',
    })
    await expect(read(tmpdir(), { format: 'csv' })).rejects.toThrow(/it is a folder/)
  })

  it('ends at a signal, also while nothing arrives', async () => {
    const pipe = new PassThrough()
    const abort = new AbortController()
    const reading = read(pipe, { format: 'jsonl', signal: abort.signal })
    abort.abort()
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' })
    expect(pipe.destroyed).toBe(true)
    await expect(read(stream('{}\n'), { format: 'jsonl', signal: abort.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })

  it.each<[string, unknown, unknown, RegExp]>([
    ['no format', 'pairs.json', {}, /Cannot tell how pairs\.json is written\. Expected `format` to be jsonl or csv/],
    ['no format of a stream', stream(''), {}, /Cannot tell how pairs is written/],
    ['an unknown format', 'p.csv', { format: 'xml' }, /`format` to be jsonl or csv; got "xml"/],
    ['an unknown delimiter', 'p.csv', { delimiter: ',' }, /`delimiter` to be comma, semicolon, tab, pipe; got ","/],
    ['a delimiter of jsonl', 'p.jsonl', { delimiter: 'tab' }, /`delimiter` to be absent where `format` is jsonl/],
    ['an empty name of a field', 'p.csv', { idField: '' }, /`idField` to be a name; got ""/],
    ['a field that is no name', 'p.csv', { groundTruthField: 1 }, /`groundTruthField` to be a name; got 1/],
    ['a signal that is none', 'p.csv', { signal: {} }, /`signal` to be an AbortSignal/],
    ['a callback that is none', 'p.csv', { onBytes: 1 }, /`onBytes` to be a function/],
    ['a misspelt option', 'p.csv', { fromat: 'csv' }, /Unknown option `fromat`/],
  ])('refuses %s', async (_what, source, options, message) => {
    await expect(read(source as PairsSource, options as ReadPairsOptions)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringMatching(message) as string,
    })
  })

  it.each([[42], [null], [['{}']]])('refuses %j as a source', async (source) => {
    await expect(read(source as unknown as PairsSource, { format: 'jsonl' })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    })
  })

  it('refuses a stream of texts, which has no bytes', async () => {
    const texts = async function* (): AsyncGenerator<string> {
      await Promise.resolve()
      yield '{}'
    }
    const source = texts() as unknown as AsyncIterable<Uint8Array>
    await expect(read(source, { format: 'jsonl' })).rejects.toThrow(/a stream of bytes; got "\{\}" \(string\)/)
  })
})
