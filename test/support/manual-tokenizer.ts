/** A tokenizer whose native calls end when a test says so, and as it says. Texts are their own ids. */
import { StellaError } from '../../src/errors.js'
import type { EachTokenizer, TextOptions, Tokenized } from '../../src/text/tokenized-text.js'

/** A native call under way. */
export interface ManualCall {
  readonly texts: readonly string[]
  readonly options: readonly TextOptions[]
  readonly places: readonly number[]
  /** Ends it with an outcome for each text. */
  readonly succeed: () => void
  readonly fail: (error: Error) => void
}

/** See the head of this file. */
export class ManualTokenizer implements EachTokenizer {
  /** Under way, oldest first. */
  readonly calls: ManualCall[] = []
  /** Texts of every call that was made. */
  readonly made: (readonly string[])[] = []

  encodeEach(
    texts: readonly string[],
    options: readonly TextOptions[],
    places: readonly number[] = [],
  ): Promise<readonly Tokenized[]> {
    this.made.push(texts)
    return new Promise((resolve, reject) => {
      const settle = (how: () => void) => (): void => {
        this.calls.splice(this.calls.indexOf(call), 1)
        how()
      }
      const call: ManualCall = {
        ...{ texts, options, places },
        succeed: settle(() => {
          resolve(texts.map((text, index) => outcomeOf(text, places[index] ?? -1)))
        }),
        fail: (error) => {
          settle(() => {
            reject(error)
          })()
        },
      }
      this.calls.push(call)
    })
  }

  /** Ends the oldest call well, and waits until the queue has taken note. */
  async succeed(): Promise<void> {
    this.calls[0]?.succeed()
    await settled()
  }

  /** Ends the oldest call with an error, and waits until the queue has taken note. */
  async fail(error: Error = new Error('native trouble')): Promise<void> {
    this.calls[0]?.fail(error)
    await settled()
  }
}

/** What becomes of a text: `long …` is refused, any other has its characters as ids. */
export function outcomeOf(text: string, place: number): Tokenized {
  if (text.startsWith('long')) return new StellaError('INPUT_TOO_LONG', `Text ${place} is too long`)
  const ids = Int32Array.from(text, (character) => character.codePointAt(0) ?? 0)
  return { ids, total: ids.length, truncated: false }
}

/** Resolves once everything that follows from what has happened has happened: nothing here waits for the outside. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
