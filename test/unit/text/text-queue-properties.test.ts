/** The queue before the tokenizer, under any interleaving of calls, lanes, aborts and native failures. */
import fc from 'fast-check'
import { expect, it } from 'vitest'

import { isStellaError } from '../../../src/errors.js'
import { TextQueue } from '../../../src/text/text-queue.js'
import type { Tokenized } from '../../../src/text/tokenized-text.js'
import { ManualTokenizer, outcomeOf, settled } from '../../support/manual-tokenizer.js'

const LIMITS = { texts: 6, characters: 60 } as const

const anyStep = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constant('call' as const),
      lane: fc.constantFrom('interactive' as const, 'bulk' as const),
      texts: fc.array(fc.record({ long: fc.boolean(), length: fc.oneof(fc.nat(6), fc.nat(6), fc.nat(90)) }), {
        maxLength: 20,
      }),
      offset: fc.nat(50),
    }),
  },
  { weight: 4, arbitrary: fc.record({ step: fc.constant('succeed' as const), which: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('fail' as const), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('abort' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('breathe' as const) }) },
)

/** A call, what it was told, and what came of its promise. */
interface Made {
  readonly texts: readonly string[]
  readonly offset: number
  readonly controller: AbortController
  readonly told: (Tokenized | undefined)[]
  end: unknown
}

it('every text gets one outcome, its own, in its place; an aborted call hears no more', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, callsAtOnce) => {
        const tokenizer = new ManualTokenizer()
        const queue = new TextQueue(tokenizer, { limits: LIMITS, callsAtOnce })
        const calls: Made[] = []
        /** Texts whose native call of their own failed. Every text is another. */
        const failedAlone = new Set<string>()
        const toldTooLate: number[] = []
        let names = 0

        const begin = ({ lane, texts, offset }: Extract<(typeof steps)[number], { step: 'call' }>): void => {
          const named = texts.map(({ long, length }) => `${long ? 'long' : 'text'} ${names++} ${'x'.repeat(length)}`)
          const controller = new AbortController()
          const made: Made = { texts: named, offset, controller, told: named.map(() => undefined), end: undefined }
          const onPart = (first: number, outcomes: readonly Tokenized[]): void => {
            if (controller.signal.aborted) toldTooLate.push(first)
            expect(outcomes.length).toBeGreaterThan(0)
            for (const [index, outcome] of outcomes.entries()) {
              expect(first + index).toBeLessThan(named.length)
              expect(made.told[first + index]).toBeUndefined()
              made.told[first + index] = outcome
            }
          }
          const options = {
            prompt: '',
            maxLength: 512,
            overflow: 'error',
            places: named.map((_, i) => i + offset),
          } as const
          queue.encode(named, options, { lane, signal: controller.signal, onPart }).then(
            () => (made.end = 'done'),
            (error: unknown) => (made.end = error),
          )
          calls.push(made)
        }

        const underWay = (which: number) => tokenizer.calls[which % Math.max(1, tokenizer.calls.length)]
        for (const step of steps) {
          if (step.step === 'call') begin(step)
          else if (step.step === 'succeed') underWay(step.which)?.succeed()
          else if (step.step === 'abort') calls[step.which % Math.max(1, calls.length)]?.controller.abort()
          else if (step.step === 'fail') {
            const call = underWay(step.which)
            const [first] = call?.texts ?? []
            if (call?.texts.length === 1 && first !== undefined) failedAlone.add(first)
            call?.fail(new Error('native trouble'))
          } else await settled()
          expect(tokenizer.calls.length).toBeLessThanOrEqual(callsAtOnce)
        }
        await settled()
        while (tokenizer.calls.length > 0) await tokenizer.succeed()

        expect(toldTooLate).toEqual([])
        for (const texts of tokenizer.made) {
          expect(texts.length).toBeLessThanOrEqual(LIMITS.texts)
          if (texts.length > 1) expect(texts.join('').length).toBeLessThanOrEqual(LIMITS.characters)
        }
        for (const { texts, told, offset, controller, end } of calls) {
          if (end !== 'done') {
            expect(controller.signal.aborted).toBe(true)
            expect(end).toMatchObject({ code: 'ABORTED' })
          }
          for (const [place, outcome] of told.entries()) {
            const text = texts[place] ?? ''
            if (outcome === undefined) expect(end).not.toBe('done')
            else if (isStellaError(outcome) && outcome.code === 'INTERNAL') expect(failedAlone).toContain(text)
            else expect(outcome).toEqual(outcomeOf(text, place + offset))
          }
        }
      },
    ),
    { numRuns: 300 },
  )
})
