/** What the tests of checks share: a context, and all that a check finds. */
import { listModels } from '../../../../registry/index.js'
import type { CheckContext, RunCheck } from '../../../../src/cli/doctor/check.js'
import type { Finding, FindingId } from '../../../../src/cli/doctor/finding.js'

/** A context in which nothing is set. */
export function contextOf(changes: Partial<CheckContext> = {}): CheckContext {
  return {
    home: undefined,
    cacheDir: undefined,
    models: listModels(),
    named: false,
    verify: false,
    env: {},
    doing: () => undefined,
    signal: new AbortController().signal,
    ...changes,
  }
}

/** All findings; each that is not ok must say what to do, and each must be a line. */
export async function findingsOf(run: RunCheck, changes: Partial<CheckContext> = {}): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for await (const finding of run(contextOf(changes))) findings.push(finding)
  for (const { status, advice, summary } of findings) {
    if (status === 'ok' ? advice !== null : advice === null || advice === '') throw new Error(`advice of: ${summary}`)
    if (summary === '' || summary.includes('\n')) throw new Error(`no line: ${summary}`)
  }
  return findings
}

/** The one finding with this id. */
export function only(findings: readonly Finding[], id: FindingId): Finding {
  const found = findings.filter((finding) => finding.id === id)
  const [first] = found
  if (first === undefined || found.length > 1) throw new Error(`${found.length} findings of ${id}`)
  return first
}
