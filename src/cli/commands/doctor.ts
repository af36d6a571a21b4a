/** `stella doctor`: what is wrong with this machine, its settings and its converted models. Imports nothing that may be. */
import type { RunCommand } from '../command.js'
import { CHECKS } from '../doctor/checks.js'
import type { Finding } from '../doctor/finding.js'
import { findingText, isHealthy, reportJson, summaryText } from '../doctor/report.js'
import { runChecks } from '../doctor/run-checks.js'
import { subjectOf } from '../doctor/subject.js'
import { EXIT } from '../exit-code.js'
import { jsonText } from '../output.js'

/** Runs the command. */
export const run: RunCommand = async ({ values, positionals, io, output, report, signal }) => {
  const subject = await subjectOf(positionals, io.env, values.verify)
  const phase = report.phase('looking', 'bytes', false)
  const onDoing = (_: string, done = 0, total?: number): void => {
    if (done > 0) phase.update(done, total)
  }
  const findings: Finding[] = []
  for await (const finding of runChecks(CHECKS, { subject, env: io.env, signal, onDoing })) {
    findings.push(finding)
    if (values.json) continue
    report.clear()
    await output.write(findingText(finding))
  }
  await output.write(values.json ? jsonText(reportJson(findings)) : summaryText(findings))
  return isHealthy(findings) ? EXIT.done : EXIT.failed
}
