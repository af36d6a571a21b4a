/** One tokenizing thread: started, asked, and heard out to its end. Never replaced: that is its owner's decision. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { decodeError } from '../../workers/protocol.js'
import type {
  FromTokenizing,
  TokenizingSetup,
  TokenizingTask,
  ToTokenizing,
} from '../../workers/tokenizing-protocol.js'
import { StellaError, messageOf } from '../errors.js'
import type { EncodedTexts } from './encoded-texts.js'
import { toOutcomes } from './encoded-texts.js'
import type { TextOptions, Tokenized } from './tokenized-text.js'

/** The compiled entry of the thread, from the sources and from `dist` alike. */
const WORKER_ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workers/tokenizing-worker.js' : '../../workers/tokenizing-worker.js',
  import.meta.url,
)

/**
 * Memory for young objects in the thread, in MB. The library's results are far larger than the handles that the garbage
 * collector sees of them, so it must look often, and a small heap makes it: 2 MB held the peak of resident memory 14 to
 * 18 MB below that of Node's default under texts of 500 tokens, for the same processor time.
 */
const YOUNG_GENERATION_MB = 2

/** A task that was not answered. */
interface Asked {
  readonly resolve: (encoded: EncodedTexts) => void
  readonly reject: (error: StellaError) => void
}

/** See the head of this file. */
export class TokenizingThread {
  /** SHA-256 of the file it loaded, in hexadecimal. */
  readonly sha256: string
  readonly #worker: Worker
  readonly #ended: Promise<void>
  readonly #asked = new Map<number, Asked>()
  #tasks = 0
  #isAlive = true
  #isEnding = false

  private constructor(worker: Worker, sha256: string) {
    this.sha256 = sha256
    this.#worker = worker
    let cause: unknown
    worker.on('error', (error: unknown) => {
      cause = error
      this.#isAlive = false
    })
    worker.on('message', (message: FromTokenizing) => {
      this.#hear(message)
    })
    this.#ended = new Promise((resolve) => {
      worker.once('exit', (exitCode) => {
        this.#isAlive = false
        this.#refuse(() => lost(exitCode, cause))
        resolve()
      })
    })
    // An idle tokenizer is no reason for the process to stay.
    worker.unref()
  }

  /**
   * Starts a thread and waits until it has loaded its tokenizer.
   *
   * @throws {StellaError} what the thread threw; WORKER_LOST when it ended. It is gone by then.
   */
  static async start(setup: TokenizingSetup): Promise<TokenizingThread> {
    const path = fileURLToPath(WORKER_ENTRY)
    if (!existsSync(path)) throw new StellaError('INTERNAL', `There is no ${path}; build the package first`)
    const worker = new Worker(WORKER_ENTRY, {
      workerData: setup,
      // None of the process's own: a loader for TypeScript would not be needed, and `--input-type` be refused.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    })
    let failure: StellaError | undefined
    let cause: unknown
    return new Promise((resolve, reject) => {
      worker.on('error', (error: unknown) => {
        cause = error
      })
      worker.once('message', (message: FromTokenizing) => {
        if (message.type === 'ready') resolve(new TokenizingThread(worker, message.sha256))
        else if (message.type === 'failed') failure = decodeError(message.error)
      })
      worker.once('exit', (exitCode) => {
        reject(failure ?? lost(exitCode, cause))
      })
    })
  }

  /** Whether it may be asked. */
  get isAlive(): boolean {
    return this.#isAlive
  }

  /**
   * Has one native call made.
   *
   * @param options - Of each text.
   * @param places - What to call each text in errors.
   * @throws {StellaError} what the thread threw; WORKER_LOST when it ended; POOL_CLOSED after `end`.
   */
  async encode(
    texts: readonly string[],
    options: readonly TextOptions[],
    places: readonly number[],
  ): Promise<readonly Tokenized[]> {
    if (this.#isEnding) throw closed()
    if (!this.#isAlive) throw lost(undefined, undefined)
    const id = this.#tasks++
    const task = { id, texts, ...kindsOf(options) }
    const encoded = await new Promise<EncodedTexts>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject })
      if (this.#asked.size === 1) this.#worker.ref()
      this.#say(task)
    })
    return toOutcomes(encoded, options, places)
  }

  /** Refuses what was asked, and waits until the thread has finished what it works on and is gone. */
  async end(): Promise<void> {
    this.#isEnding = true
    if (this.#isAlive) {
      this.#isAlive = false
      this.#refuse(closed)
      this.#worker.ref()
      // Not ended from outside: it may be in native code.
      this.#say('end')
    }
    await this.#ended
  }

  #say(message: ToTokenizing): void {
    this.#worker.postMessage(message)
  }

  #hear(message: FromTokenizing): void {
    if (message.type !== 'encoded' && message.type !== 'refused') return
    const asked = this.#asked.get(message.id)
    this.#asked.delete(message.id)
    if (this.#asked.size === 0 && this.#isAlive) this.#worker.unref()
    if (message.type === 'encoded') asked?.resolve(message)
    else asked?.reject(decodeError(message.error))
  }

  #refuse(error: () => StellaError): void {
    for (const { reject } of this.#asked.values()) reject(error())
    this.#asked.clear()
  }
}

/** Options as they cross: only what belongs to them, and each kind once. */
function kindsOf(options: readonly TextOptions[]): Pick<TokenizingTask, 'options' | 'kinds'> {
  const kinds = new Map<TextOptions, number>()
  for (const own of options) if (!kinds.has(own)) kinds.set(own, kinds.size)
  return {
    options: Array.from(kinds.keys(), ({ prompt, maxLength, overflow }) => ({ prompt, maxLength, overflow })),
    kinds: options.map((own) => kinds.get(own) ?? 0),
  }
}

/** The error of what is asked of a tokenizer that was closed. */
export function closed(): StellaError {
  return new StellaError('POOL_CLOSED', 'The tokenizer was closed')
}

function lost(exitCode: number | undefined, cause: unknown): StellaError {
  const why = cause === undefined ? `with exit code ${exitCode ?? 'unknown'}` : `of ${messageOf(cause)}`
  return new StellaError('WORKER_LOST', `The tokenizing thread ended ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { exitCode },
  })
}
