/** A tokenizer that is never idle: throughput, the event loop's delay, and how long an urgent text takes meanwhile. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

import { Tokenizer } from 'tokenizers'

import type { TextQueueOptions } from '../../src/text/text-queue.js'
import { TextQueue } from '../../src/text/text-queue.js'
import type { EachTokenizer } from '../../src/text/tokenized-text.js'
import { isStellaError } from '../../src/errors.js'
import { quantile } from '../support/statistics.js'
import type { TokenizerFile } from './tokenizers.js'
import { WHOLE } from './tokenizers.js'

/** Bulk calls at a time. */
const BULK_CALLS = 3

/** Texts of a bulk call. */
const BULK_TEXTS = 2000

/** Between two urgent texts. */
const URGENT_EVERY_MS = 15

/** Texts of a call that leaves everything to the library. */
const BARE_TEXTS = 1024

/** How the event loop fared, in milliseconds; its clock ticks once in a millisecond, which is included. */
export interface LoopFigures {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Texts tokenised: in a second of the clock, and in a second of a processor, which other processes do not change. */
export interface Rate {
  readonly perSecond: number
  readonly perProcessorSecond: number
}

/** A saturated queue. */
export interface SaturationFigures {
  readonly rate: Rate
  readonly loop: LoopFigures
  /** 95th percentile of an urgent text's time, in milliseconds. */
  readonly urgentMs: number
}

/** The event loop's delay while `work` goes on. */
export async function watchLoop<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly loop: LoopFigures }> {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  // The first tick counts from the start of the watch.
  await delay(5)
  histogram.reset()
  const result = await work()
  histogram.disable()
  const [p50, p99] = [50, 99].map((share) => histogram.percentile(share) / 1e6)
  return { result, loop: { p50: p50 ?? 0, p99: p99 ?? 0, max: histogram.max / 1e6 } }
}

/** Keeps a queue over `tokenizer` full for a while. */
export async function saturate(
  tokenizer: EachTokenizer,
  texts: readonly string[],
  { seconds, ...options }: TextQueueOptions & { readonly seconds: number },
): Promise<SaturationFigures> {
  const queue = new TextQueue(tokenizer, options)
  const until = performance.now() + seconds * 1000
  const goesOn = (): boolean => performance.now() < until
  const bulk = Array.from({ length: BULK_TEXTS }, (_, index) => texts[index % texts.length] ?? '')
  let done = 0
  const urgent: number[] = []
  const flood = async (): Promise<void> => {
    const controller = new AbortController()
    while (goesOn()) {
      const onPart: Parameters<TextQueue['encode']>[2]['onPart'] = (_, outcomes) => {
        for (const outcome of outcomes) if (!isStellaError(outcome)) done++
        if (!goesOn()) controller.abort()
      }
      await queue.encode(bulk, WHOLE, { lane: 'bulk', onPart, signal: controller.signal }).catch((error: unknown) => {
        if (!controller.signal.aborted) throw error
      })
    }
  }
  const trickle = async (): Promise<void> => {
    while (goesOn()) {
      await delay(URGENT_EVERY_MS)
      const started = performance.now()
      await queue.encode(texts.slice(0, 1), WHOLE, { lane: 'interactive', onPart: () => undefined })
      urgent.push(performance.now() - started)
    }
  }
  const rate = startClock()
  const { loop } = await watchLoop(() => Promise.all([...Array.from({ length: BULK_CALLS }, flood), trickle()]))
  return { rate: rate(done), loop, urgentMs: quantile(urgent, 0.95) }
}

/** The library by itself, in calls so large that what lies between them does not count. */
export async function bareRate({ path }: TokenizerFile, texts: readonly string[], seconds: number): Promise<Rate> {
  const tokenizer = Tokenizer.fromFile(path)
  tokenizer.disableTruncation()
  tokenizer.disablePadding()
  const many = Array.from({ length: BARE_TEXTS }, (_, index) => texts[index % texts.length] ?? '')
  const rate = startClock()
  const started = performance.now()
  let done = 0
  while (performance.now() - started < seconds * 1000) done += (await tokenizer.encodeBatch(many)).length
  return rate(done)
}

/** Starts to measure; the result says the rate of so many texts since. */
function startClock(): (texts: number) => Rate {
  const [started, before] = [performance.now(), process.cpuUsage()]
  return (texts) => {
    const { user, system } = process.cpuUsage(before)
    return {
      perSecond: (texts / (performance.now() - started)) * 1000,
      perProcessorSecond: (texts / (user + system)) * 1e6,
    }
  }
}
