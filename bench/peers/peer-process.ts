/** A peer engine in a process of its own, spoken to over lines of JSON. Knows the protocol and no engine. */
import type { ChildProcessByStdio } from 'node:child_process'
import { spawn } from 'node:child_process'
import type { Interface } from 'node:readline'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

import { z } from 'zod'

const failed = z.object({ error: z.string() })
const opened = z.object({ versions: z.record(z.string(), z.string()) })
const embedded = z.object({
  ms: z.number(),
  tokens: z.array(z.int()),
  dimensions: z.int(),
  vectors: z.string().nullable(),
})

/** What a peer found. */
export interface PeerBatch {
  /** From texts to vectors, by the peer's own clock. */
  readonly ms: number
  /** Of each text, as the peer reads it. */
  readonly tokens: readonly number[]
  readonly vectors: readonly Float32Array[]
}

/** How to start a peer. */
export interface PeerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Lines of stderr that are kept for when the peer ends by itself. */
const STDERR_LINES = 5

/** A running peer. One request at a time. */
export class PeerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #lines: AsyncIterator<string>
  readonly #reader: Interface
  readonly #stderr: string[] = []
  readonly #ended: Promise<unknown>

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child
    this.#reader = createInterface({ input: child.stdout })
    this.#lines = this.#reader[Symbol.asyncIterator]()
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#stderr.push(line)
      if (this.#stderr.length > STDERR_LINES) this.#stderr.shift()
    })
    // A peer that ends by itself is noticed by the answer that does not come.
    child.stdin.on('error', () => undefined)
    this.#ended = new Promise((resolve) => {
      child.on('close', resolve)
      child.on('error', (error) => {
        this.#stderr.push(error.message)
        resolve(undefined)
      })
    })
  }

  /** Starts the process. Whether it lives shows with the first request. */
  static start({ command, args, environment }: PeerCommand): PeerProcess {
    const env = { ...process.env, ...environment }
    return new PeerProcess(spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env }))
  }

  /**
   * Loads the model.
   *
   * @returns versions of the peer's packages.
   * @throws Error with the peer's own words.
   */
  async open(options: { checkpoint: string; threads: number; dtype: string }): Promise<Record<string, string>> {
    return opened.parse(await this.#request({ op: 'open', ...options })).versions
  }

  /**
   * Embeds texts; `vectors` is empty unless asked for.
   *
   * @throws Error with the peer's own words.
   */
  async embed(texts: readonly string[], prompt: string | null, vectors: boolean): Promise<PeerBatch> {
    const answer = embedded.parse(await this.#request({ op: 'embed', texts, prompt, vectors }))
    return { ...answer, vectors: answer.vectors === null ? [] : rowsOf(answer.vectors, answer.dimensions) }
  }

  /** Ends the process and waits until it has. */
  async close(): Promise<void> {
    this.#child.stdin.end()
    await this.#ended
    this.#reader.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #request(request: object): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    const line = await this.#lines.next()
    if (line.done === true) {
      await this.#ended
      throw new Error(`the peer ended: ${this.#stderr.join(' | ') || 'it said nothing'}`)
    }
    const answer: unknown = JSON.parse(line.value)
    const failure = failed.safeParse(answer)
    if (failure.success) throw new Error(failure.data.error)
    return answer
  }
}

/** Rows of little-endian float32. */
function rowsOf(base64: string, dimensions: number): readonly Float32Array[] {
  const bytes = Buffer.from(base64, 'base64')
  const rows = bytes.byteLength / 4 / dimensions
  if (!Number.isInteger(rows)) throw new Error(`${bytes.byteLength} bytes are no rows of ${dimensions} numbers`)
  return Array.from({ length: rows }, (_, row) =>
    Float32Array.from({ length: dimensions }, (_, column) => bytes.readFloatLE((row * dimensions + column) * 4)),
  )
}
