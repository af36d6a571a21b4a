/** How the `stella` command ends when somebody else ends it: a reader that goes away, a signal. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../registry/index.js'
import { artefactFolder } from '../../src/convert/prepare.js'
import { withFileLock } from '../../src/files/file-lock.js'
import { cliSandbox } from './cli-process.js'
import type { CliSandbox } from './cli-process.js'

let cli: CliSandbox

beforeAll(async () => {
  cli = await cliSandbox()
})

afterAll(async () => {
  await cli.remove()
})

describe('a reader that goes away', () => {
  it('ends the command quietly and well, also while texts keep coming', async () => {
    const { child, ended } = cli.start(['embed', '--quiet'])
    const feed = (): void => {
      while (child.stdin.writable && child.stdin.write('one more text\n'.repeat(500)));
      if (child.stdin.writable) child.stdin.once('drain', feed)
    }
    feed()
    child.stdout.once('data', () => child.stdout.destroy())
    const { code, signal, stderr } = await ended
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  })
})

describe('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends a run with its exit code and leaves nothing half-written', async (name, expected) => {
    const input = join(cli.folder, 'many.txt')
    await writeFile(input, 'a text that is embedded again and again\n'.repeat(200_000))
    const before = await readdir(cli.folder)
    const { child, ended } = cli.start(['embed', '--file', input, '--out', join(cli.folder, 'out.jsonl'), '--quiet'])
    const isWriting = async (): Promise<boolean> =>
      (await readdir(cli.folder)).some((file) => file.startsWith('out.jsonl.'))
    while (!(await isWriting())) await new Promise(setImmediate)
    child.kill(name)
    const { code, signal, stderr } = await ended
    expect({ code, signal }).toEqual({ code: expected, signal: null })
    expect(stderr).toBe(`stella: stopped by ${name}\n`)
    expect((await readdir(cli.folder)).sort()).toEqual(before.sort())
  })

  it('ends a command that waits for standard input', async () => {
    const { child, ended, says } = cli.start(['embed'])
    await says('is for trying things out')
    child.kill('SIGINT')
    expect((await ended).code).toBe(130)
  })

  it('ends a command that waits for another process', async () => {
    const home = join(cli.folder, 'locked')
    const artefact = await artefactFolder(STELLA_NANO, 'fp32', { home })
    await withFileLock(artefact, {}, async () => {
      const { child, ended, says } = cli.start(['convert', 'stella-nano'], { STELLA_HOME: home })
      await says('another process is converting stella-nano; waiting for it')
      child.kill('SIGINT')
      expect((await ended).code).toBe(130)
    })
  })
})
