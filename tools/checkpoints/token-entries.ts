/**
 * How Hugging Face files spell a special token. Knows no vocabulary.
 */

/** An entry of `added_tokens` in tokenizer.json. */
export function addedToken(id: number, content: string) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
}

/** An entry of special_tokens_map.json. */
export function specialToken(content: string) {
  return { content, lstrip: false, normalized: false, rstrip: false, single_word: false }
}
