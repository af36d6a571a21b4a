/**
 * An evaluation as a page: one HTML file that needs nothing else, runs nothing and shows texts as they are, whoever wrote
 * them. Opens no file.
 */
import { createHash } from 'node:crypto'

import type { EvaluationSummary } from '../summary.js'
import type { EvaluationReport } from './evaluation-report.js'
import { countText, durationText, pairsText } from './figures-text.js'
import { Html, html } from './html.js'
import { failureCard, pairCard } from './pair-cards.js'
import { REPORT_STYLE } from './report-style.js'
import { distributionSection, failureTable, settingsSection, tiles } from './report-sections.js'

/**
 * The page, in UTF-8 without a byte order mark. Its size does not depend on how many pairs were compared, and texts are
 * cut at 2,000 characters.
 *
 * It works from a disk and under any name: no script, no font, no picture and no request to anywhere, which a content
 * security policy in the page forbids as well.
 */
export function renderReport(report: EvaluationReport): string {
  const { title, model, summary, createdAt, notes = [] } = report
  // As one piece: the policy names the hash of what stands between the tags, to the last blank.
  const style = Html.trusted(`<style>${REPORT_STYLE}</style>`)
  const policy = `default-src 'none'; style-src 'sha256-${sha256(REPORT_STYLE)}'; base-uri 'none'; form-action 'none'`
  const sections = sectionsOf(report)
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${Html.trusted(policy)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="generator" content="stella-pool" />
        <title>${title} · evaluation</title>
        ${style}
      </head>
      <body>
        <header>
          <p class="kind">Evaluation of pairs</p>
          <h1><bdi>${title}</bdi></h1>
          <p class="facts">
            ${pairsText(summary.pairs)} compared with ${model.key}, ${model.precision} on
            ${model.device}${report.elapsedMs === undefined ? '' : `, in ${durationText(report.elapsedMs)}`}.
            <time datetime="${createdAt.toISOString()}">${dateText(createdAt)}</time>
          </p>
          <nav aria-label="Parts of this page">
            <ul>
              ${sections.map(({ id, name }) => html`<li><a href="#${id}">${name}</a></li>`)}
            </ul>
          </nav>
          ${notes.map((note) => html`<p class="note">${note}</p>`)}
        </header>
        <main>
          ${tiles(summary, model)}
          ${sections.map(
            ({ id, name, content }) =>
              html`<section id="${id}" aria-labelledby="${id}-name">
                <h2 id="${id}-name">${name}</h2>
                ${content}
              </section>`,
          )}
        </main>
        <footer><p>Made by stella-pool. This file is complete: it loads nothing and runs nothing.</p></footer>
      </body>
    </html> `
  return `${page.toString().trimEnd()}\n`
}

interface Section {
  readonly id: string
  readonly name: string
  readonly content: Html
}

function sectionsOf(report: EvaluationReport): readonly Section[] {
  const { summary } = report
  const { worst, best, failed, failures } = summary
  const pairs = (placed: EvaluationSummary['worst']): Html =>
    html`<ol class="pairs">
      ${placed.map(pairCard)}
    </ol>`
  const bothEnds: readonly Section[] = [
    { id: 'worst', name: 'Least alike', content: pairs(worst) },
    { id: 'best', name: 'Most alike', content: pairs(best) },
  ]
  const all: Section = { id: 'pairs', name: 'Pairs, the least alike first', content: pairs(worst) }
  // A summary may have been told to keep none.
  const ends = worst.length === 0 ? [] : summary.succeeded <= worst.length ? [all] : bothEnds
  const scored = [{ id: 'distribution', name: 'Distribution', content: distributionSection(summary) }, ...ends]
  const more = failed - failures.length
  const failing: readonly Section[] = [
    {
      id: 'failures',
      name: 'Failures',
      content: html`${failureTable(summary)}
        <ol class="pairs">
          ${failures.map(failureCard)}
        </ol>
        ${more === 0 ? '' : html`<p class="soft">And ${countText(more)} more.</p>`}`,
    },
  ]
  return [
    ...(summary.succeeded > 0 ? scored : []),
    ...(failed > 0 ? failing : []),
    { id: 'settings', name: 'Settings', content: settingsSection(report) },
  ]
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('base64')
}

/** Such as `21 November 2026, 10:05 UTC`. */
function dateText(date: Date): string {
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })
  return `${day}, ${date.toISOString().slice(11, 16)} UTC`
}
