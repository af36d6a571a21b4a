/** From layers to one set of settings, and what can only be checked on all of them together. Knows no source. */
import type { ModelRegistry } from '../../registry/model-registry.js'
import { nearest } from '../../registry/nearest.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { MIN_MAX_LENGTH } from '../inference/options.js'
import { TASK_NAMES } from '../inference/task.js'
import { describe } from '../show.js'
import { inWords } from './key-row.js'
import { MODEL_KEYS, keyEntries } from './keys.js'
import type { Layer, Setting } from './layer.js'
import type { ConfigRemark } from './problem.js'
import { placeOf, shownKey } from './problem.js'

/** Both name the model. The stronger source puts the other out of effect. */
export const RIVALS = ['model', 'path'] as const

/** Prompts that a message names. */
const MAX_NAMES_SHOWN = 10

/** As long as names of prompts are. */
const MAX_COMPARED_CHARACTERS = 100

/** @param layers - The strongest first. */
export function mergeLayers(layers: readonly Layer[]): Layer {
  const merged = new Map<string, Setting>()
  const decided = layers.find((layer) => RIVALS.some((rival) => layer.has(rival)))
  for (const { key } of keyEntries()) {
    const isRival = RIVALS.some((rival) => rival === key)
    const setting = isRival ? decided?.get(key) : layers.find((layer) => layer.has(key))?.get(key)
    if (setting !== undefined) merged.set(key, setting)
  }
  return merged
}

/** What is wrong with settings that are each right by themselves. */
export function checkTogether(settings: Layer, registry: ModelRegistry): readonly ConfigRemark[] {
  return [...modelProblems(settings), ...promptProblems(settings), ...limitProblems(settings, registry)]
}

/** What is accepted, and outside of what is recommended. */
export function notesOf(settings: Layer): readonly ConfigRemark[] {
  return keyEntries().flatMap(({ key, row: { recommended } }) => {
    const setting = settings.get(key)
    if (recommended === undefined || typeof setting?.value !== 'number') return []
    const { value, origin } = setting
    const [least, most] = recommended
    if (value >= least && value <= most) return []
    const message = `${value} is ${value < least ? 'less' : 'more'} than the recommended ${least} to ${most}`
    return [{ ...origin, key, message }]
  })
}

function* modelProblems(settings: Layer): Generator<ConfigRemark> {
  const [model, path] = RIVALS.map((rival) => settings.get(rival))
  if (model === undefined || path === undefined) return
  const message = `both model and path name a model; give one of them. The model is given at ${placeOf(model.origin)}`
  yield { ...path.origin, key: 'path', message }
}

function* promptProblems(settings: Layer): Generator<ConfigRemark> {
  const type = settings.get('promptType')
  const prompts = settings.get('prompts')?.value
  const names = typeof prompts === 'object' && prompts !== null ? Object.keys(prompts) : []
  const accepted: readonly string[] = [...names, ...TASK_NAMES]
  if (typeof type?.value !== 'string' || accepted.includes(type.value)) return
  const own = names.slice(0, MAX_NAMES_SHOWN).map(shownKey).join(', ')
  const expected = `a task (${TASK_NAMES.join(', ')}) or a name of prompts (${own === '' ? 'there are none' : own})`
  const near = nearest(type.value.slice(0, MAX_COMPARED_CHARACTERS), accepted)
  const hint = near === undefined ? '' : `. Did you mean ${shownKey(near)}?`
  yield { ...type.origin, key: 'promptType', message: `expected ${expected}; got ${describe(type.value)}${hint}` }
}

/** A model of a folder, and one that is registered later, check their limits themselves when they are opened. */
function* limitProblems(settings: Layer, registry: ModelRegistry): Generator<ConfigRemark> {
  const name = settings.get('model')?.value ?? MODEL_KEYS.model.default
  if (settings.has('path') || typeof name !== 'string' || !registry.has(name)) return
  const info = registry.get(name)
  const length = settings.get('maxLength')
  if (typeof length?.value === 'number' && length.value > info.tokens.max) {
    const expected = `an integer from ${MIN_MAX_LENGTH} to ${info.tokens.max}, the limit of ${info.key}`
    yield { ...length.origin, key: 'maxLength', message: `expected ${expected}; got ${length.value}` }
  }
  const dimension = settings.get('embeddingDimension')
  const sizes = sizesOf(info)
  if (typeof dimension?.value === 'number' && !sizes.includes(dimension.value)) {
    const message = `expected ${inWords(sizes.map(String))}, the sizes of ${info.key}; got ${dimension.value}`
    yield { ...dimension.origin, key: 'embeddingDimension', message }
  }
}

function sizesOf({ heads, defaultDimensions }: StellaModelInfo): readonly number[] {
  return heads.length > 0 ? heads.map((head) => head.dimensions) : [defaultDimensions]
}
