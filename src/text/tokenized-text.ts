/** What a tokenizer is given and what it gives. Types only: whoever names them loads no tokenizer. */
import type { StellaError } from '../errors.js'
import type { OverflowPolicy } from './overflow.js'

/** One text as the model will read it. */
export interface TokenizedText {
  /** Ids after truncation, special tokens included; a buffer of its own. */
  readonly ids: Int32Array
  /** Tokens the whole text has, special tokens included. */
  readonly total: number
  readonly truncated: boolean
}

/** What came of one text: its ids, or why it has none (INPUT_TOO_LONG, OPTION_INVALID for its prompt). */
export type Tokenized = TokenizedText | StellaError

/** How to tokenise one text. */
export interface TextOptions {
  /** Put before the text. */
  readonly prompt: string
  /** Most tokens of a text, special tokens and prompt included. */
  readonly maxLength: number
  readonly overflow: OverflowPolicy
}

/** How to tokenise several texts. */
export interface TokenizeOptions extends TextOptions {
  /** What to call each text in errors. @default its place */
  readonly places?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Tokenises each text for itself. */
export interface EachTokenizer {
  /**
   * As many outcomes as texts, in their order. Rejects only with what is no single text's fault.
   *
   * @param options - Of each text. Texts may share one object.
   * @param places - What to call each text in errors. Default: its place.
   */
  encodeEach(
    texts: readonly string[],
    options: readonly TextOptions[],
    places?: readonly number[],
  ): Promise<readonly Tokenized[]>
}
