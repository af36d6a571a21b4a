/** The slots of a pool, one for each model it was asked for, and the way from a name to one. Knows no call. */
import { isDeepStrictEqual } from 'node:util'

import type { ModelRegistry } from '../../registry/model-registry.js'
import { requireModelInfo } from '../../registry/model-registry.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import { ModelSlot } from './model-slot.js'
import type { SlotParts } from './slot-contract.js'

/** A registry key, an alias (the Hugging Face id), or a descriptor. */
export type ModelReference = string | StellaModelInfo

/** See the head of this file. */
export class ModelSlots {
  readonly #registry: ModelRegistry
  readonly #partsOf: (key: string) => SlotParts
  readonly #slots = new Map<string, ModelSlot>()

  /** @param partsOf - What the slot of a model works with, by the model's key. */
  constructor(registry: ModelRegistry, partsOf: (key: string) => SlotParts) {
    this.#registry = registry
    this.#partsOf = partsOf
  }

  /** All there are. */
  get all(): readonly ModelSlot[] {
    return [...this.#slots.values()]
  }

  /**
   * The descriptor that a reference means.
   *
   * @throws {StellaError} MODEL_UNKNOWN; OPTION_INVALID for what is no descriptor; MODEL_DUPLICATE where the key already
   * means another model here.
   */
  find(model: ModelReference): StellaModelInfo {
    const info = typeof model === 'string' ? this.#registry.get(model) : requireModelInfo(model)
    const slot = this.#slots.get(info.key)
    if (slot === undefined || slot.info === info || isDeepStrictEqual(slot.info, info)) return info
    throw new StellaError('MODEL_DUPLICATE', `The pool has loaded another model under the key \`${info.key}\``, {
      details: { model: info.key },
    })
  }

  /** The slot of a model, if it was ever asked for. */
  get(key: string): ModelSlot | undefined {
    return this.#slots.get(key)
  }

  /** The slot of a model; made now, where it is asked for the first time. */
  of(info: StellaModelInfo): ModelSlot {
    const found = this.#slots.get(info.key)
    if (found !== undefined) return found
    const slot = new ModelSlot(info, this.#partsOf(info.key))
    this.#slots.set(info.key, slot)
    return slot
  }
}
