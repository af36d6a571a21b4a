/**
 * The entry of a tokenizing thread: loads one tokenizer, then encodes what it is sent. What the library leaves behind is
 * freed here, when this thread collects its garbage, and not in the thread that serves its callers.
 */
import type { MessagePort } from 'node:worker_threads'
import { parentPort, workerData } from 'node:worker_threads'

import { StellaError } from '../src/errors.js'
import { sha256File } from '../src/files/hash.js'
import { StellaTokenizer } from '../src/text/tokenizer.js'
import { encodeError } from './protocol.js'
import type { FromTokenizing, TokenizingSetup, TokenizingTask, ToTokenizing } from './tokenizing-protocol.js'

async function main(port: MessagePort, { path, vocab, sha256 }: TokenizingSetup): Promise<void> {
  const say = (message: FromTokenizing, transfer: readonly ArrayBuffer[] = []): void => {
    port.postMessage(message, transfer)
  }
  const encode = async (tokenizer: StellaTokenizer, { id, texts, options, kinds }: TokenizingTask): Promise<void> => {
    try {
      const each = kinds.map((kind) => {
        const own = options[kind]
        if (own === undefined) throw new Error(`a text has options ${kind} of ${options.length}`)
        return own
      })
      const { ids, kept, totals } = await tokenizer.encodeFlat(texts, each)
      say({ type: 'encoded', id, ids, kept, totals }, [ids.buffer, kept.buffer, totals.buffer])
    } catch (thrown) {
      say({ type: 'refused', id, error: encodeError(thrown, 'INTERNAL') })
    }
  }
  try {
    const tokenizer = await StellaTokenizer.load(path, vocab)
    const found = await sha256File(path)
    if (sha256 !== undefined && found.sha256 !== sha256) throw changed(path)
    port.on('message', (message: ToTokenizing) => {
      // The thread ends once its port is closed and what it works on is done.
      if (message === 'end') port.close()
      else void encode(tokenizer, message)
    })
    say({ type: 'ready', sha256: found.sha256 })
  } catch (thrown) {
    say({ type: 'failed', error: encodeError(thrown, 'ARTEFACT_INVALID') })
    port.close()
  }
}

function changed(path: string): StellaError {
  return new StellaError('ARTEFACT_INVALID', `${path} has changed since the model was loaded; load it again`, {
    details: { file: path },
  })
}

if (parentPort !== null) await main(parentPort, workerData as TokenizingSetup)
