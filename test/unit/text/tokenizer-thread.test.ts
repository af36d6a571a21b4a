/** The tokenizer in a thread of its own: its load, its loss, and its end. */
import { execFile } from 'node:child_process'
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'

import { afterAll, beforeEach, describe, expect, it } from 'vitest'

import { isStellaError } from '../../../src/errors.js'
import type { TextOptions } from '../../../src/text/tokenized-text.js'
import { TextQueue } from '../../../src/text/text-queue.js'
import { TokenizerThread } from '../../../src/text/tokenizer-thread.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'
import { settled } from '../../support/manual-tokenizer.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const VOCAB = 1000
const OPTIONS: TextOptions = { prompt: '', maxLength: 512, overflow: 'truncate-right' }
const path = join(temporary.path, 'tokenizer.json')

/** Threads started since the last test began. */
const threads: Worker[] = []
process.on('worker', (thread) => threads.push(thread))

beforeEach(async () => {
  threads.length = 0
  await copyFile(join(goldenCheckpoint('new-tiny'), 'tokenizer.json'), path)
})

/** Whether every thread of this test has ended. */
const allEnded = () => threads.every(({ threadId }) => threadId === -1)

/** Kills the thread that was started last, as nobody means to. */
async function kill(): Promise<void> {
  const thread = threads.at(-1)
  if (thread === undefined) throw new Error('no thread was started')
  await thread.terminate()
}

const idsOf = async (tokenizer: TokenizerThread, text: string) => {
  const [outcome] = await tokenizer.encodeEach([text], [OPTIONS])
  if (outcome === undefined || isStellaError(outcome)) throw new Error('no ids')
  return [...outcome.ids]
}

describe('a load', () => {
  it.each([
    ['a file that is no tokenizer', '{}', 'ARTEFACT_INVALID'],
    ['a file that is no JSON', '{"model":', 'ARTEFACT_INVALID'],
  ])('of %s fails with the code and the path, and leaves no thread', async (_, text, code) => {
    await writeFile(path, text)
    const error = await failureOf(() => TokenizerThread.load(path, VOCAB))
    expect(error.code).toBe(code)
    expect(error.message).toContain(`${path} is not a usable tokenizer`)
    expect(error.details).toEqual({ file: path })
    expect(threads).toHaveLength(1)
    expect(allEnded()).toBe(true)
  })

  it('of a tokenizer with more tokens than the model has rows fails', async () => {
    const error = await failureOf(() => TokenizerThread.load(path, 5))
    expect(error.message).toContain("the model's embedding table has 5 rows")
  })

  it('whose thread dies meanwhile fails with WORKER_LOST', async () => {
    const loading = failureOf(() => TokenizerThread.load(path, VOCAB))
    // Node tells of a thread on the next tick.
    await settled()
    await kill()
    expect((await loading).code).toBe('WORKER_LOST')
  })
})

describe('a thread that is lost', () => {
  it('fails what it worked on with WORKER_LOST, and is replaced when the next text comes', async () => {
    await using tokenizer = await TokenizerThread.load(path, VOCAB)
    const before = await idsOf(tokenizer, 'the fox')
    const book = 'river light '.repeat(20_000)
    const underWay = failureOf(() => tokenizer.encodeEach([book], [OPTIONS]))
    await kill()
    expect((await underWay).code).toBe('WORKER_LOST')
    expect(threads).toHaveLength(1)
    // Many at once start one.
    const after = await Promise.all([idsOf(tokenizer, 'the fox'), idsOf(tokenizer, 'the fox')])
    expect(after).toEqual([before, before])
    expect(threads).toHaveLength(2)
  })

  it('costs no text behind a queue', async () => {
    await using tokenizer = await TokenizerThread.load(path, VOCAB)
    const queue = new TextQueue(tokenizer)
    const texts = Array.from({ length: 300 }, (_, index) => `the fox ${'river '.repeat(40)} ${index}`)
    let told = 0
    const done = queue.encode(texts, OPTIONS, {
      lane: 'bulk',
      onPart: (_, outcomes) => {
        for (const outcome of outcomes) expect(outcome).toMatchObject({ truncated: false })
        told += outcomes.length
      },
    })
    await kill()
    await done
    expect(told).toBe(300)
    expect(threads).toHaveLength(2)
  })

  it('is not replaced by one that reads another file', async () => {
    await using tokenizer = await TokenizerThread.load(path, VOCAB)
    await idsOf(tokenizer, 'the fox')
    await kill()
    await copyFile(join(goldenCheckpoint('qwen2-tiny'), 'tokenizer.json'), path)
    const error = await failureOf(() => tokenizer.encodeEach(['the fox'], [OPTIONS]))
    expect(error.code).toBe('ARTEFACT_INVALID')
    expect(error.message).toBe(`${path} has changed since the model was loaded; load it again`)
    // Once the file is back, so is the tokenizer.
    await copyFile(join(goldenCheckpoint('new-tiny'), 'tokenizer.json'), path)
    await idsOf(tokenizer, 'the fox')
  })

  it('is not replaced where the file is gone', async () => {
    await using tokenizer = await TokenizerThread.load(path, VOCAB)
    await kill()
    await rm(path)
    expect((await failureOf(() => tokenizer.encodeEach(['the fox'], [OPTIONS]))).code).toBe('ARTEFACT_INVALID')
  })
})

