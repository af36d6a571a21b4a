import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'

import type { CommandContext } from '../../../src/cli/command.js'
import type { PairsInput } from '../../../src/cli/input/pairs.js'
import { openPairs } from '../../../src/cli/input/pairs.js'
import { COMMANDS } from '../../../src/cli/commands/index.js'
import { parseOptions } from '../../../src/cli/parse.js'
import { Recorder, emptyFolder } from './cli-io.js'

const ACCEPTED = COMMANDS.find(({ name }) => name === 'evaluate')?.options ?? []

function open(argv: readonly string[], stdin = '', env: NodeJS.ProcessEnv = {}): Promise<PairsInput> {
  const { values, positionals, typed } = parseOptions(argv, ACCEPTED, env)
  const context: Partial<CommandContext> = {
    values,
    typed,
    positionals,
    signal: new AbortController().signal,
    io: { stdin: () => Readable.from([Buffer.from(stdin)]), stdout: new Recorder(), stderr: new Recorder(), env: {} },
  }
  return openPairs(context as CommandContext)
}

async function idsOf({ rows }: PairsInput): Promise<string[]> {
  const ids: string[] = []
  for await (const row of rows) ids.push(row.kind === 'pair' ? row.pair.id : (row.result.error?.detail ?? ''))
  return ids
}

const JSONL = '{"id":"a","gt":"x","pred":"y"}\n'
const CSV = 'id,gt,pred\na,x,y\n'

describe('openPairs', () => {
  it('reads a file by its name, and standard input as jsonl or as it is told', async () => {
    const folder = await emptyFolder()
    for (const [name, text] of [
      ['p.jsonl', JSONL],
      ['p.csv', CSV],
      ['p.tsv', CSV.replaceAll(',', '\t')],
    ] as const) {
      await writeFile(join(folder, name), text)
      const input = await open([join(folder, name)])
      expect([input.title, input.path, await idsOf(input)]).toEqual([name, join(folder, name), ['a']])
    }
    const piped = await open(['-'], JSONL)
    expect([piped.title, piped.path, await idsOf(piped)]).toEqual(['standard input', undefined, ['a']])
    const table = await open(['-', '--input-format', 'csv', '--delimiter', 'pipe'], CSV.replaceAll(',', '|'))
    expect(await idsOf(table)).toEqual(['a'])
    const renamed = ['--ground-truth-field', 'pred', '--prediction-field', 'gt', '--id-field', 'id']
    expect(await idsOf(await open(['-', '--input-format', 'csv', ...renamed], CSV))).toEqual(['a'])
  })

  it('takes a delimiter from a variable for tables, and leaves other files alone', async () => {
    const env = { STELLA_DELIMITER: 'pipe' }
    expect(await idsOf(await open(['-'], JSONL, env))).toEqual(['a'])
    const table = await open(['-', '--input-format', 'csv'], CSV.replaceAll(',', '|'), env)
    expect(await idsOf(table)).toEqual(['a'])
    await expect(open(['-', '--delimiter', 'pipe'], JSONL)).rejects.toThrow('`--delimiter` is for csv files')
  })

  it('says of a folder that it is one', async () => {
    await expect(open([await emptyFolder()])).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('is a folder') as string,
    })
  })

  it('names options in the words of a command line', async () => {
    const [message] = await idsOf(await open(['-', '--id-field', 'key'], JSONL))
    expect(message).toBe('standard input line 1 has no field `key`, which `--id-field` names. It has id, gt, pred')
  })

  it('judges by the bytes read how many pairs there are, and knows at the end', async () => {
    const folder = await emptyFolder()
    const path = join(folder, 'p.jsonl')
    await writeFile(path, JSONL.repeat(10_000))
    const input = await open([path])
    expect(input.expected()).toBeUndefined()
    let read = 0
    for await (const row of input.rows) {
      expect(row.kind).toBe('pair')
      read++
      // The bytes are those of whole pieces: off by a piece at the most, and ever less so.
      if (read > 9000) expect(Math.abs((input.expected() ?? 0) - 10_000)).toBeLessThan(1000)
    }
    expect(input.expected()).toBe(10_000)
    const piped = await open(['-'], JSONL)
    await idsOf(piped)
    expect(piped.expected()).toBe(1)
  })
})
