/** Which text goes before an input: tasks, their aliases, and the prompts of a model. */
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import { clip, show } from '../show.js'

/** What an embedding is for. Queries carry a prompt, documents none. */
export type Task = 's2p_query' | 's2s_query' | 'document'

/** Names that other tools use, and the task each stands for. */
const TASKS = {
  s2p_query: 's2p_query',
  s2s_query: 's2s_query',
  document: 'document',
  s2p: 's2p_query',
  search_query: 's2p_query',
  retrieval: 's2p_query',
  s2s: 's2s_query',
  classification: 's2s_query',
  clustering: 's2s_query',
  search_document: 'document',
} as const satisfies Record<string, Task>

/**
 * A task or one of its aliases: `s2p`, `search_query` and `retrieval` stand for `s2p_query`; `s2s`, `classification` and
 * `clustering` for `s2s_query`; `search_document` for `document`.
 *
 * @useDeclaredType
 */
export type TaskName = keyof typeof TASKS

/** The accepted task names, aliases included. */
export const TASK_NAMES = Object.freeze(Object.keys(TASKS)) as readonly TaskName[]

/**
 * The text to put before an input of this task.
 *
 * @param task - A {@link TaskName}; anything else is refused, whatever its type.
 * @throws {StellaError} TASK_UNKNOWN naming what is accepted, also where the model defines no such prompt.
 */
export function promptFor(info: StellaModelInfo, task: unknown): string {
  if (!isTaskName(task)) {
    throw new StellaError('TASK_UNKNOWN', `Unknown task: ${show(task)}. Accepted: ${TASK_NAMES.join(', ')}`, {
      details: { task: typeof task === 'string' ? clip(task) : show(task), accepted: TASK_NAMES },
    })
  }
  const canonical = TASKS[task]
  const prompt = info.prompts[canonical]
  if (prompt !== null) return prompt
  const accepted = TASK_NAMES.filter((name) => info.prompts[TASKS[name]] !== null)
  throw new StellaError(
    'TASK_UNKNOWN',
    `${info.key} defines no prompt for the task \`${task}\`; pass \`prompt\` instead. Defined: ${accepted.join(', ')}`,
    { details: { model: info.key, task, accepted } },
  )
}

/** Own names only: `constructor` is a property of every object, and an array of one name reads like the name. */
function isTaskName(value: unknown): value is TaskName {
  return typeof value === 'string' && Object.hasOwn(TASKS, value)
}
