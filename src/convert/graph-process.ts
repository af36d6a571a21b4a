/** Has a graph run by `workers/run-graph.ts`: one process, one answer. */
import type { GraphOrder, GraphOutputs } from '../../workers/graph-protocol.js'
import { isGraphMessage } from '../../workers/graph-protocol.js'
import { decodeError } from '../../workers/protocol.js'
import { StellaError } from '../errors.js'
import type { ProcessEnd } from '../files/child-process.js'
import { askProcess } from '../files/child-process.js'
import { clip } from '../show.js'

/** The compiled entry, from the sources and from `dist` alike. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workers/run-graph.js' : '../../workers/run-graph.js',
  import.meta.url,
)

/** What the caller may follow and stop. */
export interface GraphRunOptions {
  readonly signal?: AbortSignal | undefined
  /** Called after each run with the number done. */
  readonly onRun?: ((done: number) => void) | undefined
}

/**
 * Runs a graph in a process of its own.
 *
 * @throws {StellaError} ABORTED, and the process is gone by then; WORKER_LOST when it ended without an answer; what went
 * wrong in it.
 */
export function runGraphInProcess(order: GraphOrder, { signal, onRun }: GraphRunOptions = {}): Promise<GraphOutputs> {
  return askProcess({
    entry: ENTRY,
    order,
    serialization: 'advanced',
    doing: 'converting',
    signal,
    read: (message) => {
      if (!isGraphMessage(message)) return undefined
      switch (message.kind) {
        case 'done':
          return () => message.outputs
        case 'failed':
          return () => {
            throw decodeError(message.error)
          }
        case 'progress':
          onRun?.(message.done)
          return undefined
      }
    },
    ended,
  })
}

function ended({ signal, code, printed }: ProcessEnd): StellaError {
  const end = signal === null ? `with exit code ${String(code)}` : `by ${signal}`
  const said = printed === '' ? '' : `: ${clip(printed)}`
  const hint = signal === 'SIGKILL' ? '. The system may have ended it for want of memory' : ''
  return new StellaError('WORKER_LOST', `The process that measures a conversion ended ${end}${said}${hint}`, {
    details: { signal, code },
  })
}
