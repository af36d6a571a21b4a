import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { MAX_LINE_BYTES, readEachLine, readLines } from '../../../src/files/lines.js'

async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  const texts: string[] = []
  for await (const { number, text } of readLines(stream(chunks), 'in.txt')) {
    texts.push(text)
    expect(number).toBe(texts.length)
  }
  return texts
}

// eslint-disable-next-line @typescript-eslint/require-await -- stands in for a file
async function* stream(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
}

describe('readLines', () => {
  it.each([
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['a\nb', ['a', 'b']],
    ['', []],
    ['\n', ['']],
    ['a\n\nb\n', ['a', '', 'b']],
    ['\uFEFFa\nb\uFEFF\n', ['a', 'b\uFEFF']],
    ['a\rb\n', ['a\rb']],
    ['a\u2028b\n', ['a\u2028b']],
  ])('cuts %j', async (text, lines) => {
    expect(await linesOf([Buffer.from(text)])).toEqual(lines)
  })

  it('gives the same lines however the bytes arrive', async () => {
    const text = fc.array(
      fc.string({ unit: 'binary', maxLength: 20 }).map((line) => line.replaceAll(/[\n\r\uFEFF]/g, 'é')),
    )
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 7 })), async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const chunks: Buffer[] = []
        let start = 0
        for (const cut of cuts) {
          chunks.push(bytes.subarray(start, start + cut))
          start += cut
        }
        chunks.push(bytes.subarray(start))
        expect(await linesOf(chunks)).toEqual(lines.map((line) => Buffer.from(line).toString('utf8')))
      }),
      { numRuns: 80 },
    )
  })

  it('names the line that is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('ok\n'), Buffer.from([0xff, 0xfe, 0x41, 0x00, 0x0a])])
    await expect(linesOf([bytes])).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/^in\.txt line 2 is not UTF-8/) as string,
    })
  })

  it('refuses a line that never ends, without holding it all', async () => {
    let read = 0
    const endless = function* (): Generator<Uint8Array> {
      const chunk = Buffer.alloc(1024 * 1024, 'x')
      for (;;) {
        read += chunk.length
        yield chunk
      }
    }
    const lines = readLines(stream(endless()), 'in.txt')
    await expect(lines.next()).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      details: { line: 1, limit: MAX_LINE_BYTES },
    })
    expect(read).toBeLessThanOrEqual(MAX_LINE_BYTES + 1024 * 1024)
  })
})

describe('readEachLine', () => {
  it('tells a line that cannot be read in its place, and reads the next ones', async () => {
    const long = Buffer.alloc(MAX_LINE_BYTES + 1, 'x')
    const cut = [long.subarray(0, 100), long.subarray(100), Buffer.from('y\nb\n')]
    const whole = [Buffer.concat([long, Buffer.from('\n\xff')]), Buffer.from([0xff, 0x0a]), Buffer.from('c')]
    const lines: unknown[] = []
    for await (const line of readEachLine(stream([Buffer.from('a\n'), ...cut, ...whole]))) lines.push(line)
    expect(lines).toEqual([
      { number: 1, text: 'a', bytes: 2 },
      { number: 2, problem: 'too-long' },
      { number: 3, text: 'b', bytes: 2 },
      { number: 4, problem: 'too-long' },
      { number: 5, problem: 'not-utf8' },
      { number: 6, text: 'c', bytes: 1 },
    ])
  })
})
