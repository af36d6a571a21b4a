/** Texts that are tokenised each for itself: one that cannot be fails alone. Whichever thread does it. */
import { join } from 'node:path'

import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'

import { StellaError, isStellaError } from '../../../src/errors.js'
import type { TextOptions } from '../../../src/text/tokenized-text.js'
import { StellaTokenizer } from '../../../src/text/tokenizer.js'
import { TokenizerThread } from '../../../src/text/tokenizer-thread.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'

const WORD_PIECE = join(goldenCheckpoint('new-tiny'), 'tokenizer.json')
const BYTE_BPE = join(goldenCheckpoint('qwen2-tiny'), 'tokenizer.json')
const VOCAB = 1000

const threads = {
  wordPiece: await TokenizerThread.load(WORD_PIECE, VOCAB),
  byteBpe: await TokenizerThread.load(BYTE_BPE, VOCAB),
}
afterAll(async () => {
  await Promise.all([threads.wordPiece.close(), threads.byteBpe.close()])
})

const DEFAULTS: TextOptions = { prompt: '', maxLength: 512, overflow: 'truncate-right' }

describe.each([
  { kind: 'WordPiece', where: 'in the calling thread', own: await StellaTokenizer.load(WORD_PIECE, VOCAB) },
  { kind: 'byte-level BPE', where: 'in the calling thread', own: await StellaTokenizer.load(BYTE_BPE, VOCAB) },
  { kind: 'WordPiece', where: 'in a thread of its own', own: threads.wordPiece },
  { kind: 'byte-level BPE', where: 'in a thread of its own', own: threads.byteBpe },
])('$kind, $where', ({ own }) => {
  it('gives each text what it would get alone, under its own options', async () => {
    const anyOptions: fc.Arbitrary<TextOptions> = fc.record({
      prompt: fc.constantFrom('', 'find: ', 'Ünïcødé 😀: '),
      maxLength: fc.constantFrom(6, 12, 30, 8192),
      overflow: fc.constantFrom('truncate-right', 'truncate-left', 'error'),
    })
    const anyText = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }),
      fc.constantFrom('fox '.repeat(40), '\ud800', '\0'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(anyText, anyOptions), { maxLength: 12 }), async (given) => {
        const texts = given.map(([text]) => text)
        const options = given.map(([, own]) => own)
        const places = given.map((_, index) => index + 5)
        const together = await own.encodeEach(texts, options, places)
        const alone = await Promise.all(
          given.map(([text, options], index) =>
            own.encode([text], { ...options, places: [index + 5] }).then(
              ([result]) => result,
              (error: unknown) => error,
            ),
          ),
        )
        expect(together).toEqual(alone)
      }),
      { numRuns: 30 },
    )
  })

  it('one text that is too long, and one whose prompt leaves nothing of it, fail alone', async () => {
    const long = 'fox river '.repeat(400)
    const outcomes = await own.encodeEach(
      ['fox', long, long, 'river'],
      [
        DEFAULTS,
        { ...DEFAULTS, overflow: 'error' },
        { ...DEFAULTS, prompt: 'a b c d e f g h', maxLength: 8 },
        DEFAULTS,
      ],
    )
    expect(outcomes.map((outcome) => (isStellaError(outcome) ? outcome.code : 'ids'))).toEqual([
      'ids',
      'INPUT_TOO_LONG',
      'OPTION_INVALID',
      'ids',
    ])
    expect(outcomes[1]).toBeInstanceOf(StellaError)
    expect(outcomes[1]).toMatchObject({ details: { index: 1, maxLength: 512 } })
    expect(outcomes[2]).toMatchObject({
      message: expect.stringMatching(/^The prompt and the special tokens take/) as string,
    })
  })

  it('counts as many options as texts', async () => {
    const error = await own.encodeEach(['a', 'b'], [DEFAULTS]).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ message: '2 texts have 1 options' })
  })

  it('has nothing to say of no texts', async () => {
    expect(await own.encodeEach([], [])).toEqual([])
  })

  it.each([
    ['of a million characters', 'river light '.repeat(83_333)],
    ['of a million NULs', '\0'.repeat(1_000_000)],
    ['of 50,000 characters without a space', 'x'.repeat(50_000)],
    ['of 25,000 emoji', '😀'.repeat(25_000)],
    ['of 50,000 lone surrogates', '\udc00'.repeat(50_000)],
    ['of 50,000 combining accents', '\u0301'.repeat(50_000)],
  ])('takes a text %s', { timeout: 60_000 }, async (_, text) => {
    const options = { ...DEFAULTS, prompt: 'find: ', overflow: 'truncate-left' } as const
    const [cut, neighbour] = await own.encodeEach([text, 'the fox'], [options, DEFAULTS])
    if (cut === undefined || isStellaError(cut)) throw new Error('no ids')
    expect(cut.ids.length).toBe(Math.min(512, cut.total))
    expect(cut.truncated).toBe(cut.total > 512)
    expect([neighbour]).toEqual(await own.encode(['the fox'], DEFAULTS))
  })

  it('stops before the library is asked when it is aborted', async () => {
    const error = await failureOf(() => own.encode(['x'], { ...DEFAULTS, signal: AbortSignal.abort() }))
    expect(error.code).toBe('ABORTED')
  })
})
