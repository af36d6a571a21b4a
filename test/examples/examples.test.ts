/** The examples run, print what they say, and end as they should. The server has a file of its own. */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, describe, expect, it, vi } from 'vitest'

import type { Ended } from './example-process.js'
import { EXAMPLES, sandbox } from './example-process.js'

/** A process takes a second, and several where others keep the cores busy. */
vi.setConfig({ testTimeout: 120_000 })

const place = sandbox()
afterAll(() => place.remove())

/** Standard output of a run that must succeed. */
async function linesOf(run: Promise<Ended>): Promise<readonly string[]> {
  const { code, stdout, stderr } = await run
  expect({ code, stderr }).toMatchObject({ code: 0 })
  return stdout.trimEnd().split('\n')
}

describe('embed.ts', () => {
  it('ranks the documents in two sizes from one load', async () => {
    const lines = await linesOf(place.run('embed.ts', ['where does the mind rest?']))
    const score = expect.stringMatching(/^ {2}-?[01]\.\d{4} {2}\S/) as string
    expect(lines).toEqual([
      expect.stringMatching(/^stella-nano, 256 dimensions, \d+ tokens$/),
      ...[score, score, score],
      expect.stringMatching(/^stella-nano, 512 dimensions, \d+ tokens$/),
      ...[score, score, score],
      expect.stringMatching(/^8 texts, loaded once, in fp32 on \d+ worker\(s\)$/),
    ])
    const scores = lines.slice(1, 4).map((line) => Number(line.trim().split(' ')[0]))
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
  })

  it('says what to do about a model that is not there, and fails', async () => {
    const cache = join(place.folder, 'no-hub')
    const env = { STELLA_MODEL: 'stella-en-400m-v5', HF_HUB_CACHE: cache, HF_HUB_OFFLINE: '1' }
    const { code, stdout, stderr } = await place.run('embed.ts', [], { env })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^MODEL_NOT_DOWNLOADED: .*stella-en-400m-v5/)
  })
})

describe('plain-javascript.js', () => {
  it('needs no loader, tells equal texts from others, and survives a refusal', async () => {
    const lines = await linesOf(place.run('plain-javascript.js'))
    expect(lines).toEqual([
      'the same text: 1.0000',
      expect.stringMatching(/^another text: {2}-?0\.\d{4}$/),
      expect.stringMatching(/^INPUT_INVALID: Text 0 is empty/),
    ])
  })
})

describe('open-a-model.ts', () => {
  it('compares with each prompt, and gives no score where there is none', async () => {
    const run = place.run('open-a-model.ts')
    const lines = await linesOf(run)
    expect(lines[0]).toBe('stella-nano: fp32 on cpu, 256 dimensions')
    expect(lines[1]).toMatch(/^3 vectors, tokens \d+, \d+, \d+, 0 cut$/)
    const pairs = lines.slice(2, 6).map((line) => /^(\w+): (-?\d\.\d{4}) \((\d\.\d{4})\) {2}.+ \| .+$/.exec(line))
    expect(pairs.map((match) => match?.[1])).toEqual(['s2s', 'discriminative', 's2s', 'discriminative'])
    for (const match of pairs) expect(Number(match?.[3])).toBeCloseTo((Number(match?.[2]) + 1) / 2, 3)
    // Another prompt is another vector.
    expect(pairs[0]?.[2]).not.toBe(pairs[1]?.[2])
    expect(lines.slice(6)).toEqual([expect.stringMatching(/^no score: /), '11 texts, 4 pairs, 1 failed'])
    expect((await run).stderr).toMatch(/^\d+ tokens\/s, loaded in \d+ ms$/m)
  })
})

describe('provider.ts', () => {
  it('loads once for all first uses, tells what it loaded, and fails as a value', async () => {
    const run = place.run('provider.ts')
    const lines = await linesOf(run)
    expect(lines).toEqual([
      expect.stringMatching(/^(accounts|network): The invoice was paid twice\.$/),
      expect.stringMatching(/^(accounts|network): The router loses its connection every night\.$/),
      'stella-pool/stella-nano: stella-nano in fp32 on cpu, 256 dimensions',
      expect.stringContaining('"code":"INPUT_INVALID"'),
    ])
    const { stderr } = await run
    const told = {
      id: 'stella-pool/stella-nano',
      model: 'stella-nano',
      precision: 'fp32',
      device: 'cpu',
      dimension: 256,
    }
    expect(stderr.match(/^embedding model loaded (.*)$/gm)).toEqual([`embedding model loaded ${JSON.stringify(told)}`])
  })
})

