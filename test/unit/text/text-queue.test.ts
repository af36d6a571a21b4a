/** The queue before the tokenizer, over one whose native calls end when the test says so. */
import { getEventListeners } from 'node:events'

import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { CALL_LIMITS } from '../../../src/text/native-calls.js'
import type { QueuedOptions, TextRequest } from '../../../src/text/text-queue.js'
import { TextQueue } from '../../../src/text/text-queue.js'
import type { Tokenized } from '../../../src/text/tokenized-text.js'
import { failureOf } from '../../support/failure.js'
import { ManualTokenizer, outcomeOf, settled } from '../../support/manual-tokenizer.js'

const OPTIONS: QueuedOptions = { prompt: '', maxLength: 512, overflow: 'truncate-right' }

/** A queue that makes one native call at a time, and the tokenizer behind it. */
function queueOf(options: ConstructorParameters<typeof TextQueue>[1] = { callsAtOnce: 1 }) {
  const tokenizer = new ManualTokenizer()
  return { tokenizer, queue: new TextQueue(tokenizer, options) }
}

/** A call, and what it was told. */
function call(
  queue: TextQueue,
  texts: readonly string[],
  request: Partial<TextRequest> = {},
  options: Partial<QueuedOptions> = {},
) {
  const told: (Tokenized | undefined)[] = texts.map(() => undefined)
  const parts: number[] = []
  const onPart = (first: number, outcomes: readonly Tokenized[]): void => {
    parts.push(outcomes.length)
    for (const [index, outcome] of outcomes.entries()) {
      expect(told[first + index]).toBeUndefined()
      told[first + index] = outcome
    }
  }
  const done = queue.encode(texts, { ...OPTIONS, ...options }, { lane: 'bulk', onPart, ...request })
  done.catch(() => undefined)
  return { done, told, parts }
}

const range = (count: number, name = 'text') => Array.from({ length: count }, (_, index) => `${name} ${index}`)

describe('texts', () => {
  it('go to the library at once where nothing is under way', () => {
    const { queue, tokenizer } = queueOf()
    call(queue, ['a'])
    expect(tokenizer.made).toEqual([['a']])
  })

  it('gather while a native call is under way: a thousand calls of one text are few native calls', async () => {
    const { queue, tokenizer } = queueOf()
    const calls = range(1000).map((text) => call(queue, [text], { lane: 'interactive' }))
    while (tokenizer.calls.length > 0) await tokenizer.succeed()
    await Promise.all(calls.map(({ done }) => done))
    expect(tokenizer.made).toHaveLength(1 + Math.ceil(999 / CALL_LIMITS.texts))
    expect(calls.map(({ told }) => told)).toEqual(range(1000).map((text) => [outcomeOf(text, 0)]))
  })

  it('are told of in parts, as they are done', async () => {
    const { queue, tokenizer } = queueOf()
    const [full, rest] = [CALL_LIMITS.texts, 5]
    const texts = range(2 * full + rest)
    const { done, parts, told } = call(queue, texts)
    await tokenizer.succeed()
    expect(parts).toEqual([full])
    await tokenizer.succeed()
    await tokenizer.succeed()
    expect(parts).toEqual([full, full, rest])
    await done
    expect(told).toEqual(texts.map((text, place) => outcomeOf(text, place)))
  })

  it('of none are done at once', async () => {
    const { queue, tokenizer } = queueOf()
    await call(queue, []).done
    expect(tokenizer.made).toEqual([])
  })

  it('that are urgent overtake those that wait, of which some are under way', async () => {
    const { queue, tokenizer } = queueOf()
    call(queue, range(200, 'bulk'))
    const urgent = call(queue, ['urgent'], { lane: 'interactive' })
    await tokenizer.succeed()
    expect(tokenizer.calls[0]?.texts[0]).toBe('urgent')
    await tokenizer.succeed()
    await urgent.done
  })

  it('keep their own options, and the places they are known by', async () => {
    const { queue, tokenizer } = queueOf()
    call(queue, ['first'])
    call(queue, ['a', 'b'], {}, { prompt: 'p: ', maxLength: 9, overflow: 'error', places: [4, 7] })
    const mine = call(queue, ['long c'])
    await tokenizer.succeed()
    expect(tokenizer.calls[0]?.texts).toEqual(['a', 'b', 'long c'])
    expect(tokenizer.calls[0]?.places).toEqual([4, 7, 0])
    expect(tokenizer.calls[0]?.options).toEqual([
      { prompt: 'p: ', maxLength: 9, overflow: 'error' },
      { prompt: 'p: ', maxLength: 9, overflow: 'error' },
      OPTIONS,
    ])
    await tokenizer.succeed()
    expect(mine.told).toMatchObject([{ code: 'INPUT_TOO_LONG', message: 'Text 0 is too long' }])
    await mine.done
  })

  it('wait for their turn in a queue that makes so many native calls at once', async () => {
    const { queue, tokenizer } = queueOf({ callsAtOnce: 2 })
    call(queue, range(300))
    expect(tokenizer.calls).toHaveLength(2)
    await tokenizer.succeed()
    expect(tokenizer.calls).toHaveLength(2)
    expect(tokenizer.made).toHaveLength(3)
  })

  it('that are books go one at a time, and leave the other native call to the rest', async () => {
    const { queue, tokenizer } = queueOf({ callsAtOnce: 2 })
    const books = ['a'.repeat(200_000), 'b'.repeat(200_000)]
    const { done } = call(queue, books)
    expect(tokenizer.calls).toHaveLength(1)
    call(queue, ['short'])
    expect(tokenizer.calls.map(({ texts }) => texts)).toEqual([[books[0]], ['short']])
    await tokenizer.succeed()
    expect(tokenizer.calls.at(-1)?.texts).toEqual([books[1]])
    await tokenizer.succeed()
    await tokenizer.succeed()
    await done
  })
})

