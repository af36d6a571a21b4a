/** Turns calibration and probe texts into the token ids that a model will see. Knows no graph and no engine. */
import type { StellaModelInfo } from '../../../registry/types.js'
import type { StellaTokenizer } from '../../text/tokenizer.js'
import type { TaskText } from './task-text.js'

/** How to tokenise. */
export interface TokeniseTextsOptions {
  /** Longest text in tokens. @default the model's `tokens.recommended` */
  readonly maxLength?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Ids of each text, in order, behind the model's own prompt for its task and cut where a call without options would cut.
 * A task without a prompt, or with one that leaves no room for a text, goes without: such a model embeds no query
 * either, and its documents matter all the same.
 *
 * @throws {StellaError} OPTION_INVALID when `maxLength` leaves no room for a text; ABORTED.
 */
export async function tokeniseTexts(
  tokenizer: StellaTokenizer,
  info: StellaModelInfo,
  texts: readonly TaskText[],
  { maxLength = info.tokens.recommended, signal }: TokeniseTextsOptions = {},
): Promise<readonly Int32Array[]> {
  const ids = new Map<TaskText, Int32Array>()
  for (const task of new Set(texts.map((text) => text.task))) {
    const wanted = texts.filter((text) => text.task === task)
    const limits = { maxLength, overflow: 'truncate-right', signal } as const
    const own = info.prompts[task] ?? ''
    const [alone] = await tokenizer.encode([own], { ...limits, prompt: '' })
    const prompt = alone !== undefined && alone.total < maxLength ? own : ''
    const encoded = await tokenizer.encode(
      wanted.map(({ text }) => text),
      { ...limits, prompt },
    )
    for (const [index, text] of wanted.entries()) {
      const tokens = encoded[index]?.ids
      if (tokens !== undefined) ids.set(text, tokens)
    }
  }
  return texts.map((text) => {
    const tokens = ids.get(text)
    if (tokens === undefined) throw new Error('the tokenizer returned fewer texts than it was given')
    return tokens
  })
}
