/** Findings as lines for people and as JSON for programs. */
import { packageVersion } from '../../files/package-root.js'
import type { Finding, Status } from './finding.js'
import { STATUSES } from './finding.js'

/** Columns of the status and of the id. */
const STATUS_WIDTH = 8
const ID_WIDTH = 17

/** A finding as a line, and what to do about it as another. */
export function findingText({ status, id, summary, advice }: Finding): string {
  const line = `${status.padEnd(STATUS_WIDTH)} ${id.padEnd(ID_WIDTH)} ${visible(summary)}\n`
  return advice === null ? line : `${line}${' '.repeat(STATUS_WIDTH + ID_WIDTH + 2)}→ ${visible(advice)}\n`
}

/** What came of it all, after an empty line. */
export function summaryText(findings: readonly Finding[]): string {
  const counts = countsOf(findings)
  const parts = STATUSES.map(
    (status) => `${counts[status]} ${status === 'ok' || counts[status] === 1 ? status : `${status}s`}`,
  )
  return `\n${parts.join(', ')}\n`
}

/** The report for programs. */
export function reportJson(findings: readonly Finding[]): object {
  return { version: packageVersion(), healthy: isHealthy(findings), counts: countsOf(findings), findings }
}

/** Whether nothing is a problem. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ status }) => status !== 'problem')
}

function countsOf(findings: readonly Finding[]): Readonly<Record<Status, number>> {
  const counts = { ok: 0, note: 0, warning: 0, problem: 0 }
  for (const { status } of findings) counts[status]++
  return counts
}

/** Names on a disk may hold anything: what moves a cursor or breaks a line is shown as what it is. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
  })
}
