/** What a kind of text is to a Stella model: which prompt goes before it. Knows no pool. */
import { StellaError } from '../errors.js'
import type { TaskName } from '../inference/task.js'
import type { NamedPrompts } from '../model/prompt-types.js'
import { clip, show } from '../show.js'
import type { EmbeddingKind } from './embedding-provider.js'

/** Every kind that needs no prompt of one's own, and the task it stands for. */
const TASKS = {
  query: 's2p',
  document: 'document',
  similarity: 's2s',
} as const satisfies Readonly<Record<string, TaskName>>

/** Where a call says none. Documents take no prompt, so that what is said by nobody changes nothing about the text. */
export const DEFAULT_KIND = 'document'

/**
 * The prompt type of a kind. A prompt of the user's own goes before a kind of the same name.
 *
 * @throws {StellaError} TASK_UNKNOWN naming the accepted ones.
 */
export function promptTypeOf(kind: EmbeddingKind, prompts: NamedPrompts): string {
  const given: unknown = kind
  if (typeof given === 'string') {
    if (Object.hasOwn(prompts, given)) return given
    if (isKind(given)) return TASKS[given]
  }
  const accepted = [...new Set([...Object.keys(prompts), ...Object.keys(TASKS)])]
  throw new StellaError('TASK_UNKNOWN', `Unknown kind: ${show(given)}. Accepted: ${accepted.join(', ')}`, {
    details: { kind: typeof given === 'string' ? clip(given) : show(given), accepted },
  })
}

function isKind(kind: string): kind is keyof typeof TASKS {
  return Object.hasOwn(TASKS, kind)
}
