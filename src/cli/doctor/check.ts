/** What a check is, and what it is given. Knows none of them. */
import type { StellaModelInfo } from '../../../registry/types.js'
import type { Variables } from '../../files/environment.js'
import type { Finding, FindingId } from './finding.js'

/** What is to be looked at: plain data, for a check may run in a process of its own. */
export interface Subject {
  /** Folder of converted models; undefined where the environment names none. */
  readonly home: string | undefined
  /** Folder of downloaded models; undefined as before. */
  readonly cacheDir: string | undefined
  readonly models: readonly StellaModelInfo[]
  /** Whether the caller named the models; what they lack is then more than a fact. */
  readonly named: boolean
  /** Whether files are hashed. */
  readonly verify: boolean
}

/** What a running check has. */
export interface CheckContext extends Subject {
  readonly env: Variables
  /** Says what it is at, and that it is alive. @param done - Bytes. */
  readonly doing: (what: string, done?: number, total?: number) => void
  readonly signal: AbortSignal
}

/** A check's code. Each finding is told as soon as it is made. */
export type RunCheck = (context: CheckContext) => AsyncIterable<Finding> | Iterable<Finding>

/** A check, as the runner knows it. */
export interface Check {
  /** Of the finding that says it could not be finished. */
  readonly id: FindingId
  /** For progress and messages: `the engine`. */
  readonly what: string
  /** Longest silence, in milliseconds. What has not answered by then never will. */
  readonly limitMs: number
  /** `child`: in a process of its own, because it loads native code or waits for disks that may not answer. */
  readonly place: 'here' | 'child'
  /** What to do where it could not be finished. */
  readonly advice: string
  /** Not run where one of these was a problem: it would fail for the same reason. */
  readonly needs?: readonly FindingId[]
  /** Imported on its own, so that a package that is missing costs the checks that need it and no others. */
  readonly load: () => Promise<RunCheck>
}
