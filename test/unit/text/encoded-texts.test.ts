/** Tokenised texts laid flat, as they cross threads, and what becomes of them on the other side. */
import fc from 'fast-check'
import { expect, it } from 'vitest'

import type { FittedText } from '../../../src/text/encoded-texts.js'
import { layFlat, toOutcomes } from '../../../src/text/encoded-texts.js'
import { promptTooLong, tooLong } from '../../../src/text/length-errors.js'

const OPTIONS = { prompt: '', maxLength: 7, overflow: 'error' } as const

const anyFitted: fc.Arbitrary<FittedText> = fc.oneof(
  fc.record({ ids: fc.array(fc.nat(200_000), { maxLength: 6 }), cut: fc.nat(3) }).map(({ ids, cut }) => {
    return { ids, total: ids.length + cut }
  }),
  fc.record({ refused: fc.constantFrom('text' as const, 'prompt' as const), total: fc.nat(300_000) }),
)

it('each text gets its own ids back, in a buffer of its own, or its own error', () => {
  fc.assert(
    fc.property(fc.array(anyFitted, { maxLength: 12 }), fc.nat(1000), (texts, offset) => {
      const flat = structuredClone(layFlat(texts))
      const options = texts.map(() => OPTIONS)
      const outcomes = toOutcomes(
        flat,
        options,
        texts.map((_, index) => index + offset),
      )
      expect(outcomes).toEqual(
        texts.map((text, index) => {
          const { total } = text
          if ('ids' in text) return { ids: Int32Array.from(text.ids), total, truncated: total > text.ids.length }
          return text.refused === 'text' ? tooLong(index + offset, total, 7) : promptTooLong(total, 7)
        }),
      )
      const buffers = outcomes.flatMap((outcome) => ('ids' in outcome ? [outcome.ids.buffer] : []))
      expect(new Set(buffers).size).toBe(buffers.length)
    }),
  )
})
