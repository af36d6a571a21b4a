/** Finds descriptors by key or alias, and takes in new ones. Holds metadata only: nothing in it can embed. */
import { StellaError, messageOf } from '../src/errors.js'
import { deepFreeze, isFrozenJson } from './freeze.js'
import { nearest } from './nearest.js'
import type { StellaModelInfo } from './types.js'

/** Lower-case letters, digits, dots, dashes and underscores, as keys are used as folder names. */
const KEY = /^[a-z0-9][a-z0-9._-]{0,99}$/

/** Characters of an unknown name that a message repeats; the longest real name has half of that. */
const NAME_SHOWN = 100

/** A set of descriptors. Names are compared without regard to case. */
export class ModelRegistry {
  readonly #models = new Map<string, StellaModelInfo>()
  readonly #names = new Map<string, StellaModelInfo>()

  /**
   * @param models - Registered one after the other. @default none: the built-in ones are {@link BUILT_IN_MODELS}
   * @throws {StellaError} as {@link ModelRegistry.register}.
   */
  constructor(models: Iterable<StellaModelInfo> = []) {
    for (const model of models) this.register(model)
  }

  /**
   * Adds a descriptor, under its key and all of its aliases or not at all. One that is not frozen all the way down is
   * copied and the copy frozen, so that nobody can change it later.
   *
   * @returns the descriptor as it was registered.
   * @throws {StellaError} MODEL_DUPLICATE when the key or an alias is taken; OPTION_INVALID when the key or an alias is
   * malformed, or `info` is no descriptor.
   */
  register(info: StellaModelInfo): StellaModelInfo {
    const model = frozen(requireModelInfo(info))
    const names = new Set([model.key, ...model.aliases].map(fold))
    for (const name of names) {
      const taken = this.#names.get(name)
      if (taken !== undefined) {
        throw new StellaError(
          'MODEL_DUPLICATE',
          `\`${name}\` already names the model \`${taken.key}\`; register under another key`,
          { details: { name, takenBy: taken.key } },
        )
      }
    }
    this.#models.set(model.key, model)
    for (const name of names) this.#names.set(name, model)
    return model
  }

  /**
   * The descriptor called `name`.
   *
   * @param name - A key or an alias (the Hugging Face id).
   * @throws {StellaError} MODEL_UNKNOWN naming the nearest and all accepted keys.
   */
  get(name: string): StellaModelInfo {
    // JavaScript callers may pass anything, undefined above all.
    const given = typeof (name as unknown) === 'string' ? name : typeof name
    const found = given === name ? this.#names.get(fold(name)) : undefined
    if (found !== undefined) return found
    const accepted = this.keys()
    const shown = given.length > NAME_SHOWN ? `${given.slice(0, NAME_SHOWN)}…` : given
    const hint = shown === name ? nearest(fold(name), [...this.#names.keys()]) : undefined
    const suggestion = hint === undefined ? '' : ` Did you mean \`${this.#names.get(hint)?.key ?? hint}\`?`
    throw new StellaError(
      'MODEL_UNKNOWN',
      `No model is called \`${shown}\`.${suggestion} Known: ${accepted.join(', ')}`,
      { details: { model: shown, accepted } },
    )
  }

  /** Whether a model is called `name`. */
  has(name: string): boolean {
    return this.#names.has(fold(name))
  }

  /** All descriptors, in the order they were registered. */
  list(): readonly StellaModelInfo[] {
    return [...this.#models.values()]
  }

  /** All keys, in the order they were registered. */
  keys(): readonly string[] {
    return [...this.#models.keys()]
  }
}

/** Whether `value` is a descriptor, by its own word; a forged one fails at conversion, not here. */
export function isModelInfo(value: unknown): value is StellaModelInfo {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'stella-model-info'
}

/**
 * `value`, if it is a descriptor that can be looked up and kept on disk: its key is used as a folder name.
 *
 * @throws {StellaError} OPTION_INVALID saying what is wrong and how to get one.
 */
export function requireModelInfo(value: unknown): StellaModelInfo {
  if (!isModelInfo(value)) {
    const given = typeof value === 'string' ? `the text \`${value.slice(0, NAME_SHOWN)}\`` : typeof value
    throw new StellaError(
      'OPTION_INVALID',
      `Expected a model descriptor, as getModel(key) finds and describeCheckpoint(folder) makes one; got ${given}`,
    )
  }
  const { key, aliases } = value as { readonly key: unknown; readonly aliases: unknown }
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new StellaError('OPTION_INVALID', `Expected \`key\` to match ${KEY.source}, got \`${String(key)}\``)
  }
  if (!Array.isArray(aliases) || !aliases.every((alias) => typeof alias === 'string' && fold(alias) !== '')) {
    throw new StellaError('OPTION_INVALID', `Expected \`aliases\` of \`${key}\` to be an array of names, none empty`)
  }
  const { source, files } = value as Partial<StellaModelInfo>
  if (source?.kind === 'hub' && files?.some((file) => file.path.includes('.safetensors')) !== true) {
    throw new StellaError(
      'OPTION_INVALID',
      `The descriptor \`${key}\` comes from a hub and lists no weights to fetch; add model.safetensors to its \`files\``,
    )
  }
  return value
}

function frozen(info: StellaModelInfo): StellaModelInfo {
  if (isFrozenJson(info)) return info
  try {
    return deepFreeze(structuredClone(info))
  } catch (error) {
    throw new StellaError('OPTION_INVALID', `The descriptor \`${info.key}\` is no plain data: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function fold(name: string): string {
  return name.trim().toLowerCase()
}
