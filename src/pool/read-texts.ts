/** A call's texts on their way to tokens, some at a time. Knows no scheduler and no worker. */
import { StellaError, isStellaError } from '../errors.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import type { ResolvedEmbedOptions } from '../inference/options.js'
import type { TextQueue } from '../text/text-queue.js'
import type { Tokenized, TokenizedText } from '../text/tokenized-text.js'
import type { ModelMeters } from './model-meters.js'
import type { Destination, PlacedText } from './served-call.js'
import { hasEnded, refuse } from './served-call.js'
import { asStellaError, withoutTokens } from './text-errors.js'

/** What to read with. */
export interface ReadingParts {
  readonly texts: TextQueue
  readonly meters: ModelMeters
  /** Takes texts as they are read; may end the call. */
  readonly submit: (texts: readonly PlacedText[]) => void
}

/** Begins to read a call's texts. Those that are token ids are handed over at once, the others as they are tokenised. */
export function readTexts(
  inputs: readonly EmbedInput[],
  options: ResolvedEmbedOptions,
  to: Destination,
  { texts: queue, meters, submit }: ReadingParts,
): void {
  const places: number[] = []
  const texts: string[] = []
  const ready: [number, TokenizedText][] = []
  for (const [place, input] of inputs.entries()) {
    if (typeof input === 'string') {
      places.push(place)
      texts.push(input)
    } else {
      ready.push([place, { ids: input, total: input.length, truncated: false }])
    }
  }
  if (ready.length > 0) submit(ready)
  if (texts.length === 0 || to.call.ended) return
  const started = performance.now()
  const onPart = (first: number, outcomes: readonly Tokenized[]): void => {
    const now = performance.now()
    meters.tokenized(now - started, now)
    if (to.trace !== undefined) to.trace.tokenizeMs = now - started
    const tokenized: [number, TokenizedText][] = []
    for (const [index, outcome] of outcomes.entries()) {
      const place = places[first + index] ?? 0
      if (!isStellaError(outcome) && outcome.ids.length > 0) tokenized.push([place, outcome])
      else refuse(to, place, isStellaError(outcome) ? outcome : withoutTokens(place))
    }
    to.call.flush()
    submit(tokenized)
    // Which ends the tokenising of the others.
    if (hasEnded(to.call)) throw new StellaError('ABORTED', 'The call has ended')
  }
  const { lane } = to
  const { signal } = options
  queue.encode(texts, { ...options, places }, { lane, signal, onPart }).catch((error: unknown) => {
    to.call.fail(asStellaError(error))
  })
}
