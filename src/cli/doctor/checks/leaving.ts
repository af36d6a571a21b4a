/**
 * Whether a process keeps its exit code when it leaves while the engine works. Ending a thread inside the engine aborts
 * the whole process (134) where nothing prevents it; a server would look crashed at every restart.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ENGINE_ADVICE } from '../advice.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'
import { EXIT_CODE, readLeavingNote } from '../leaving-protocol.js'
import type { ChildEnd } from '../run-child.js'
import { endText, runChild } from '../run-child.js'

/** The compiled entry, from the sources and from `dist` alike. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../../../dist/src/cli/doctor/leaving-child.js' : '../leaving-child.js',
  import.meta.url,
)

/** Less than the limit of the check, so that what it printed is told, in milliseconds. */
const LIMIT_MS = 80_000

const ID = 'exit.code'

/** See above. @param entry - The process that leaves; for tests. */
export async function* checkLeaving({ env, signal }: CheckContext, entry = ENTRY): AsyncGenerator<Finding, void> {
  let home: string
  try {
    home = await mkdtemp(join(tmpdir(), 'stella-doctor-'))
  } catch (error) {
    const summary = `nothing can be written to ${tmpdir()}, so that this could not be tried: ${lineOf(error)}`
    yield notOk('warning', ID, summary, 'Set TMPDIR to a folder that can be written')
    return
  }
  let end: ChildEnd
  try {
    end = await runChild({ entry, args: [home], env, limitMs: LIMIT_MS, signal })
  } finally {
    await rm(home, { recursive: true, force: true }).catch(() => undefined)
  }
  yield leavingFinding(end)
}

/** What the end of a process that left with {@link EXIT_CODE} during a run says. */
export function leavingFinding(end: ChildEnd): Finding {
  const note = readLeavingNote(end.stdout)
  const facts = {
    expected: EXIT_CODE,
    code: end.code,
    signal: end.signal,
    waiting: note?.waiting,
    firstTextMs: note?.firstTextMs,
  }
  if (note === undefined) {
    const how = end.timedOut ? 'did not embed in time' : `ended ${endText(end)}`
    return notOk('problem', ID, `a process that embeds with the embedded model ${how}`, ENGINE_ADVICE, { facts })
  }
  const close = 'Close pools before the process leaves: `await pool.close()`. And tell us: this should not happen'
  if (end.timedOut)
    return notOk('problem', ID, 'a process that leaves while the engine works never ends', close, { facts })
  if (end.code !== EXIT_CODE) {
    const summary = `a process that leaves with ${EXIT_CODE} while the engine works ended ${endText(end)}`
    return notOk('problem', ID, summary, close, { facts })
  }
  if (note.waiting === 0) {
    const summary = `the engine was done before the process could leave: it was not seen whether it keeps its exit code`
    return notOk('note', ID, summary, 'Try again', { facts })
  }
  const summary = `a process that leaves while the engine works keeps its exit code (${EXIT_CODE}; ${note.waiting} texts waiting)`
  return ok(ID, summary, { facts })
}
