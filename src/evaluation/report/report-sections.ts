/** The parts of a report but for its pairs: figures, picture, failures by code, settings. Knows no whole page. */
import type { StellaErrorCode } from '../../errors.js'
import { StellaError, isStellaErrorCode } from '../../errors.js'
import type { ScoreFigures } from '../evaluation-figures.js'
import type { EvaluationSummary } from '../summary.js'
import { decimalsOf } from './axis.js'
import type { EvaluationReport, ReportedModel } from './evaluation-report.js'
import { countText, durationText, scoreText, shareText } from './figures-text.js'
import { barsOf, histogramSvg } from './histogram-svg.js'
import type { Html, HtmlValue } from './html.js'
import { html, visible } from './html.js'

/** What is to be seen first. */
export function tiles({ scores, pairs, succeeded, failed, truncated }: EvaluationSummary, model: ReportedModel): Html {
  const { maxLength } = model
  return html`<dl class="tiles">
    ${
      scores === null
        ? ''
        : html`${tile('Mean score', scoreText(scores.mean), `± ${scoreText(scores.standardDeviation)} standard deviation`)}
          ${tile('Median', scoreText(scores.median), `half of them from ${scoreText(scores.p25)} to ${scoreText(scores.p75)}`)}`
    }
    ${tile('Scored', countText(succeeded), `of ${countText(pairs)} pairs`)}
    ${tile('Failed', countText(failed), failed === 0 ? 'every pair has a score' : shareText(failed, pairs), failed > 0)}
    ${truncated === 0 ? '' : tile('Cut', countText(truncated), `pairs with a text over ${countText(maxLength)} tokens`)}
  </dl>`
}

function tile(name: string, value: string, note: string, isBad = false): Html {
  return html`<div class="tile${isBad ? ' bad' : ''}">
    <dt>${name}</dt>
    <dd class="big">${value}</dd>
    <dd class="soft">${note}</dd>
  </div>`
}

/** The picture, and its numbers. */
export function distributionSection({ bins, scores }: EvaluationSummary): Html {
  if (scores === null) return html``
  return html`<figure class="card">
      <div class="scroll" tabindex="0" role="group" aria-label="Picture of the distribution">
        ${histogramSvg(bins, scores)}
      </div>
      <figcaption>
        The score of a pair is the normalised cosine, (cosine + 1) / 2: 1 for texts that mean the same, near 0.5 or
        above for unrelated ones, and hardly ever near 0. Below the bars, the box holds the middle half of the pairs,
        the stroke in it is their median, and the line reaches from 5 % to 95 % of them.
      </figcaption>
    </figure>
    <div class="scroll" tabindex="0" role="group" aria-label="Quantiles">${quantileTable(scores)}</div>
    <details>
      <summary>The bars as a table</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">Score from</th>
            <th scope="col">to</th>
            <th scope="col" class="number">Pairs</th>
          </tr>
        </thead>
        <tbody>
          ${barsOf(bins).map(({ from, to, count }) => {
            const decimals = decimalsOf(to - from)
            return html`<tr>
              <td>${from.toFixed(decimals)}</td>
              <td>${to.toFixed(decimals)}</td>
              <td class="number">${countText(count)}</td>
            </tr>`
          })}
        </tbody>
      </table>
    </details>`
}

function quantileTable({ min, p05, p25, median, p75, p95, max }: ScoreFigures): Html {
  const columns: readonly (readonly [string, number])[] = [
    ['lowest', min],
    ['5 %', p05],
    ['25 %', p25],
    ['median', median],
    ['75 %', p75],
    ['95 %', p95],
    ['highest', max],
  ]
  const row = (name: string, value: (score: number) => number): Html => {
    return html`<tr>
      <th scope="row">${name}</th>
      ${columns.map(([, score]) => html`<td class="number">${scoreText(value(score))}</td>`)}
    </tr>`
  }
  return html`<table class="quantiles">
    <thead>
      <tr>
        <td></td>
        ${columns.map(([name]) => html`<th scope="col" class="number">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${row('score', (score) => score)} ${row('cosine', (score) => 2 * score - 1)}
    </tbody>
  </table>`
}

/** How many pairs failed of what. */
export function failureTable({ failuresByCode, pairs }: EvaluationSummary): Html {
  const counts = Object.entries(failuresByCode).sort(([, a], [, b]) => b - a)
  return html`<table>
    <thead>
      <tr>
        <th scope="col">Code</th>
        <th scope="col">Meaning</th>
        <th scope="col" class="number">Pairs</th>
        <th scope="col" class="number">Share</th>
      </tr>
    </thead>
    <tbody>
      ${counts.map(([code, count]) => {
        return html`<tr>
          <td><code class="code">${code}</code></td>
          <td>${titleOf(code)}</td>
          <td class="number">${countText(count)}</td>
          <td class="number">${shareText(count, pairs)}</td>
        </tr>`
      })}
    </tbody>
  </table>`
}

function titleOf(code: string): string {
  return isStellaErrorCode(code) ? problemTitle(code) : ''
}

function problemTitle(code: StellaErrorCode): string {
  return new StellaError(code, '').toProblemDetails().title
}

/** With what it was done. */
export function settingsSection({ model, summary, elapsedMs, settings = {}, versions = {} }: EvaluationReport): Html {
  const { key, precision, device, dimensions, maxLength, promptType, prompt } = model
  const rate = elapsedMs === undefined || elapsedMs === 0 ? undefined : (summary.pairs / elapsedMs) * 1000
  const rows: readonly (readonly [string, HtmlValue])[] = [
    ['Model', visible(key)],
    ['Precision', precision],
    ['Device', device],
    ['Dimensions', countText(dimensions)],
    ['Longest text', `${countText(maxLength)} tokens`],
    ['Prompt', visible(promptType)],
    [
      'Words of the prompt',
      prompt === '' ? html`<span class="soft">none</span>` : html`<span class="mono">${visible(prompt)}</span>`,
    ],
    ['Tokens', countText(summary.tokens)],
    ...(elapsedMs === undefined ? [] : [['Time', durationText(elapsedMs)] as const]),
    ...(rate === undefined ? [] : [['Pairs per second', rate.toFixed(rate < 10 ? 2 : 0)] as const]),
    ...Object.entries({ ...settings, ...versions }).map(([name, value]) => [name, visible(value)] as const),
  ]
  return html`<table class="settings">
    <tbody>
      ${rows.map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`
}
