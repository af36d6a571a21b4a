/** Pairs side by side with their scores, and those that have none. Knows no whole page. */
import type { ProblemDetails } from '../../errors.js'
import type { PlacedResult } from '../summary.js'
import { countText, scoreText } from './figures-text.js'
import type { Html } from './html.js'
import { clipped, html, visible } from './html.js'

/** Characters of a text that a report shows; who wants all of it has it in the file. */
export const SHOWN_CHARACTERS = 2000

/** Characters of an id, and of a failure's message. */
const SHOWN_ID = 120
const SHOWN_MESSAGE = 600

/** A scored pair. */
export function pairCard({ place, result }: PlacedResult): Html {
  const { similarityScore: score, groundTruthText, predictionText } = result
  if (score === null) return html``
  const { normalizedCosine, cosineSimilarity, metadata } = score
  const [groundTruth, prediction] = ['Ground truth', 'Prediction'].map((name, side) => {
    const text = side === 0 ? groundTruthText : predictionText
    return textColumn(name, text, metadata.tokens[side], metadata.truncated[side] === true)
  })
  return html`<li class="pair">
    <div class="pair-head">
      <span class="score">${scoreText(normalizedCosine)}</span>
      <meter class="meter" min="0" max="1" value="${normalizedCosine}" aria-hidden="true"></meter>
      <span class="soft">cosine ${scoreText(cosineSimilarity)}</span>
      ${nameOf(result.id, place)}
    </div>
    <div class="texts">${groundTruth ?? ''}${prediction ?? ''}</div>
  </li>`
}

/** A pair that failed. */
export function failureCard({ place, result }: PlacedResult): Html {
  const { error, groundTruthText, predictionText } = result
  const texts = groundTruthText === '' && predictionText === ''
  return html`<li class="pair failed">
    <div class="pair-head"><code class="code">${error?.code ?? ''}</code>${nameOf(result.id, place)}</div>
    <p class="message" dir="auto">${shortened(messageOf(error), SHOWN_MESSAGE)}</p>
    ${texts ? '' : html`<div class="texts">${textColumn('Ground truth', groundTruthText)}${textColumn('Prediction', predictionText)}</div>`}
  </li>`
}

function messageOf(error: ProblemDetails | undefined): string {
  return error?.detail ?? ''
}

/** @param place - Its place among the results, from 0. */
function nameOf(id: string, place: number): Html {
  const name = id === '' ? '' : html`<bdi class="id">${shortened(id, SHOWN_ID)}</bdi> · `
  return html`<span class="name">${name}<span class="soft">pair ${countText(place + 1)}</span></span>`
}

function textColumn(name: string, text: string, tokens?: number, truncated = false): Html {
  const length = tokens === undefined ? '' : html` <span class="length">${countText(tokens)} tokens</span>`
  const cut = truncated ? html` <span class="badge">cut</span>` : ''
  const words = text === '' ? html`<span class="soft">none</span>` : shortened(text, SHOWN_CHARACTERS)
  // What scrolls has to be reached by keyboard.
  const scrolls = mayScroll(text) ? html` tabindex="0" role="region" aria-label="${name}"` : ''
  return html`<div class="text">
    <p class="text-name">${name}${length}${cut}</p>
    <div class="words" dir="auto" ${scrolls}>${words}</div>
  </div>`
}

/** Whether a text may be higher than the room it has: about ten lines of fifty characters. */
function mayScroll(text: string): boolean {
  return text.length > 400 || text.split('\n', 8).length > 7
}

function shortened(text: string, limit: number): Html {
  const { text: shown, left } = clipped(text, limit)
  return left === 0
    ? visible(shown)
    : html`${visible(shown)}… <span class="soft">and ${countText(left)} more characters</span>`
}
