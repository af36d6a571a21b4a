/** What the embedded sets must be: varied, of all lengths, and apart from each other. */
import { describe, expect, it } from 'vitest'

import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../../registry/index.js'
import { calibrationTexts } from '../../../../src/convert/calibration/calibration-texts.js'
import { probeTexts } from '../../../../src/convert/calibration/probe-texts.js'
import { FAMILIES } from '../../../../src/convert/calibration/probes/families.js'
import type { TaskText } from '../../../../src/convert/calibration/task-text.js'

/** Words in a row that two sets may share: a phrase, but no sentence. */
const SHARED_WORDS = 6

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? []

/** Every run of so many words, and each text as a whole. */
function phrasesOf(texts: readonly TaskText[]): ReadonlySet<string> {
  return new Set(
    texts.flatMap(({ text }) => {
      const words = wordsOf(text)
      const runs = words.slice(SHARED_WORDS - 1).map((_, start) => words.slice(start, start + SHARED_WORDS).join(' '))
      return [text.trim().toLowerCase(), ...runs]
    }),
  )
}

const KINDS: readonly (readonly [string, RegExp])[] = [
  ['Han', /\p{Script=Han}/u],
  ['Japanese', /\p{Script=Hiragana}/u],
  ['Arabic', /\p{Script=Arabic}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Devanagari', /\p{Script=Devanagari}/u],
  ['emoji', /\p{Extended_Pictographic}/u],
  ['German', /[äöüß]/],
  ['French or Spanish', /[éèñ]/],
  ['Python', /\bdef \w+\(/],
  ['TypeScript', /: readonly|readonly \w+:/],
  ['SQL', /SELECT [\s\S]+\sFROM /],
  ['JSON', /\{"\w+":/],
  ['CSV', /^\w+(,\w+){2,}\n/],
  ['HTML', /<\/\w+>/],
  ['a log', /\d\d:\d\d:\d\d.*(WARN|ERROR|warn)/],
  ['a URL', /https:\/\/[^\s]+\?/],
  ['capitals', /^[^a-z]*[A-Z]{4}[^a-z]*[A-Z]{3}[^a-z]*$/],
  ['mathematics', /[ℝ√∑□∎]|\\frac|v₀/],
  ['numbers', /^[\d.e\s-]+|\d{4} \d{5}/],
]

describe.each([
  { name: 'calibration', make: calibrationTexts, least: 96, longest: 350 },
  { name: 'probe', make: probeTexts, least: 64, longest: 250 },
])('the $name set', ({ make, least, longest }) => {
  const texts = make()

  it('is large enough, and the same each time', () => {
    expect(texts.length).toBeGreaterThanOrEqual(least)
    expect(make()).toEqual(texts)
  })

  it.each(KINDS)('has a text of the kind: %s', (_, kind) => {
    expect(texts.some(({ text }) => kind.test(text))).toBe(true)
  })

  it('has texts of one to some hundred words, most of them short', () => {
    const lengths = texts.map(({ text }) => wordsOf(text).length).sort((a, b) => a - b)
    expect(lengths[0]).toBeLessThanOrEqual(3)
    expect(lengths.at(-1)).toBeGreaterThanOrEqual(longest)
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(60)
  })

  it('has texts for every task, so that the prompts are seen too', () => {
    const tasks = texts.map(({ task }) => task)
    expect(new Set(tasks)).toEqual(new Set(['document', 's2p_query', 's2s_query']))
    expect(tasks.filter((task) => task === 'document').length).toBeGreaterThan(texts.length / 2)
  })

  it('holds each text once, whole and trimmed', () => {
    expect(new Set(texts.map(({ text }) => text)).size).toBe(texts.length)
    for (const { text } of texts) {
      expect(text).toBe(text.trim())
      expect(text).not.toBe('')
      expect(text).not.toContain('\uFFFD')
    }
  })

  it('contains no prompt of its own', () => {
    const prompts = [STELLA_NANO, STELLA_EN_400M_V5, STELLA_EN_1_5B_V5].flatMap(({ prompts }) => [
      prompts.s2p_query,
      prompts.s2s_query,
    ])
    const used = prompts.filter((prompt) => prompt !== null)
    expect(used.length).toBeGreaterThan(0)
    for (const prompt of used) expect(texts.filter(({ text }) => text.includes(prompt.trim()))).toEqual([])
  })
})

describe('the two sets', () => {
  it(`share no text and no ${SHARED_WORDS} words in a row`, () => {
    const fitted = phrasesOf(calibrationTexts())
    expect([...phrasesOf(probeTexts())].filter((phrase) => fitted.has(phrase))).toEqual([])
  })

  it('would be found out if they did', () => {
    const one: TaskText = { task: 'document', text: 'He said that the ferry leaves at nine from the slip.' }
    const fitted = phrasesOf([{ task: 'document', text: 'Note: The ferry leaves at nine from pier two.' }])
    expect([...phrasesOf([one])].filter((phrase) => fitted.has(phrase))).toEqual(['the ferry leaves at nine from'])
  })
})

describe('the families of the probe set', () => {
  it('are of eight texts with a search query among them, so that no family fills the ten nearest by itself', () => {
    expect(FAMILIES.length).toBeGreaterThanOrEqual(6)
    for (const { texts } of FAMILIES) {
      expect(texts).toHaveLength(8)
      expect(texts.some(({ task }) => task === 's2p_query')).toBe(true)
    }
  })
})

describe('the prose of the calibration set', () => {
  it('has no line breaks of the source file in it', () => {
    const wrapped = calibrationTexts().filter(({ text }) => /[a-z,]\n[a-z]/.test(text) && /\. [A-Z]/.test(text))
    expect(wrapped.map(({ text }) => text.slice(0, 40))).toEqual([])
  })
})
