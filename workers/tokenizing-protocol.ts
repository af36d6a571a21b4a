/** What a tokenizing thread and its owner say to each other. Plain data: everything here crosses threads. */
import type { EncodedError } from './protocol.js'

/** Given to the thread when it starts. */
export interface TokenizingSetup {
  /** Path of the `tokenizer.json`. */
  readonly path: string
  /** Rows of the model's embedding table. */
  readonly vocab: number
  /** SHA-256 that the file must have, in hexadecimal. Undefined: any. */
  readonly sha256: string | undefined
}

/** How to tokenise a text; as the tokenizer's own type. */
export interface TokenizingOptions {
  readonly prompt: string
  readonly maxLength: number
  readonly overflow: 'truncate-right' | 'truncate-left' | 'error'
}

/** One native call. */
export interface TokenizingTask {
  /** Comes back with the answer. */
  readonly id: number
  readonly texts: readonly string[]
  /** Each kind of options once. */
  readonly options: readonly TokenizingOptions[]
  /** Per text: which of the options. */
  readonly kinds: readonly number[]
}

/** To the thread: a task, or that no more come and it may end. */
export type ToTokenizing = TokenizingTask | 'end'

/** From the thread: first how it loaded, then an answer for each task. Arrays are transferred. */
export type FromTokenizing =
  | { readonly type: 'ready'; readonly sha256: string }
  | { readonly type: 'failed'; readonly error: EncodedError }
  | {
      readonly type: 'encoded'
      readonly id: number
      /** int32, see `src/text/encoded-texts.ts` */
      readonly ids: Int32Array<ArrayBuffer>
      readonly kept: Int32Array<ArrayBuffer>
      readonly totals: Int32Array<ArrayBuffer>
    }
  | { readonly type: 'refused'; readonly id: number; readonly error: EncodedError }
