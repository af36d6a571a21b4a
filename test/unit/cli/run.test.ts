import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'

import { COMMANDS } from '../../../src/cli/commands/index.js'
import { packageVersion } from '../../../src/files/package-root.js'
import { emptyFolder, stella } from './cli-io.js'

describe('runCli', () => {
  it('prints help on standard output and ends well', async () => {
    for (const argv of [['--help'], ['-h'], ...COMMANDS.map(({ name }) => [name, '--help'])]) {
      const { code, stdout, stderr } = await stella(argv)
      expect([argv, code, stderr]).toEqual([argv, 0, ''])
      expect(stdout).toContain('usage: stella')
    }
  })

  it('prints the version', async () => {
    expect(await stella(['--version'])).toEqual({ code: 0, stdout: `${packageVersion()}\n`, stderr: '' })
    expect(JSON.parse((await stella(['--version', '--json'])).stdout)).toEqual({ version: packageVersion() })
  })

  it('prints help on standard error where no command was given', async () => {
    const { code, stdout, stderr } = await stella([])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('commands:')
  })

  it.each([
    [['embd'], /Unknown command `embd`.*\n {2}Did you mean `stella embed`\?/],
    [
      ['xyzzy'],
      /Unknown command `xyzzy`. Commands: embed, similarity, evaluate, models, plan, pull, convert, verify, doctor, init\n/,
    ],
    [['--fast', 'embed', 'x'], /Unknown option `--fast`/],
    [['embed', '--fromat', 'json'], /Unknown option `--fromat`\n {2}Did you mean/],
    [['embed'], /No text was given\n {2}usage: stella embed/],
    [['embed', 'x', '--file', 'y.txt'], /both as arguments and with `--file`/],
    [['embed', 'x', '--input-format', 'jsonl'], /`--input-format` is for files/],
    [['embed', ''], /Text 1 is empty/],
    [['embed', 'a', ' '], /Text 2 is empty/],
    [['embed', '--file', 'x.csv'], /Cannot tell how x\.csv is written/],
    [['embed', 'x', '-m', 'stella-nano', '--checkpoint', 'y'], /both name a model/],
    [['embed', 'x', '-m', 'stella-en-400m'], /No model is called `stella-en-400m`. Did you mean/],
    [['embed', 'x', '--task', 'question'], /Unknown task.*question.*Accepted: s2p_query/],
    [['embed', 'x', '--task', 'document', '--prompt', 'y'], /`--prompt` to be absent where `--task`/],
    [['embed', 'x', '--dimensions', '300'], /gives 256, 512 dimensions; got 300/],
    [['embed', 'x', '--max-length', '100000'], /`--max-length` to be an integer from 4 to 2048/],
    [['embed', 'x', '--memory', 'lots'], /Expected `--memory` to be/],
    [['embed', 'x', '--workers', '5000'], /Expected `--workers` to be/],
    [['embed', 'x', '--precision', 'fp16'], /auto, fp32, int8 or int4/],
    [
      ['embed', 'x', '--encoding', 'int8'],
      /`--encoding int8` needs `--ranges file.json`.*\n {2}Save them from .*--save-ranges/,
    ],
    [['embed', 'x', '--ranges', 'r.json'], /`--ranges` is for the encodings int8 and uint8; this run encodes float32/],
    [['embed', 'x', '--encoding', 'uint8', '--ranges', 'r.json', '--save-ranges', 's.json'], /were both given/],
    [['embed', 'x', '--save-ranges', '.'], /`--save-ranges` names the folder \./],
    [['embed', 'x', '--out', '/nowhere/at/all.jsonl'], /there is no folder \/nowhere\/at/],
    [['similarity', 'one'], /`stella similarity` takes two texts\n {2}usage:/],
    [['similarity', 'one', 'two', 'three'], /takes two texts; got 3/],
    [['similarity', 'one', ''], /Text 2 is empty/],
    [['evaluate'], /`stella evaluate` takes one file of pairs, or - for standard input/],
    [['evaluate', 'a.jsonl', 'b.jsonl'], /takes one file of pairs.*; got 2/],
    [['evaluate', 'pairs.txt'], /Cannot tell how pairs\.txt is written: its name ends in \.txt/],
    [['evaluate', 'pairs'], /its name ends in nothing that says so/],
    [['evaluate', '-', '--delimiter', 'tab'], /`--delimiter` is for csv files; standard input is read as jsonl/],
    [['evaluate', '-', '--format', 'npy'], /`--format` to be jsonl or csv; got `npy`/],
    [['evaluate', '-', '--input-format', 'txt'], /`--input-format` to be jsonl or csv; got `txt`/],
    [['evaluate', '-', '--report'], /`--report` needs a value/],
    [['evaluate', '-', '--report-file', 'x.html'], /Unknown option `--report-file`/],
    [['evaluate', '-', '--out', 'a.txt', '--report', './a.txt'], /`--out` and `--report` name the same file/],
    [['evaluate', '-', '--report', '/nowhere/at/all.html'], /there is no folder \/nowhere\/at/],
    [['evaluate', '-', '--report', '.'], /`--report` names the folder/],
    [['evaluate', '-', '--task', 'question'], /Unknown task.*question/],
    [['evaluate', '-', '--task', 's2s', '--prompt', 'y'], /`--prompt` to be absent where `--task`/],
    [['evaluate', '-', '--dimensions', '300'], /gives 256, 512 dimensions; got 300/],
    [['pull'], /takes one model/],
    [['pull', 'stella-nanu'], /Did you mean `stella-nano`/],
    [['pull', 'stella-nano', '--dims', '300'], /no head of 300 dimensions; it has 256, 512/],
    [['models', 'x'], /takes no arguments; got 1: x\n {2}usage: stella models\n/],
    [['convert', 'no-such-thing'], /No model is called `no-such-thing`.*no folder of that name/],
  ])('tells a mistake in %j with exit code 2 and no stack', async (argv, message) => {
    const { code, stdout, stderr } = await stella(argv, { env: { STELLA_HOME: await emptyFolder() } })
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^stella: /)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect([code, stdout]).toEqual([2, ''])
  })

  it.each([
    [['embed', '--file', 'no-such-file.txt'], 'INPUT_INVALID', 'there is no such file'],
    [['embed', '--file', '.', '--input-format', 'txt'], 'INPUT_INVALID', 'is a folder'],
    [['embed', 'x', '-m', 'stella-en-400m-v5'], 'MODEL_NOT_DOWNLOADED', '`stella pull stella-en-400m-v5'],
    [['embed', 'x', '--memory', '1MB'], 'MEMORY_EXHAUSTED', '1 MB of the budget'],
    [['convert', './no-such-folder'], 'CHECKPOINT_INVALID', 'is no folder'],
    [['evaluate', 'no-such.jsonl'], 'INPUT_INVALID', 'there is no such file'],
    [['evaluate', '.', '--input-format', 'csv'], 'INPUT_INVALID', 'is a folder'],
  ])('tells a failure of %j with exit code 1, as problem details under --json', async (argv, problem, part) => {
    const env = { STELLA_HOME: await emptyFolder(), HF_HOME: await emptyFolder() }
    const plain = await stella(argv, { env })
    expect(plain).toMatchObject({ code: 1, stdout: '' })
    expect(plain.stderr).toContain(part)
    expect(plain.stderr).not.toMatch(/\n\s+at /)
    const json = await stella([...argv, '--json', '--quiet'], { env })
    expect(json).toMatchObject({ code: 1, stdout: '' })
    expect(JSON.parse(json.stderr)).toMatchObject({ code: problem, detail: expect.stringContaining(part) as string })
  })

  it('prints problem details also where the options themselves are wrong', async () => {
    const { stderr } = await stella(['embed', '--json', '--wrong'])
    expect(JSON.parse(stderr)).toMatchObject({ code: 'OPTION_INVALID', status: 400 })
    const fromEnvironment = await stella(['embed', '--wrong'], { env: { STELLA_JSON: '1' } })
    expect(JSON.parse(fromEnvironment.stderr)).toMatchObject({ code: 'OPTION_INVALID' })
    const text = await stella(['embed', '--wrong', '--', '--json'])
    expect(text.stderr).toMatch(/^stella: /)
  })

  it('refuses --json with --format npy, but takes either over the variable of the other', async () => {
    const { code, stderr } = await stella(['embed', 'x', '--json', '--format', 'npy'])
    expect([code, (JSON.parse(stderr) as { detail: string }).detail]).toEqual([
      2,
      expect.stringContaining('contradict'),
    ])
    const env = { STELLA_FORMAT: 'npy', STELLA_TASK: 'wrong' }
    expect((await stella(['embed', 'x', '--json'], { env })).stderr).toContain('Unknown task')
  })

  it('shows the stack under STELLA_DEBUG=1', async () => {
    const { stderr } = await stella(['embed', 'x', '--task', 'no'], { env: { STELLA_DEBUG: '1' } })
    expect(stderr).toMatch(/\n\s+at /)
  })

  it('refuses before it fetches, converts or writes anything', async () => {
    const home = await emptyFolder()
    await stella(['embed', 'x', '--memory', '1MB', '--out', `${home}/out.jsonl`], { env: { STELLA_HOME: home } })
    const { readdir } = await import('node:fs/promises')
    expect(await readdir(home)).toEqual([])
  })

  it('reports a setting of the environment that is wrong', async () => {
    const { code, stderr } = await stella(['models'], { env: { HF_HUB_OFFLINE: 'yep' } })
    expect(code).toBe(2)
    expect(stderr).toContain('HF_HUB_OFFLINE')
  })

  it('keeps npy off a terminal', async () => {
    const stdout = Object.assign(
      new Writable({
        write: (_c, _e, done) => {
          done()
        },
      }),
      { isTTY: true },
    )
    const { code, stderr } = await stella(['embed', 'x', '--format', 'npy'], { io: { stdout } })
    expect(code).toBe(2)
    expect(stderr).toContain('binary and standard output is a terminal')
  })

  it('ends well when nobody reads its output', async () => {
    const broken = new Writable({
      write: (_chunk, _encoding, done) => {
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
      },
    })
    const { code, stderr } = await stella(['--help'], { io: { stdout: broken } })
    expect([code, stderr]).toEqual([0, ''])
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('ends with the exit code of %s when it is interrupted', async (signal, expected) => {
    const interrupt = new AbortController()
    interrupt.abort(signal)
    const env = { STELLA_HOME: await emptyFolder() }
    const { code, stdout, stderr } = await stella(['convert', 'stella-nano'], {
      env,
      io: { interrupt: interrupt.signal },
    })
    expect([code, stdout]).toEqual([expected, ''])
    expect(stderr).toContain(`stella: stopped by ${signal}`)
  })
})
