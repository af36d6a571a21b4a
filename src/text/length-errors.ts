/** The errors of texts that are too long for their limit. Apart from the tokenizer, so that whoever throws them loads none. */
import { StellaError } from '../errors.js'

/** The error of a text over its limit. */
export function tooLong(index: number, tokens: number, maxLength: number): StellaError {
  return new StellaError(
    'INPUT_TOO_LONG',
    `Text ${index} has ${tokens} tokens; the limit is ${maxLength}. Raise \`maxLength\`, or choose \`overflow: 'truncate-right'\``,
    { details: { index, tokens, maxLength } },
  )
}

/** The error of a text that must be cut, and of which nothing would be left. */
export function promptTooLong(tokens: number, maxLength: number): StellaError {
  return new StellaError(
    'OPTION_INVALID',
    `The prompt and the special tokens take ${tokens} tokens; a \`maxLength\` of ${maxLength} leaves nothing of the text. Raise it above ${tokens}`,
    { details: { option: 'maxLength', tokens, maxLength } },
  )
}
