/** Texts for tests of the scheduler: made of numbers, at limits a person can count to. */
import type { RunLimits } from '../../../src/packed/packing.js'
import { hashText } from '../../../src/scheduler/text-identity.js'
import type { Lane, TextToRun, Ticket, Variant } from '../../../src/scheduler/scheduler.js'

export const LIMITS: RunLimits = { runTokens: 100, paddedPlaces: 200, aloneFrom: 80 }

export const VARIANT: Variant = { dimensions: 1024, normalize: true }

/** A text of so many tokens that is no other's equal, unless it is given the same `id`. */
export function text(
  tokens: number,
  { lane = 'interactive', variant = VARIANT, id = nextId() }: TextOptions = {},
): TextToRun {
  const ids = new Int32Array(tokens)
  ids[0] = id
  return { ids, variant, lane }
}

interface TextOptions {
  readonly lane?: Lane
  readonly variant?: Variant
  readonly id?: number
}

let ids = 0
function nextId(): number {
  return ++ids
}

/** Who is meant by tickets. */
export function ownersOf<Owner>(tickets: readonly Ticket<Owner>[]): readonly Owner[] {
  return tickets.map(({ owner }) => owner)
}

/** Lengths of the texts of a batch. */
export function lengthsOf(batch: { readonly texts: readonly Int32Array[] } | undefined): readonly number[] | undefined {
  return batch?.texts.map((ids) => ids.length)
}

/** The batch that there must be. */
export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there should be a batch')
  return value
}

/** Two texts of two ids with the same hash, found by trying. */
export function collidingTexts(): readonly [TextToRun, TextToRun] {
  const asText = (ids: Int32Array): TextToRun => ({ ids, variant: VARIANT, lane: 'interactive' })
  const seen = new Map<number, TextToRun>()
  for (let id = 0; ; id++) {
    const text = asText(Int32Array.of(id % 30_000, Math.floor(id / 30_000)))
    const hash = hashText(text)
    const twin = seen.get(hash)
    if (twin !== undefined) return [twin, text]
    seen.set(hash, text)
  }
}