describe('an abort', () => {
  it('takes out what waits, discards what is under way, and ends the call at once', async () => {
    const { queue, tokenizer } = queueOf()
    const controller = new AbortController()
    const aborted = call(queue, range(200), { signal: controller.signal })
    const other = call(queue, ['other'])
    controller.abort()
    expect((await failureOf(() => aborted.done)).code).toBe('ABORTED')
    await tokenizer.succeed()
    expect(aborted.parts).toEqual([])
    expect(tokenizer.calls.map(({ texts }) => texts)).toEqual([['other']])
    await tokenizer.succeed()
    await other.done
    expect(tokenizer.made).toHaveLength(2)
  })

  it('before the call keeps its texts from the library', async () => {
    const { queue, tokenizer } = queueOf()
    const reason = new StellaError('TIMEOUT', 'too late')
    const { done } = call(queue, ['a'], { signal: AbortSignal.abort(reason) })
    expect(await failureOf(() => done)).toBe(reason)
    expect(tokenizer.made).toEqual([])
  })

  it('after the call is done changes nothing, and nobody listens for it', async () => {
    const { queue, tokenizer } = queueOf()
    const controller = new AbortController()
    const { done } = call(queue, ['a'], { signal: controller.signal })
    await tokenizer.succeed()
    await done
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    controller.abort()
    call(queue, ['b'])
    expect(tokenizer.calls).toHaveLength(1)
  })

  it('from within the callback ends the call there', async () => {
    const { queue, tokenizer } = queueOf()
    const controller = new AbortController()
    let parts = 0
    const onPart = (): void => {
      parts++
      controller.abort()
    }
    const { done } = call(queue, range(200), { signal: controller.signal, onPart })
    while (tokenizer.calls.length > 0) await tokenizer.succeed()
    expect((await failureOf(() => done)).code).toBe('ABORTED')
    expect(parts).toBe(1)
  })
})

describe('a callback that throws', () => {
  it('ends its call with what it threw, and no other', async () => {
    const { queue, tokenizer } = queueOf()
    const trouble = new Error('the listener broke')
    const bad = call(queue, range(100), {
      onPart: () => {
        throw trouble
      },
    })
    const good = call(queue, range(100))
    while (tokenizer.calls.length > 0) await tokenizer.succeed()
    await expect(bad.done).rejects.toBe(trouble)
    await good.done
    expect(good.told).toEqual(range(100).map((text) => outcomeOf(text, 0)))
    // What still waited of the first was withdrawn.
    expect(tokenizer.made.flat().length).toBeLessThan(200)
  })
})

