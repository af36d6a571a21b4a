/** Finds descriptors by key or alias, and takes in new ones. Holds metadata only: nothing in it can embed. */
import { StellaError } from '../src/errors.js'
import { nearest } from './nearest.js'
import type { StellaModelInfo } from './types.js'

/** Lower-case letters, digits, dots, dashes and underscores, as keys are used as folder names. */
const KEY = /^[a-z0-9][a-z0-9._-]{0,99}$/

/** A set of descriptors. Names are compared without regard to case. */
export class ModelRegistry {
  readonly #models = new Map<string, StellaModelInfo>()
  readonly #names = new Map<string, StellaModelInfo>()

  constructor(models: Iterable<StellaModelInfo> = []) {
    for (const model of models) this.register(model)
  }

  /**
   * Adds a descriptor, under its key and all of its aliases or not at all.
   *
   * @throws {StellaError} MODEL_DUPLICATE when the key or an alias is taken; OPTION_INVALID when the key is malformed
   * or `info` is no descriptor.
   */
  register(info: StellaModelInfo): void {
    if (!isModelInfo(info)) {
      throw new StellaError('OPTION_INVALID', 'Expected a model descriptor, as describeCheckpoint(folder) makes one')
    }
    if (!KEY.test(info.key)) {
      throw new StellaError('OPTION_INVALID', `Expected \`key\` to match ${KEY.source}, got \`${info.key}\``)
    }
    const names = new Set([info.key, ...info.aliases].map(fold))
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
    this.#models.set(info.key, info)
    for (const name of names) this.#names.set(name, info)
  }

  /**
   * The descriptor called `name`.
   *
   * @param name - A key or an alias (the Hugging Face id).
   * @throws {StellaError} MODEL_UNKNOWN naming the nearest and all accepted keys.
   */
  get(name: string): StellaModelInfo {
    const found = this.#names.get(fold(name))
    if (found !== undefined) return found
    const accepted = this.keys()
    const hint = nearest(fold(name), [...this.#names.keys()])
    const suggestion = hint === undefined ? '' : ` Did you mean \`${this.#names.get(hint)?.key ?? hint}\`?`
    throw new StellaError(
      'MODEL_UNKNOWN',
      `No model is called \`${name}\`.${suggestion} Known: ${accepted.join(', ')}`,
      {
        details: { model: name, accepted },
      },
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

function fold(name: string): string {
  return name.trim().toLowerCase()
}
