/**
 * Spans of what a pool does, on `node:diagnostics_channel`, for whoever subscribes. Knows no tracing library.
 *
 * Each channel is a `TracingChannel`: `tracing:stella-pool:embed:start` and so on, with `end`, `asyncStart`, `asyncEnd`
 * and `error`. A span begins with `start` and is over with `asyncEnd`; `error` comes before that one where it failed. All
 * of them bring one context object, which fills up on the way and to which Node adds `result` or `error`.
 *
 * A subscriber that throws fails no call: Node catches it, and raises it as an uncaught exception of the process.
 */
import type { TracingChannel } from 'node:diagnostics_channel'
import { tracingChannel } from 'node:diagnostics_channel'

/** One call of a user. The texts are not in it. */
export interface EmbedTrace {
  /** Key of the model. */
  readonly model: string
  /** Method of the pool. */
  readonly call: 'embed' | 'batchEmbed' | 'embedStream'
  /** How many texts. */
  readonly texts: number
  /** How urgent they are. */
  readonly lane: 'interactive' | 'bulk'
  /** Of all texts, prompts included; known once they are tokenised. */
  tokens?: number
  /** From the call to its tokens, in milliseconds. */
  tokenizeMs?: number
  /** From then until the first of its texts was handed to a worker, in milliseconds. */
  queueMs?: number
}

/** One batch on one worker. Its texts may be of many calls. */
export interface BatchTrace {
  /** Key of the model. */
  readonly model: string
  /** Id of the thread. */
  readonly worker: number
  /** How many texts. */
  readonly texts: number
  /** Of all texts, prompts included. */
  readonly tokens: number
  /** Time inside the worker, in milliseconds. */
  runMs?: number
}

/** A model being made ready: artefact, packed weights, and the workers that it starts with. */
export interface LoadTrace {
  /** Key of the model. */
  readonly model: string
  /** Once it is known: `fp32`, `int8` or `int4`. */
  precision?: string
}

/** Where spans of one kind are told. */
export class TracePoint<Context extends object> {
  /** Held for good, as Node forgets channels that nobody holds. */
  readonly #channel: TracingChannel<unknown, Context>

  /** @param name - Of the channel, without `tracing:` before it and the event after it. */
  constructor(name: string) {
    this.#channel = tracingChannel<unknown, Context>(name)
  }

  /**
   * Whether anyone listens. Where a call must cost nothing while nobody does, ask this first, as the closures that
   * {@link run} takes are objects too: `point.active ? point.run(…) : work(undefined)`.
   */
  get active(): boolean {
    // There since Node 20.13 and 22.0, so in every version that this package runs on.
    return this.#channel.hasSubscribers
  }

  /**
   * Runs `work` as a span, or just runs it while nobody listens.
   *
   * @param context - Makes what subscribers get at the start; not called while nobody listens.
   * @param work - Gets the context, to add what is known later; undefined while nobody listens.
   */
  run<T>(context: () => Context, work: (context: Context | undefined) => Promise<T>): Promise<T> {
    if (!this.#channel.hasSubscribers) return work(undefined)
    const made = context()
    // Async, as Node never tells the asyncEnd of what throws instead of rejecting.
    return this.#channel.tracePromise(async () => work(made), made)
  }
}

// Channels are global to the process by their name, so these are views of what is there, and no state of this module.
/** `stella-pool:embed`: a call, from its checks to its vectors. */
export const embedTracing = new TracePoint<EmbedTrace>('stella-pool:embed')
/** `stella-pool:batch`: a run on a worker. */
export const batchTracing = new TracePoint<BatchTrace>('stella-pool:batch')
/** `stella-pool:load`: a model or a worker being made ready. */
export const loadTracing = new TracePoint<LoadTrace>('stella-pool:load')
