/** Whether the tokenizer's native library loads and cuts a text, with the tokenizer of the embedded model. */
import { join } from 'node:path'

import { STELLA_NANO } from '../../../../registry/index.js'
import { TOKENIZER_FILE } from '../../../convert/artefact-files.js'
import { findCheckpoint } from '../../../convert/source.js'
import { DEFAULT_ENDPOINT } from '../../../files/environment.js'
import { TOKENIZERS_ADVICE } from '../advice.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'

/** A text of several tokens in any vocabulary. */
const TEXT = 'A cat sits outside.'

/** No request is made for a model that ships with the package. */
const NO_HUB = { cacheDir: '', endpoint: DEFAULT_ENDPOINT, token: undefined, offline: true }

/** See above. */
export async function* checkTokenizers(): AsyncGenerator<Finding, void> {
  const id = 'tokenizers.load'
  const advice = TOKENIZERS_ADVICE
  try {
    // Imported here: the library is loaded with it, and where that fails it is a finding.
    const { StellaTokenizer } = await import('../../../text/tokenizer.js')
    const folder = await findCheckpoint(STELLA_NANO, [], { hub: NO_HUB, download: false })
    const tokenizer = await StellaTokenizer.load(join(folder, TOKENIZER_FILE), STELLA_NANO.architecture.vocab)
    const options = { prompt: '', maxLength: STELLA_NANO.tokens.max, overflow: 'error' } as const
    const [text] = await tokenizer.encode([TEXT], options)
    const tokens = text?.ids.length ?? 0
    if (tokens > 1) yield ok(id, 'the tokenizer library loads and cuts texts', { facts: { tokens } })
    else
      yield notOk('problem', id, `the tokenizer cuts a sentence into ${tokens} tokens`, advice, { facts: { tokens } })
  } catch (error) {
    yield notOk('problem', id, `the tokenizer library does not work: ${lineOf(error)}`, advice)
  }
}
