/** Runs checks one after another. Whatever becomes of one is a finding; nothing of it reaches the others. */
import { throwIfAborted, untilAborted } from '../../files/cancellation.js'
import { REINSTALL } from './advice.js'
import type { Check, CheckContext, RunCheck, Subject } from './check.js'
import type { CheckMessage } from './child-protocol.js'
import { isMissing, readMessage } from './child-protocol.js'
import type { Finding, FindingId } from './finding.js'
import { lineOf, notOk } from './finding.js'
import type { ChildEnd } from './run-child.js'
import { endText, runChild } from './run-child.js'

/** The compiled entry, from the sources and from `dist` alike. */
const CHILD_ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/src/cli/doctor/child.js' : './child.js',
  import.meta.url,
)

/** How to run checks. */
export interface RunOptions {
  readonly subject: Subject
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  /** @param done - Bytes. */
  readonly onDoing: (what: string, done?: number, total?: number) => void
  /** What processes run; for tests. @default the compiled `child.ts` */
  readonly entry?: URL
}

/**
 * The findings of `checks`, by name, as they are made.
 *
 * @throws {StellaError} ABORTED
 */
export async function* runChecks(
  checks: Readonly<Record<string, Check>>,
  options: RunOptions,
): AsyncGenerator<Finding, void> {
  const troubled = new Set<FindingId>()
  for (const [name, check] of Object.entries(checks)) {
    throwIfAborted(options.signal, `looking at ${check.what}`)
    options.onDoing(check.what)
    const cause = check.needs?.find((id) => troubled.has(id))
    const findings = cause !== undefined ? [skipped(check, cause)] : runCheck(name, check, options)
    for await (const finding of findings) {
      if (finding.status === 'problem') troubled.add(finding.id)
      yield finding
    }
  }
}

function runCheck(name: string, check: Check, options: RunOptions): AsyncIterable<Finding> {
  return check.place === 'here' ? runHere(check, options) : runInChild(name, check, options)
}

/** With a clock beside it: what it waits for is left behind, and must be nothing that keeps this process. */
async function* runHere(check: Check, { subject, env, signal, onDoing }: RunOptions): AsyncGenerator<Finding, void> {
  const context: CheckContext = { ...subject, env, signal, doing: onDoing }
  try {
    const findings = each((await check.load())(context))
    for (;;) {
      const next = await untilAborted(signal, withinTime(findings.next(), check.limitMs), `looking at ${check.what}`)
      if (next === OVERDUE) {
        yield silent(check, undefined)
        return
      }
      if (next.done === true) return
      yield next.value
    }
  } catch (error) {
    if (signal.aborted) throw error
    yield failed(check, lineOf(error), isMissing(error))
  }
}

async function* runInChild(name: string, check: Check, options: RunOptions): AsyncGenerator<Finding, void> {
  const { subject, env, signal, onDoing, entry = CHILD_ENTRY } = options
  const queue = new FindingQueue()
  let at: string | undefined
  let told: Extract<CheckMessage, { readonly end: unknown }> | undefined
  const onMessage = (raw: unknown): boolean => {
    const message = readMessage(raw)
    if (message === undefined) return false
    if ('finding' in message) queue.push(message.finding)
    else if ('doing' in message) onDoing((at = message.doing), message.done, message.total)
    else told = message
    return told !== undefined
  }
  const order = { check: name, subject }
  // Of those who stop listening early, too.
  const own = new AbortController()
  const either = AbortSignal.any([signal, own.signal])
  const ended = runChild({ entry, order, env, limitMs: check.limitMs, signal: either, onMessage }).finally(() => {
    queue.end()
  })
  // Heard of below; until then nobody listens, and an abort must not end the program as an unhandled rejection.
  ended.catch(() => undefined)
  try {
    yield* queue
    const trouble = troubleOf(check, await ended, at, told)
    if (trouble !== undefined) yield trouble
  } finally {
    own.abort()
  }
}

function troubleOf(
  check: Check,
  end: ChildEnd,
  at: string | undefined,
  told: Extract<CheckMessage, { readonly end: unknown }> | undefined,
): Finding | undefined {
  if (told?.end === 'failed') return failed(check, told.message, told.missing)
  if (end.finished) return undefined
  if (end.timedOut) return silent(check, at)
  const { code, signal } = end
  const where = at === undefined ? '' : `, at ${at}`
  const facts = { code, signal, at }
  return notOk(
    'problem',
    check.id,
    `the process that looks at ${check.what} ended ${endText(end)}${where}`,
    check.advice,
    {
      facts,
    },
  )
}

function silent({ id, what, limitMs, advice }: Check, at: string | undefined): Finding {
  const where = at === undefined ? '' : `, at ${at}`
  const summary = `no answer about ${what} within ${limitMs / 1000} s${where}`
  return notOk('problem', id, summary, advice, { facts: { limitMs, at } })
}

function failed({ id, what, advice }: Check, message: string, missing: boolean): Finding {
  const summary = `${what} could not be looked at: ${message}`
  return notOk('problem', id, summary, missing ? REINSTALL : advice, { facts: { message, missing } })
}

function skipped({ id, what }: Check, cause: FindingId): Finding {
  const summary = `${what} was not looked at: it would fail as ${cause} did`
  return notOk('note', id, summary, `See ${cause} first`, { facts: { cause } })
}

/** One way to read both kinds of iterables. */
async function* each(findings: ReturnType<RunCheck>): AsyncGenerator<Finding, void> {
  yield* findings
}

const OVERDUE = Symbol('overdue')

function withinTime<T>(work: Promise<T>, limitMs: number): Promise<T | typeof OVERDUE> {
  return new Promise((resolve, reject) => {
    const clock = setTimeout(resolve, limitMs, OVERDUE)
    work.then(resolve, reject).finally(() => {
      clearTimeout(clock)
    })
  })
}

/** Findings on their way from messages, which nobody can hold back, to whoever reads them one by one. */
class FindingQueue {
  readonly #waiting: Finding[] = []
  #ended = false
  #wake: () => void = () => undefined

  push(finding: Finding): void {
    this.#waiting.push(finding)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Finding, void> {
    for (;;) {
      const finding = this.#waiting.shift()
      if (finding !== undefined) yield finding
      else if (this.#ended) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
