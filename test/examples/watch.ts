/**
 * Runs an example in its own process, and watches it: measures how long the main thread was held, and counts what pools
 * did, from the tracing channels that any program may listen to. Answers the test through the process's channel.
 */
import { tracingChannel } from 'node:diagnostics_channel'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'

/** What was seen since the last report. */
export interface Report {
  /** Longest time that the main thread did not come to look at its events, in milliseconds. */
  readonly longestDelayMs: number
  /** Share of the time in which the main thread had something to do. */
  readonly utilization: number
  /** Time inside the workers, added up, in milliseconds. */
  readonly workerMs: number
  /** Texts that were run. */
  readonly textsRun: number
  /** Codes of the calls that failed. */
  readonly failures: readonly string[]
}

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
let busy = performance.eventLoopUtilization()
let workerMs = 0
let textsRun = 0
let failures: string[] = []

const nothing = (): void => undefined
const spans = { start: nothing, end: nothing, asyncStart: nothing, asyncEnd: nothing, error: nothing }
tracingChannel<unknown, { readonly texts: number; readonly runMs?: number }>('stella-pool:batch').subscribe({
  ...spans,
  asyncEnd: ({ texts, runMs = 0 }) => {
    textsRun += texts
    workerMs += runMs
  },
})
tracingChannel<unknown, object>('stella-pool:embed').subscribe({
  ...spans,
  start: () => {
    process.send?.('callStarted')
  },
  error: ({ error }) => {
    failures.push(error instanceof Error && 'code' in error ? String(error.code) : String(error))
    process.send?.('callFailed')
  },
})

process.on('message', () => {
  const utilization = performance.eventLoopUtilization(busy).utilization
  const report: Report = { longestDelayMs: delay.max / 1e6, utilization, workerMs, textsRun, failures }
  busy = performance.eventLoopUtilization()
  delay.reset()
  workerMs = 0
  textsRun = 0
  failures = []
  process.send?.(report)
})
// The channel must not keep the example's process: that it ends by itself is what is tested.
process.channel?.unref()

const [, , example] = process.argv
if (example === undefined) throw new Error('no example was given')
await import(pathToFileURL(example).href)
