/** How long the calling thread is held: by loading a tokenizer, and by native calls of several sizes. */
import { performance, monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises'

import { Tokenizer } from 'tokenizers'

import type { EachTokenizer } from '../../src/text/tokenized-text.js'
import { StellaTokenizer } from '../../src/text/tokenizer.js'
import { TokenizerThread } from '../../src/text/tokenizer-thread.js'
import { quantile } from '../support/statistics.js'
import type { TokenizerFile } from './tokenizers.js'
import { WHOLE } from './tokenizers.js'

/** Texts in all of the rounds of one size. */
const TEXTS_PER_SIZE = 2048

/** Rounds of one size at least. */
const MIN_ROUNDS = 20

/** Loads of each kind. */
const LOADS = 5

/** What a load costs, in milliseconds. */
export interface LoadFigures {
  readonly totalMs: number
  /** Longest time for which the event loop of the calling thread stood still. */
  readonly blockMs: number
}

/** Loads a tokenizer in the calling thread, and in one of its own; the median of some loads. */
export async function measureLoads({
  path,
  vocab,
}: TokenizerFile): Promise<Readonly<Record<'here' | 'there', LoadFigures>>> {
  const here = async (): Promise<void> => {
    await StellaTokenizer.load(path, vocab)
  }
  const there = async (): Promise<void> => {
    const tokenizer = await TokenizerThread.load(path, vocab)
    await tokenizer.close()
  }
  return { here: await timeLoads(here), there: await timeLoads(there) }
}

async function timeLoads(load: () => Promise<void>): Promise<LoadFigures> {
  const totals: number[] = []
  const blocks: number[] = []
  for (let round = 0; round < LOADS; round++) {
    const loop = monitorEventLoopDelay({ resolution: 1 })
    loop.enable()
    await delay(20)
    loop.reset()
    const started = performance.now()
    await load()
    totals.push(performance.now() - started)
    await delay(2)
    loop.disable()
    blocks.push(loop.max / 1e6)
  }
  return { totalMs: quantile(totals, 0.5), blockMs: quantile(blocks, 0.5) }
}

/** What one native call of some texts costs the calling thread, in milliseconds. */
export interface CallFigures {
  /** 99th percentile: handing the texts to the library. */
  readonly handOverMs: number
  /** 99th percentile: taking the ids from it. */
  readonly takeBackMs: number
  /** Mean: all of it, garbage collection and the freeing of results included. */
  readonly hereMs: number
  /** Mean: all of it, with the tokenizer in a thread of its own. */
  readonly thereMs: number
}

/** Makes native calls of `texts` at a time. */
export async function measureCalls(file: TokenizerFile, texts: readonly string[]): Promise<CallFigures> {
  const rounds = Math.max(MIN_ROUNDS, Math.ceil(TEXTS_PER_SIZE / texts.length))
  const tokenizer = Tokenizer.fromFile(file.path)
  tokenizer.disableTruncation()
  tokenizer.disablePadding()
  const [handOver, takeBack]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    const call = tokenizer.encodeBatch([...texts])
    handOver.push(performance.now() - start)
    const encodings = await call
    const back = performance.now()
    for (const encoding of encodings) new Int32Array(encoding.getIds())
    takeBack.push(performance.now() - back)
    // What the last calls left behind is freed here, and not in the middle of the next figure.
    await breathe()
  }
  const here = await StellaTokenizer.load(file.path, file.vocab)
  const hereMs = await heldPerCall(here, texts, rounds)
  await using there = await TokenizerThread.load(file.path, file.vocab)
  const thereMs = await heldPerCall(there, texts, rounds)
  return { handOverMs: quantile(handOver, 0.99), takeBackMs: quantile(takeBack, 0.99), hereMs, thereMs }
}

/** Milliseconds for which the event loop was not idle, per call. */
async function heldPerCall(tokenizer: EachTokenizer, texts: readonly string[], rounds: number): Promise<number> {
  const options = texts.map(() => WHOLE)
  await tokenizer.encodeEach(texts, options)
  const before = performance.eventLoopUtilization()
  for (let round = 0; round < rounds; round++) await tokenizer.encodeEach(texts, options)
  return performance.eventLoopUtilization(before).active / rounds
}
