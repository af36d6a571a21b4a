/** Everything that is under way: who has not answered, how each ended, and whether that may be. */
import type { ErrorDetails, StellaErrorCode } from '../../src/errors.js'
import { isStellaError, messageOf } from '../../src/errors.js'
import type { Play, Session } from './play.js'
import type { Finding } from './report.js'
import { Tally } from './report.js'
import { WrongResult } from './texts.js'

/** Begins a line of the journal that tells of something found. */
export const FOUND_MARK = 'FOUND'

/** Of a message, in UTF-16 code units. */
const MOST_TOLD = 160

/** An operation that was begun. */
interface Begun {
  readonly number: number
  readonly name: string
  readonly play: Play
  readonly session: Session
  readonly since: number
}

/** See the head of this file. */
export class Watch {
  readonly tally = new Tally()
  readonly findings: Finding[] = []
  readonly #now: () => number
  readonly #promptMs: number
  readonly #underWay = new Map<Begun, Promise<void>>()
  readonly #onJournal: (line: string) => void
  #begun = 0
  /** By the system's clock: the other may stand still. */
  #noted = Date.now()

  /** @param promptMs - What counts as at once. */
  constructor(now: () => number, promptMs: number, onJournal: (line: string) => void) {
    this.#now = now
    this.#promptMs = promptMs
    this.#onJournal = onJournal
  }

  /** Milliseconds since anything was noted. */
  get quietMs(): number {
    return Date.now() - this.#noted
  }

  /** Operations that were begun. */
  get begun(): number {
    return this.#begun
  }

  /** Operations that have not settled. */
  get underWay(): number {
    return this.#underWay.size
  }

  /** Follows an operation to its end. */
  follow(name: string, play: Play, session: Session): Promise<void> {
    const begun: Begun = { number: ++this.#begun, name, play, session, since: this.#now() }
    this.note(`${begun.number} ${name}: ${play.what}`)
    const settled = play.done.then(
      () => {
        this.#ended(begun, 'ok')
      },
      (error: unknown) => {
        this.#ended(begun, error)
      },
    )
    this.#underWay.set(begun, settled)
    void settled.then(() => this.#underWay.delete(begun))
    return settled
  }

  /** Ends when all that is under way now has settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.values())
  }

  /** Notes as found what should have settled by now. */
  findUnsettled(reason: string, isLate: (begun: { readonly play: Play; readonly ageMs: number }) => boolean): boolean {
    const late = [...this.#underWay.keys()].filter(({ play, since }) => isLate({ play, ageMs: this.#now() - since }))
    for (const { number, name, play, since } of late) {
      const ageMs = Math.round(this.#now() - since)
      this.find('never settled', name, `${number} ${play.what}: ${reason}, after ${ageMs} ms`)
    }
    return late.length > 0
  }

  find(kind: string, operation: string, detail: string): void {
    this.findings.push({ kind, operation, detail })
    this.note(`${FOUND_MARK} ${kind} ${operation}: ${detail}`)
  }

  note(line: string): void {
    this.#noted = Date.now()
    this.#onJournal(`${(this.#now() / 1000).toFixed(3)} ${line}`)
  }

  #ended(begun: Begun, outcome: unknown): void {
    const { number, name, play, session } = begun
    const isWell = outcome === 'ok'
    const code = isStellaError(outcome) ? outcome.code : undefined
    this.tally.add(name, isWell ? 'ok' : (code ?? 'found'))
    this.note(`${number} ended: ${isWell ? 'ok' : `${code ?? 'no code'}: ${messageOf(outcome).slice(0, MOST_TOLD)}`}`)
    const lateMs = this.#now() - begun.since - (play.overAfterMs ?? Number.POSITIVE_INFINITY)
    if (lateMs > this.#promptMs) this.find('late', name, `${number} ${play.what}: settled ${lateMs} ms late`)
    if (isWell) {
      if (play.mustFail === true) this.find('ended well', name, `${number} ${play.what}`)
      return
    }
    if (outcome instanceof WrongResult) this.find('wrong result', name, `${number} ${play.what}: ${outcome.message}`)
    else if (code === undefined) this.find('undocumented', name, `${number} ${play.what}: ${stackOf(outcome)}`)
    else if (!isExplained(code, play, session)) {
      this.find('unexplained', name, `${number} ${play.what}: ${code}: ${chainOf(outcome)}`)
    } else if (isStellaError(outcome) && code === 'MEMORY_EXHAUSTED' && !isFairRefusal(outcome.details)) {
      this.find('unfair', name, `${number} ${play.what}: ${outcome.message} ${JSON.stringify(outcome.details)}`)
    }
  }
}

function isExplained(code: StellaErrorCode, { may = [] }: Play, { excuses, closing }: Session): boolean {
  return may.includes(code) || excuses.has(code) || (code === 'POOL_CLOSED' && closing)
}

/** Memory is refused for what can never fit, and where somebody has a reason to keep theirs. */
function isFairRefusal({ needed, budget, holders }: ErrorDetails): boolean {
  if (Number(needed) > Number(budget)) return true
  return Array.isArray(holders) && holders.some((holder: { readonly kept?: unknown }) => holder.kept !== undefined)
}

/** The messages of an error and of its causes. */
function chainOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : `${messageOf(error)} <- ${chainOf(cause)}`
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
