/** How a call's caller may lose patience: an abort at some moment, or a deadline. */
import type { StellaErrorCode } from '../../src/errors.js'
import type { Scene } from './play.js'

/** What a call is given, and what may come of it. */
export interface Ending {
  readonly what: string
  readonly options: { readonly signal?: AbortSignal; readonly deadlineMs?: number }
  readonly may: readonly StellaErrorCode[]
  readonly mustFail: boolean
  /** When it is over at the latest, in milliseconds from its beginning; undefined: whenever it is done. */
  readonly overAfterMs?: number
  /** To be called as soon as the call was made. */
  readonly begun: () => void
}

/** Longest that a call is left alone before it is aborted, in milliseconds: a load takes longer, a run does not. */
const ABORT_WITHIN_MS = 120

/** Deadlines that can be met now and then, in milliseconds. */
const TINY_DEADLINE_MS = 40

/** A deadline that must not be missed, in milliseconds. */
const FAIR_DEADLINE_MS = 600_000

/** Names of endings. */
export type EndingName = 'patient' | 'aborted' | 'deadline'

/** How to draw each. */
export const ENDINGS: Readonly<Record<EndingName, (scene: Scene) => Ending>> = {
  patient: () => ({ what: '', options: {}, may: [], mustFail: false, begun: () => undefined }),
  aborted: ({ stage, draws }) => {
    const controller = new AbortController()
    const { signal } = controller
    const may = ['ABORTED'] as const
    const moment = draws.pick(['before', 'now', 'later', 'later', 'later'] as const)
    if (moment === 'before') controller.abort()
    const waitMs = draws.between(0, ABORT_WITHIN_MS)
    const begun = (): void => {
      if (moment === 'now') controller.abort(new Error('chaos'))
      if (moment === 'later') {
        void stage.rest(waitMs).then(() => {
          controller.abort()
        })
      }
    }
    const what = moment === 'later' ? `aborted after ${waitMs} ms` : `aborted ${moment}`
    const overAfterMs = moment === 'later' ? waitMs : 0
    return { what, options: { signal }, may, mustFail: moment !== 'later', overAfterMs, begun }
  },
  deadline: ({ draws }) => {
    const isFair = draws.chance(0.3)
    const deadlineMs = isFair ? FAIR_DEADLINE_MS : draws.between(1, TINY_DEADLINE_MS)
    const may = isFair ? [] : (['TIMEOUT'] as const)
    const what = `within ${deadlineMs} ms`
    return { what, options: { deadlineMs }, may, mustFail: false, overAfterMs: deadlineMs, begun: () => undefined }
  },
}
