import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { EvaluationReport } from '../../../../src/evaluation/report/evaluation-report.js'
import { SHOWN_CHARACTERS } from '../../../../src/evaluation/report/pair-cards.js'
import { renderReport } from '../../../../src/evaluation/report/render-report.js'
import { failed, scored } from '../results.js'
import { misplacedTag, reportOf, tagsOf, wordsOf } from './reports.js'

const RESULTS = [
  ...Array.from({ length: 40 }, (_, index) => scored(`s${index}`, 0.6 + index / 100)),
  failed('f1', 'INPUT_INVALID', 'p.jsonl line 3 is not JSON'),
  failed('f2', 'INPUT_TOO_LONG', 'The text has 9000 tokens', { groundTruth: 'kept', prediction: 'too' }),
  failed('f3', 'INPUT_INVALID', 'p.jsonl line 7 holds no text'),
]

/** One report, with `text` wherever a report repeats what others wrote. */
function hostile(text: string): EvaluationReport {
  const texts = { groundTruth: text, prediction: text }
  const report = reportOf([scored(text, 0.7, texts), failed(text, 'INPUT_INVALID', text, texts)], {
    title: text,
    notes: [text],
    settings: { Pairs: text },
    versions: { Node: text },
  })
  return { ...report, model: { ...report.model, key: text, prompt: text, promptType: text } }
}

