/** Runs `workers/pack-weights.ts`: one process, one answer. */
import type { PackCheck, PackOrder } from '../../workers/pack-protocol.js'
import { isPackOutcome } from '../../workers/pack-protocol.js'
import { decodeError } from '../../workers/protocol.js'
import type { ProcessEnd } from '../files/child-process.js'
import { askProcess } from '../files/child-process.js'
import { clip } from '../show.js'

/** The compiled entry, from the sources and from `dist` alike. */
const PACKER_ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workers/pack-weights.js' : '../../workers/pack-weights.js',
  import.meta.url,
)

/** Signals of a process that broke by itself. Any other end, such as the kernel's for want of memory, may not recur. */
const CRASHES: readonly (NodeJS.Signals | null)[] = ['SIGSEGV', 'SIGILL', 'SIGFPE']

/** The process ended without an answer. */
export class PackingEnded extends Error {
  /** Whether it crashed, and would again. */
  readonly crashed: boolean

  constructor({ signal, code, printed }: ProcessEnd) {
    const end = signal === null ? `with exit code ${String(code)}` : `by ${signal}`
    const said = printed === '' ? '' : `: ${clip(printed)}`
    super(`the process that packs weights ended ${end}${said}`)
    this.crashed = CRASHES.includes(signal)
  }
}

/**
 * Has weights packed in a process of their own.
 *
 * @throws {PackingEnded} when it ends without an answer; what went wrong in it; ABORTED, and the process is gone by then.
 */
export function packInProcess(order: PackOrder, signal: AbortSignal): Promise<PackCheck> {
  return askProcess({
    entry: PACKER_ENTRY,
    order,
    doing: 'packing weights',
    signal,
    read: (message) => {
      if (!isPackOutcome(message)) return undefined
      return () => {
        if (message.ok) return message.check
        throw decodeError(message.error)
      }
    },
    ended: (end) => new PackingEnded(end),
  })
}
