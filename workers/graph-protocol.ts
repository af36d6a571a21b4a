/** What a process that runs a graph is told, and what it answers. Plain data: it crosses processes by structured clone. */
import type { EncodedError } from './protocol.js'

/** How the outputs of several runs become one: end to end, the largest of each element, or the sum of each element. */
export type Combine = 'rows' | 'max' | 'sum'

/** What to run. */
export interface GraphOrder {
  /** Path of the graph. */
  readonly graph: string
  /** Whether matrices are rearranged for speed, which copies them, or read where they lie in the mapped file. */
  readonly weights: 'own' | 'unpacked'
  /** Threads inside a run. */
  readonly threads: number
  /** Packed batches: ids of all texts end to end, and the length of each. */
  readonly runs: readonly { readonly ids: Int32Array; readonly lengths: Int32Array }[]
  /** Outputs to fetch, and what to make of those of several runs. */
  readonly outputs: Readonly<Record<string, Combine>>
}

/** By the names of the order. */
export type GraphOutputs = Readonly<Record<string, Float32Array>>

/** A message from the process: a run is done, or the end. */
export type GraphMessage =
  | { readonly kind: 'progress'; readonly done: number }
  | { readonly kind: 'done'; readonly outputs: GraphOutputs }
  | { readonly kind: 'failed'; readonly error: EncodedError }

/** Whether a message is a {@link GraphMessage}. */
export function isGraphMessage(message: unknown): message is GraphMessage {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return false
  return message.kind === 'progress' || message.kind === 'done' || message.kind === 'failed'
}
