/** The built-in descriptors and the default registry: what exists, found by key or Hugging Face id. */
import { ModelRegistry } from './model-registry.js'
import { STELLA_EN_1_5B_V5 } from './stella-en-1.5b-v5.js'
import { STELLA_EN_400M_V5 } from './stella-en-400m-v5.js'
import { STELLA_NANO } from './stella-nano.js'
import type { StellaModelInfo } from './types.js'

export { STELLA_EN_1_5B_V5 } from './stella-en-1.5b-v5.js'
export { STELLA_EN_400M_V5 } from './stella-en-400m-v5.js'
export { STELLA_NANO } from './stella-nano.js'
export { ModelRegistry, isModelInfo, requireModelInfo } from './model-registry.js'
export type * from './types.js'

/** The models this package knows by itself. */
export const BUILT_IN_MODELS: readonly StellaModelInfo[] = Object.freeze([
  STELLA_NANO,
  STELLA_EN_400M_V5,
  STELLA_EN_1_5B_V5,
])

/** Key of the model used where none is named. */
export const DEFAULT_MODEL = STELLA_NANO.key

/**
 * The registry used where none is passed. The one piece of state a module holds: registering a model for the whole
 * process is what it is for. A pool may be given a registry of its own.
 */
const defaultRegistry = new ModelRegistry(BUILT_IN_MODELS)

/** The registry that {@link getModel}, {@link listModels} and {@link registerModel} use. */
export function getDefaultRegistry(): ModelRegistry {
  return defaultRegistry
}

/**
 * The descriptor called `name` in the default registry.
 *
 * @throws {StellaError} MODEL_UNKNOWN naming the nearest and all known keys.
 */
export function getModel(name: string): StellaModelInfo {
  return defaultRegistry.get(name)
}

/** All descriptors of the default registry. */
export function listModels(): readonly StellaModelInfo[] {
  return defaultRegistry.list()
}

/**
 * Adds a descriptor to the default registry and returns it, frozen.
 *
 * @throws {StellaError} MODEL_DUPLICATE when its key or an alias is taken; OPTION_INVALID when it is no descriptor.
 */
export function registerModel(info: StellaModelInfo): StellaModelInfo {
  return defaultRegistry.register(info)
}
