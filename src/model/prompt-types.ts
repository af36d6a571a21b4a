/** Prompts by name: the tasks of the model, and prompts of the user's own. Knows no pool. */
import { StellaError } from '../errors.js'
import type { EmbedOptions } from '../inference/options.js'
import { invalid } from '../inference/options.js'
import type { TaskName } from '../inference/task.js'
import { TASK_NAMES } from '../inference/task.js'
import { clip, quote, show } from '../show.js'

/** Prompts of the user's own, by name. */
export type NamedPrompts = Readonly<Record<string, string>>

/** Two sentences side by side, which is what this model is opened for where nothing else is said. */
export const DEFAULT_PROMPT_TYPE = 's2s'

/** Most prompts of one's own, and the longest name of one: more is a mistake. */
export const MAX_PROMPTS = 1000
export const MAX_NAME_CHARACTERS = 100

/**
 * What a prompt type asks of the pool: the prompt of that name, or the task. A prompt of the user's own goes before a task
 * of the same name.
 *
 * @throws {StellaError} TASK_UNKNOWN naming the accepted ones.
 */
export function promptOption(type: unknown, prompts: NamedPrompts): Pick<EmbedOptions, 'task' | 'prompt'> {
  if (typeof type === 'string') {
    const prompt = Object.hasOwn(prompts, type) ? prompts[type] : undefined
    if (prompt !== undefined) return { prompt }
    if (isTask(type)) return { task: type }
  }
  const accepted = [...Object.keys(prompts), ...TASK_NAMES]
  throw new StellaError('TASK_UNKNOWN', `Unknown prompt type: ${show(type)}. Accepted: ${accepted.join(', ')}`, {
    details: { promptType: typeof type === 'string' ? clip(type) : show(type), accepted },
  })
}

/**
 * A copy of `given` that nobody changes later.
 *
 * @throws {StellaError} OPTION_INVALID
 */
export function checkPrompts(given: unknown): NamedPrompts {
  if (given === undefined) return Object.freeze({})
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid('prompts', 'an object of texts by name', given)
  }
  const entries: [string, unknown][] = Object.entries(given)
  if (entries.length > MAX_PROMPTS) throw invalid('prompts', `at most ${MAX_PROMPTS} prompts`, entries.length)
  const prompts = entries.map(([name, prompt]): [string, string] => {
    if (name === '' || name.length > MAX_NAME_CHARACTERS) {
      throw invalid('prompts', `prompts with names of 1 to ${MAX_NAME_CHARACTERS} characters`, name)
    }
    if (typeof prompt === 'string') return [name, prompt]
    throw invalid(`prompts[${quote(name)}]`, 'a text', prompt)
  })
  return Object.freeze(Object.fromEntries(prompts))
}

function isTask(name: string): name is TaskName {
  return TASK_NAMES.some((task) => task === name)
}
