/**
 * What a trace point costs a call, in nanoseconds and in bytes of heap: while nobody listens, asked by `active` and by
 * `run`, and with a subscriber. The call is one that is done at once, so that all the rest is the trace point.
 *
 *   npm run bench:tracing
 */
import { tracingChannel } from 'node:diagnostics_channel'

import { embedTracing } from '../src/pool/tracing.js'
import { median, spread, takeTurns } from './support/statistics.js'

const ROUNDS = 15
/** Calls a round while nobody listens, and with a subscriber. */
const CALLS = 2_000_000
const TRACED_CALLS = 50_000
/** Few enough that the heap is not collected in between. */
const COUNTED_CALLS = 2_000

const CONTEXT = { model: 'stella-en-400m-v5', call: 'embed', texts: 1, lane: 'interactive' } as const
const DONE = Promise.resolve(0)

// Kept, so that no call can be left out.
let calls = 0
const work = (): Promise<number> => {
  calls++
  return DONE
}

type Loop = (count: number) => unknown

const bare: Loop = (count) => {
  for (let call = 0; call < count; call++) void work()
}
const asked: Loop = (count) => {
  for (let call = 0; call < count; call++) {
    void (embedTracing.active ? embedTracing.run(() => ({ ...CONTEXT, tokens: call }), work) : work())
  }
}
const run: Loop = (count) => {
  for (let call = 0; call < count; call++) void embedTracing.run(() => ({ ...CONTEXT, tokens: call }), work)
}
const bareAwaited: Loop = async (count) => {
  for (let call = 0; call < count; call++) await work()
}
const awaited: Loop = async (count) => {
  for (let call = 0; call < count; call++) await embedTracing.run(() => ({ ...CONTEXT, tokens: call }), work)
}

/** Nanoseconds a call, of each loop by rounds. */
async function time(loops: readonly Loop[], count: number): Promise<readonly (readonly number[])[]> {
  const works = loops.map((loop) => async () => {
    const started = performance.now()
    await loop(count)
    return ((performance.now() - started) * 1e6) / count
  })
  return takeTurns(works, ROUNDS)
}

/** Bytes of heap a call, after all is compiled. Rounds in which the heap was collected come out low or negative. */
async function bytes(loop: Loop): Promise<number> {
  const samples: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.memoryUsage().heapUsed
    await loop(COUNTED_CALLS)
    samples.push((process.memoryUsage().heapUsed - before) / COUNTED_CALLS)
  }
  return median(samples)
}

function report(name: string, nanoseconds: readonly number[], heap: number): void {
  const { median: middle, low, high } = spread(nanoseconds)
  console.log(`| ${name} | ${middle.toFixed(1)} | ${low.toFixed(1)}–${high.toFixed(1)} | ${heap.toFixed(0)} |`)
}

console.log('| call | ns, median | quartiles | bytes of heap |\n|---|---|---|---|')

const [bareNs = [], askedNs = [], runNs = []] = await time([bare, asked, run], CALLS)
const [bareAwaitedNs = [], awaitedNs = []] = await time([bareAwaited, awaited], TRACED_CALLS)
report('no trace point', bareNs, await bytes(bare))
report('nobody listens, asked by `active`', askedNs, await bytes(asked))
report('nobody listens, `run`', runNs, await bytes(run))
report('awaited, no trace point', bareAwaitedNs, await bytes(bareAwaited))
report('awaited, nobody listens, `run`', awaitedNs, await bytes(awaited))

let heard = 0
const hear = (): void => {
  heard++
}
tracingChannel('stella-pool:embed').subscribe({ start: hear, end: hear, asyncStart: hear, asyncEnd: hear, error: hear })
const [tracedNs = []] = await time([awaited], TRACED_CALLS)
report('awaited, a subscriber, `run`', tracedNs, await bytes(awaited))

// Four messages a call: without them, the last row measured nothing.
const expected = 4 * ((ROUNDS + 1) * TRACED_CALLS + ROUNDS * COUNTED_CALLS)
if (heard !== expected) throw new Error(`${expected} messages expected, ${heard} heard, in ${calls} calls`)
