/** What becomes of a text that is too long. Knows names only, so that whoever lists them loads no tokenizer. */

/** What to do with a text that has more tokens than `maxLength`. Special tokens and the prompt are always kept. */
export const OVERFLOW_POLICIES = ['truncate-right', 'truncate-left', 'error'] as const

/**
 * What to do with a text that has more tokens than `maxLength`: cut off its end, or its beginning, or refuse it with
 * INPUT_TOO_LONG. Special tokens and the prompt are always kept.
 *
 * @useDeclaredType
 */
export type OverflowPolicy = (typeof OVERFLOW_POLICIES)[number]