describe('close', () => {
  it('lets the thread finish, refuses what it worked on, and waits until it is gone', async () => {
    const tokenizer = await TokenizerThread.load(path, VOCAB)
    const underWay = failureOf(() => tokenizer.encodeEach(['river light '.repeat(20_000)], [OPTIONS]))
    await settled()
    const closing = tokenizer.close()
    expect((await underWay).code).toBe('POOL_CLOSED')
    await closing
    expect(allEnded()).toBe(true)
    expect((await failureOf(() => tokenizer.encodeEach(['x'], [OPTIONS]))).code).toBe('POOL_CLOSED')
    await tokenizer.close()
    expect(threads).toHaveLength(1)
  })

  it('of a thread that was lost has nothing to wait for', async () => {
    const tokenizer = await TokenizerThread.load(path, VOCAB)
    await kill()
    await tokenizer.close()
    expect((await failureOf(() => tokenizer.encodeEach(['x'], [OPTIONS]))).code).toBe('POOL_CLOSED')
    expect(threads).toHaveLength(1)
  })

  it('while a lost thread is being replaced ends the new one', async () => {
    const tokenizer = await TokenizerThread.load(path, VOCAB)
    await kill()
    const underWay = failureOf(() => tokenizer.encodeEach(['x'], [OPTIONS]))
    await settled()
    await tokenizer.close()
    expect((await underWay).code).toBe('POOL_CLOSED')
    expect(threads).toHaveLength(2)
    expect(allEnded()).toBe(true)
  })
})

describe('a process', () => {
  const entry = new URL('../../../dist/src/text/tokenizer-thread.js', import.meta.url).href

  /** Runs a module that has loaded a tokenizer: how it ended, and what it printed. */
  async function leave(body: string): Promise<{ readonly code: unknown; readonly stdout: string }> {
    const module = `
      import { TokenizerThread } from ${JSON.stringify(entry)}
      const tokenizer = await TokenizerThread.load(${JSON.stringify(path)}, ${VOCAB})
      const encode = (text) => tokenizer.encodeEach([text], [${JSON.stringify(OPTIONS)}])
      ${body}`
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', module])
    return run.then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: unknown) => error as { readonly code: unknown; readonly stdout: string },
    )
  }

  const book = "'river light '.repeat(20_000)"

  it('is not kept by an idle tokenizer, but by a text that is being tokenised', async () => {
    expect(await leave(`encode(${book}).then(() => console.log('done'))`)).toMatchObject({ code: 0, stdout: 'done\n' })
  })

  it.each([
    ['process.exit', 'process.exit(7)', 7],
    ['an exception', "throw new Error('on purpose')", 1],
  ])('that leaves by %s while a book is being tokenised keeps its exit code', async (_, how, code) => {
    const body = `encode(${book}).catch(() => undefined); setTimeout(() => { ${how} }, 5)`
    expect(await leave(body)).toMatchObject({ code })
  })
})
