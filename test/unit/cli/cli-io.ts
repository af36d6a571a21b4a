/** What the tests of the command line share: an outside world in memory, and a run of the real entry function. */
import { Readable, Writable } from 'node:stream'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

import type { CliIo } from '../../../src/cli/command.js'
import { runCli } from '../../../src/cli/run.js'

/** A stream that remembers what was written to it. */
export class Recorder extends Writable {
  readonly isTTY: boolean
  readonly columns: number | undefined
  readonly #chunks: Buffer[] = []

  constructor(options: { readonly isTTY?: boolean; readonly columns?: number } = {}) {
    super()
    this.isTTY = options.isTTY === true
    this.columns = options.columns
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(Buffer.from(chunk))
    done()
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.bytes.toString('utf8')
  }
}

/** How a run of the command line ended. */
export interface CliRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `stella` in this process. */
export async function stella(
  argv: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv
    readonly stdin?: Readable & { isTTY?: boolean }
    readonly io?: Partial<CliIo>
  } = {},
): Promise<CliRun> {
  const stdout = new Recorder()
  const stderr = new Recorder()
  const stdin = options.stdin ?? Object.assign(Readable.from([]), { isTTY: true })
  const code = await runCli(argv, { stdin: () => stdin, stdout, stderr, env: options.env ?? {}, ...options.io })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

/** An empty folder that is removed after the test. */
export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
