/** The parts of the pool's benchmark: what each is given and what it answers. Knows how none is measured. */
import type { Precision } from '../../src/index.js'

/** Each part, and whether it needs a model as large as those in use. */
export const POOL_PARTS = [
  { name: 'overhead', model: 'toy' },
  { name: 'singles', model: 'large' },
  { name: 'saturation', model: 'large' },
  { name: 'urgency', model: 'large' },
  { name: 'ledger', model: 'large' },
  { name: 'stream', model: 'toy' },
] as const

/** Name of a part. */
export type PoolPart = (typeof POOL_PARTS)[number]['name']

/** What a part's process is told. */
export interface PoolStepArguments {
  readonly part: PoolPart
  /** Folder of the checkpoint. */
  readonly checkpoint: string
  readonly key: string
  readonly home: string
  readonly precision: Precision
  readonly rounds: number
  /** Of the stream. */
  readonly texts: number
  readonly quick: boolean
}

/** One line of the table. */
export interface PoolStepResult {
  readonly what: string
  readonly bar: string
  readonly measured: string
  readonly met: boolean
}