describe('renderReport', () => {
  it('holds the figures, the pairs from both ends, the failures and the settings', () => {
    const words = wordsOf(renderReport(reportOf(RESULTS)))
    for (const part of [
      'pairs.jsonl',
      '43 pairs compared with stella-en-400m-v5, int8 on cpu , in 12.3 s. 21 November 2026, 10:05 UTC',
      'Mean score 0.7950 ± 0.1154 standard deviation',
      'Scored 40 of 43 pairs',
      'Failed 3 7.0 %',
      'lowest 5 % 25 % median 75 % 95 % highest',
      'score 0.6000 0.6100 0.6900 0.7900 0.8900 0.9700 0.9900',
      'cosine 0.2000 0.2200 0.3800 0.5800 0.7800 0.9400 0.9800',
      'truth of s0',
      'prediction of s39',
      'INPUT_INVALID Invalid input 2 4.7 %',
      'INPUT_TOO_LONG Input too long 1 2.3 %',
      'p.jsonl line 3 is not JSON',
      'Dimensions 1,024',
      'Instruct: Retrieve semantically similar text.',
      'stella-pool 0.1.0',
    ]) {
      expect(words.replaceAll(' ,', ',')).toContain(part.replaceAll(' ,', ','))
    }
    expect(words.indexOf('truth of s0 ')).toBeLessThan(words.indexOf('truth of s1 '))
    expect(words.indexOf('truth of s39 ')).toBeLessThan(words.indexOf('truth of s38 '))
    expect(words).not.toContain('truth of s20')
  })

  it('is a page in which everything that is opened is closed', () => {
    const one = [scored('a', 0.5)]
    for (const results of [RESULTS, [], one, RESULTS.slice(-2)]) {
      const page = renderReport(reportOf(results, { notes: ['a note'], settings: { a: 'b' } }))
      expect(misplacedTag(page)).toBeUndefined()
      const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
      expect(new Set(ids).size).toBe(ids.length)
      // Every link leads to a part of the page.
      for (const [, target] of page.matchAll(/ href="#([^"]*)"/g)) expect(ids).toContain(target)
    }
  })

  it('needs nothing but itself, and forbids itself everything else', () => {
    const page = renderReport(reportOf(RESULTS))
    expect(page).not.toMatch(/<(script|link|img|iframe|object|embed|base|form|input|video|audio)\b/)
    expect(page).not.toMatch(/\b(src|srcset|action|style|on[a-z]+)=/)
    expect(page).not.toMatch(/https?:|\/\/[a-z]|url\(|@import/)
    expect([...page.matchAll(/href="([^"]*)"/g)].every(([, target]) => target?.startsWith('#') === true)).toBe(true)
    const [, style = ''] = /<style>([^]*)<\/style>/.exec(page) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'" />`,
    )
  })

  it.each([
    '</script><script>alert(1)</script>',
    '</style><img src=x onerror=alert(1)>',
    '--></title></head><body onload="x">',
    `" onmouseover="alert(1)" x='`,
    '\u202Egnp.exe\u202C\u2066',
    '\u0000\u001B[31m\uFFFF\uD800',
    '&lt;b&gt; &amp; &#60;',
  ])('shows %j and does what it says nowhere', (text) => {
    const page = renderReport(hostile(text))
    expect(misplacedTag(page)).toBeUndefined()
    const signs = /<span class="sign">U\+[0-9A-F]{4}<\/span>/g
    expect(tagsOf(page.replaceAll(signs, ''))).toEqual(tagsOf(renderReport(hostile('plain'))))
    expect(page).not.toMatch(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069\uFFFF]|\p{Surrogate}/u)
  })

  it('has the same tags whatever texts say', () => {
    const tags = tagsOf(renderReport(hostile('plain')))
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(text, (given) => {
        const page = renderReport(hostile(given)).replaceAll(/<span class="sign">U\+[0-9A-F]{4}<\/span>/g, '')
        expect(tagsOf(page)).toEqual(tags)
      }),
      { numRuns: 300 },
    )
  })

  it('shows texts, messages and prompts to the blank: line ends in them are seen', () => {
    const text = ' two\n  lines \n'
    const page = renderReport(hostile(text))
    const shown = [...page.matchAll(/<(div class="words"|p class="message")[^>]*>([^]*?)<\/(div|p)>/g)]
    expect(shown.map(([, , words]) => words)).toEqual(Array.from({ length: 5 }, () => text))
    expect(page).toContain(`<td><span class="mono">${text}</span></td>`)
  })

  it('cuts long texts, ids and messages, and says how much is missing', () => {
    const long = 'x'.repeat(1_000_000)
    const results = Array.from({ length: 60 }, (_, index) => {
      const texts = { groundTruth: long, prediction: `🌊${long}` }
      return index % 2 === 0 ? scored(long, 0.9, texts) : failed(long, 'INPUT_INVALID', long, texts)
    })
    const page = renderReport(reportOf(results))
    expect(page.length).toBeLessThan(60 * 2 * (SHOWN_CHARACTERS + 1000))
    expect(page).toContain(`… <span class="soft">and 998,000 more characters</span>`)
    expect(Math.max(...(page.match(/x+/g) ?? []).map((run) => run.length))).toBe(SHOWN_CHARACTERS)
  })

  it('shows few pairs once, and of many both ends', () => {
    const few = renderReport(reportOf([scored('a', 0.5), scored('b', 0.6)]))
    expect(few.match(/<li class="pair">/g)).toHaveLength(2)
    expect(wordsOf(few)).toContain('Pairs, the least alike first 0.5000')
    const many = renderReport(reportOf(RESULTS))
    expect(many.match(/<li class="pair">/g)).toHaveLength(20)
    const none = renderReport(reportOf(RESULTS, {}, { examples: 0 }))
    expect(none).not.toMatch(/<li class="pair|id="worst"/)
    expect(wordsOf(none)).toContain('And 3 more.')
    expect(wordsOf(many)).toMatch(/Least alike 0\.6000 .* Most alike 0\.9900/)
  })

  it('says what is cut and what failed, and leaves out what there is none of', () => {
    const cut = wordsOf(renderReport(reportOf([scored('a', 0.5, { truncated: [true, false] })])))
    expect(cut).toContain('Cut 1 pairs with a text over 512 tokens')
    expect(cut).toMatch(/Ground truth 7 tokens cut/)
    expect(cut).toContain('Failed 0 every pair has a score')
    expect(cut).not.toContain('Meaning')
    const none = renderReport(reportOf([failed('a')]))
    expect(none).not.toContain('<svg')
    expect(wordsOf(none)).toContain('Failed 1 100 %')
    const many = Array.from({ length: 25 }, (_, index) => failed(`f${index}`))
    expect(wordsOf(renderReport(reportOf(many)))).toContain('And 15 more.')
  })
})
