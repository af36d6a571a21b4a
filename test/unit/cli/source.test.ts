import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'

import type { CommandContext } from '../../../src/cli/command.js'
import type { RowSource } from '../../../src/cli/input/rows.js'
import { openSource } from '../../../src/cli/input/source.js'
import { OPTIONS, isOptionName } from '../../../src/cli/options.js'
import { parseOptions } from '../../../src/cli/parse.js'
import { Reporter } from '../../../src/cli/progress.js'
import { Recorder, emptyFolder } from './cli-io.js'

const ALL = Object.keys(OPTIONS).filter(isOptionName)

interface SetUp {
  readonly source: Promise<RowSource>
  readonly stderr: Recorder
  readonly abort: AbortController
}

function setUp(argv: readonly string[], stdin: Readable & { isTTY?: boolean } = Readable.from([])): SetUp {
  const stderr = new Recorder()
  const abort = new AbortController()
  const { values, positionals } = parseOptions(argv, ALL, {})
  const report = new Reporter({ stream: stderr, quiet: false })
  const context: Partial<CommandContext> = {
    values,
    positionals,
    report,
    signal: abort.signal,
    io: { stdin: () => stdin, stdout: new Recorder(), stderr, env: {} },
  }
  return { source: openSource(context as CommandContext), stderr, abort }
}

async function textsOf({ rows }: RowSource): Promise<string[]> {
  const texts: string[] = []
  for await (const row of rows) texts.push(row.text)
  return texts
}

describe('openSource', () => {
  it('takes arguments as they are, and does not touch standard input', async () => {
    const stdin = new PassThrough()
    const source = await setUp(['a\nb', '{"text":"c"}'], stdin).source
    expect(source.expected()).toBe(2)
    expect(await textsOf(source)).toEqual(['a\nb', '{"text":"c"}'])
    expect(stdin.listenerCount('readable')).toBe(0)
  })

  it.each(['texts.txt', 'texts', 'texts.TXT'])('reads %s as a text per line', async (name) => {
    const path = join(await emptyFolder(), name)
    await writeFile(path, 'one\n"two"\n')
    expect(await textsOf(await setUp(['--file', path]).source)).toEqual(['one', '"two"'])
  })

  it.each(['x.jsonl', 'x.ndjson', 'X.JSONL'])(
    'reads %s as JSON Lines, and as text where it is told to',
    async (name) => {
      const path = join(await emptyFolder(), name)
      await writeFile(path, '"one"\n{"text":"two"}\n')
      expect(await textsOf(await setUp(['--file', path]).source)).toEqual(['one', 'two'])
      const asText = await setUp(['--file', path, '--input-format', 'txt']).source
      expect(await textsOf(asText)).toEqual(['"one"', '{"text":"two"}'])
    },
  )

  it('judges by the bytes read how many texts there will be, and knows at the end', async () => {
    const path = join(await emptyFolder(), 'texts.txt')
    await writeFile(path, 'four\n'.repeat(1000))
    const source = await setUp(['--file', path]).source
    expect(source.expected()).toBeUndefined()
    const rows = source.rows[Symbol.asyncIterator]()
    await rows.next()
    expect(source.expected()).toBe(1000)
    for (let next = await rows.next(); next.done !== true; next = await rows.next());
    expect(source.expected()).toBe(1000)
  })

  it('does not know how much is piped in until it ends', async () => {
    const source = await setUp(['--file', '-'], Readable.from([Buffer.from('one\ntwo\n')])).source
    const rows = source.rows[Symbol.asyncIterator]()
    await rows.next()
    expect(source.expected()).toBeUndefined()
    await rows.next()
    await rows.next()
    expect(source.expected()).toBe(2)
  })

  it('ends at a signal, also while nothing arrives', async () => {
    const { source, abort } = setUp([], new PassThrough())
    const reading = textsOf(await source)
    abort.abort('SIGINT')
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('lets go of its stream when its reader stops early', async () => {
    const stdin = new PassThrough()
    stdin.write('one\ntwo\n')
    const { rows } = await setUp([], stdin).source
    for await (const row of rows) {
      expect(row.text).toBe('one')
      break
    }
    expect(stdin.destroyed).toBe(true)
  })

  it('says how many empty lines it left out', async () => {
    const { source, stderr } = setUp(['--skip-empty'], Readable.from([Buffer.from('a\n\n\n')]))
    expect(await textsOf(await source)).toEqual(['a'])
    expect(stderr.text).toBe('stella: left out 2 empty lines of standard input\n')
  })
})