describe('a native call that fails', () => {
  const poison = (texts: readonly string[]) => texts.some((text) => text.includes('poison'))

  /** Ends calls until none is under way; those with a poisonous text fail. */
  async function drain(tokenizer: ManualTokenizer, error: () => Error): Promise<void> {
    for (;;) {
      const [call] = tokenizer.calls
      if (call === undefined) return
      if (poison(call.texts)) call.fail(error())
      else call.succeed()
      await settled()
    }
  }

  it.each([
    ['an error of the library', () => new Error('native trouble'), 'INTERNAL'],
    ['the loss of its thread', () => new StellaError('WORKER_LOST', 'gone'), 'WORKER_LOST'],
  ])('by %s fails for the text that is at fault alone', async (_, error, code) => {
    const { queue, tokenizer } = queueOf({ callsAtOnce: 2 })
    const texts = [...range(30), 'poison', ...range(30)]
    const [first, second] = [call(queue, texts), call(queue, ['an innocent'])]
    await drain(tokenizer, error)
    await Promise.all([first.done, second.done])
    expect(first.told[30]).toMatchObject({ code })
    expect(first.told.toSpliced(30, 1)).toEqual([...range(30), ...range(30)].map((text) => outcomeOf(text, 0)))
    expect(second.told).toEqual([outcomeOf('an innocent', 0)])
  })

  it('is tried again text by text, each with nothing beside it: its neighbour in the thread may have been at fault', async () => {
    const { queue, tokenizer } = queueOf({ callsAtOnce: 2 })
    const calls = [call(queue, ['poison']), call(queue, ['a', 'b'])]
    const lost = new StellaError('WORKER_LOST', 'gone')
    // Both were in the thread that died.
    await tokenizer.fail(lost)
    await tokenizer.fail(lost)
    expect(tokenizer.calls.map(({ texts }) => texts)).toEqual([['poison']])
    const late = call(queue, ['late'])
    expect(tokenizer.calls).toHaveLength(1)
    await tokenizer.fail(lost)
    expect(tokenizer.calls.map(({ texts }) => texts)).toEqual([['a']])
    await tokenizer.succeed()
    await tokenizer.succeed()
    expect(tokenizer.calls.map(({ texts }) => texts)).toEqual([['late']])
    await tokenizer.succeed()
    await Promise.all([...calls, late].map(({ done }) => done))
    expect(calls[0]?.told).toEqual([lost])
    expect(calls[1]?.told).toEqual([outcomeOf('a', 0), outcomeOf('b', 1)])
  })

  it('of a single text is tried once more', async () => {
    const { queue, tokenizer } = queueOf()
    const { done, told } = call(queue, ['a'])
    await tokenizer.fail()
    await tokenizer.succeed()
    await done
    expect(told).toEqual([outcomeOf('a', 0)])
    expect(tokenizer.made).toEqual([['a'], ['a']])
  })

  it('fails all its texts at once where the tokenizer itself is gone', async () => {
    const { queue, tokenizer } = queueOf()
    const { done, told } = call(queue, range(20))
    const gone = new StellaError('ARTEFACT_INVALID', 'the file has changed')
    await tokenizer.fail(gone)
    await done
    expect(told).toEqual(range(20).map(() => gone))
    expect(tokenizer.made).toHaveLength(1)
  })

  it('and whose tokenizer is found gone when its texts are tried again, fails those that are left', async () => {
    const { queue, tokenizer } = queueOf()
    const { done, told } = call(queue, range(20))
    const gone = new StellaError('ARTEFACT_INVALID', 'the file has changed')
    await tokenizer.fail()
    await tokenizer.succeed()
    await tokenizer.fail(gone)
    await done
    expect(told).toEqual([outcomeOf('text 0', 0), ...range(19).map(() => gone)])
    expect(tokenizer.made).toHaveLength(3)
  })

  it('does not try again what was aborted meanwhile, and goes on with the rest', async () => {
    const { queue, tokenizer } = queueOf()
    const controller = new AbortController()
    const aborted = call(queue, range(10), { signal: controller.signal })
    await tokenizer.fail()
    controller.abort()
    const other = call(queue, ['other'])
    await tokenizer.succeed()
    expect(tokenizer.calls.map(({ texts }) => texts)).toEqual([['other']])
    await tokenizer.succeed()
    await other.done
    await failureOf(() => aborted.done)
  })

  it('is one that gives too few outcomes, too', async () => {
    const queue = new TextQueue({ encodeEach: () => Promise.resolve([]) })
    const { done, told } = call(queue, ['a', 'b'])
    await done
    expect(told).toMatchObject([{ code: 'INTERNAL' }, { code: 'INTERNAL' }])
    expect(told[0]).toMatchObject({ message: 'The tokenizer gave 0 outcomes for 1 texts' })
  })

  it('is one that throws at once, too', async () => {
    const queue = new TextQueue({
      encodeEach: () => {
        throw new Error('at once')
      },
    })
    const { done, told } = call(queue, ['a'])
    await done
    expect(told).toMatchObject([{ code: 'INTERNAL', message: 'The tokenizer failed: at once' }])
  })
})