describe('evaluate-pairs.ts', () => {
  it('scores every pair with both prompts but the one that cannot be, which fails alone', async () => {
    const pairs = (await readFile(join(EXAMPLES, 'pairs.jsonl'), 'utf8')).trimEnd().split('\n')
    const ids = pairs.map((line) => (JSON.parse(line) as { id: string }).id)
    const lines = await linesOf(place.run('evaluate-pairs.ts'))
    const second = lines.indexOf('with the prompt discriminative:')
    expect(lines[0]).toBe('with the prompt s2s:')
    for (const part of [lines.slice(1, second), lines.slice(second + 1, -2)]) {
      expect(part).toHaveLength(ids.length)
      expect(part.filter((line) => line.startsWith('no-answer: no score, '))).toHaveLength(1)
      const scored = part.flatMap((line) => /^ {2}([01]\.\d{4}) {2}(\S+)$/.exec(line)?.slice(1) ?? [])
      // A text and its exact copy.
      expect(scored[scored.indexOf('violin') - 1]).toBe('1.0000')
      expect(scored.filter((_, index) => index % 2 === 1)).toEqual(ids.filter((id) => id !== 'no-answer'))
    }
    expect(lines.slice(-2)).toEqual([
      'the same text: 1.0000',
      expect.stringMatching(/^19 pairs, 0 failed, mean 0\.\d{4}, \d+ tokens$/),
    ])
  })

  it('fails where there is no such file', async () => {
    const { code, stderr } = await place.run('evaluate-pairs.ts', [join(place.folder, 'none.jsonl')])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^INPUT_INVALID: .*none\.jsonl/)
  })
})

describe('search-folder.ts', () => {
  const folder = join(place.folder, 'texts')
  const index = join(place.folder, 'texts.index')
  const long = 'lorem ipsum dolor sit amet '.repeat(150)
  const search = (...more: readonly string[]): Promise<Ended> =>
    place.run('search-folder.ts', [folder, 'ferries cross the bay', '--top', '3', ...more])

  it('finds the passage by file and line, in all folders', async () => {
    await mkdir(join(folder, 'deep'), { recursive: true })
    await writeFile(join(folder, 'one.txt'), 'cats sleep\n\n\ndogs bark\nat night\n')
    await writeFile(join(folder, 'deep', 'two.md'), `${long}\n\nferries cross the bay`)
    await writeFile(join(folder, 'ignored.json'), '{"text": "ferries cross the bay"}')
    await writeFile(join(folder, 'empty.txt'), '\n\n')
    const run = search('--top', '100')
    const lines = await linesOf(run)
    for (const line of lines) expect(line).toMatch(/^-?[01]\.\d{4} {2}.+\.(txt|md):\d+ {2}\S/)
    // 4,050 characters are five passages of at most a thousand, beside the last of that file and two of the other.
    expect((await run).stderr).toBe('8 passages of 3 files embedded\n')
    expect(lines).toHaveLength(8)
    const scores = lines.map((line) => Number(line.split(' ')[0]))
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    const all = lines.map((line) => line.replace(/^\S+ {2}/, ''))
    expect(all).toContain(`${join(folder, 'deep', 'two.md')}:3  ferries cross the bay`)
    expect(all).toContain(`${join(folder, 'one.txt')}:1  cats sleep`)
    expect(all).toContain(`${join(folder, 'one.txt')}:4  dogs bark at night`)
  })

  it('keeps its index, and makes it again only when a file has changed or the index is damaged', async () => {
    const first = await search('--index', index)
    expect(first.stdout.trimEnd().split('\n')).toHaveLength(3)
    expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/made anew: ENOENT[^]*8 passages/) as string })
    const again = await search('--index', index)
    expect(again).toMatchObject({ code: 0, stderr: '', stdout: first.stdout })

    const bytes = await readFile(index)
    await writeFile(index, bytes.subarray(0, -1))
    const damaged = await search('--index', index)
    expect(damaged).toMatchObject({
      code: 0,
      stdout: first.stdout,
      stderr: expect.stringContaining('damaged') as string,
    })
    expect(await readFile(index)).toEqual(bytes)

    await writeFile(join(folder, 'one.txt'), 'cats sleep, still')
    const changed = await search('--index', index)
    expect(changed).toMatchObject({ code: 0, stderr: expect.stringMatching(/has changed\n7 passages/) as string })
    // Written beside, and put in place: nothing is left over.
    expect((await readdir(place.folder)).filter((name) => name.startsWith('texts.'))).toEqual(['texts.index'])
  })

  it('says how it is used, and what it cannot read', async () => {
    expect(await place.run('search-folder.ts')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Usage: /) as string,
    })
    const { code, stderr } = await place.run('search-folder.ts', [join(place.folder, 'none'), 'question'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^ENOENT: .*none/) as string })
  })
})

describe('testing-with-a-fake.test.ts', () => {
  it('passes, all of it, without reading a model', async () => {
    const empty = join(place.folder, 'nothing')
    const run = place.run('testing-with-a-fake.test.ts', [], { flags: ['--test'], env: { STELLA_HOME: empty } })
    const { code, stdout } = await run
    expect({ code, stdout }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^\S+ tests 4$/m)
    expect(stdout).toMatch(/^\S+ pass 4$/m)
    await expect(readdir(empty)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('README.md', () => {
  it('leaves out no file', async () => {
    const text = await readFile(join(EXAMPLES, 'README.md'), 'utf8')
    const files = (await readdir(EXAMPLES)).filter((name) => name !== 'README.md')
    expect(files.filter((name) => !text.includes(`(${name})`))).toEqual([])
  })
})
