/** The shape of a configuration as a zod schema, made from the table of keys. Knows no file and no place. */
import { z } from 'zod'

import { MAX_PROMPT_CHARACTERS } from '../inference/options.js'
import { MAX_NAME_CHARACTERS, MAX_PROMPTS } from '../model/prompt-types.js'
import { resolveMemoryBudget } from '../pool/memory-budget.js'
import type { KeyRow } from './key-row.js'
import { MAX_TEXT_CHARACTERS, expectedOf } from './key-row.js'
import { EVALUATION, EVALUATION_KEYS, MODEL_KEYS } from './keys.js'

/** A machine on which every size that is one can be had: what counts here is how it is written. */
const ANY_MACHINE = { usable: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER }

/** What a file may hold: no key beyond the table's, each once, none that must be there. */
export const CONFIG_SCHEMA = z.strictObject({
  ...objectOf(MODEL_KEYS),
  [EVALUATION]: z.strictObject(objectOf(EVALUATION_KEYS)).optional(),
})

/** What is accepted where `path` leads, for messages; undefined where the table has no such key. */
export function expectedAt(path: readonly PropertyKey[]): string | undefined {
  const [first, second] = path.map(String)
  if (first === EVALUATION) return second === undefined ? 'keys and values' : expectedIn(EVALUATION_KEYS, second)
  // Below a key there is something in `prompts` alone.
  if (second !== undefined) return `a text of at most ${MAX_PROMPT_CHARACTERS} characters`
  return expectedIn(MODEL_KEYS, first)
}

/** The row of a key; undefined where there is no such key. */
export function rowAt(path: readonly PropertyKey[]): KeyRow | undefined {
  const [first, second] = path.map(String)
  const rows: Readonly<Record<string, KeyRow>> = first === EVALUATION ? EVALUATION_KEYS : MODEL_KEYS
  const name = first === EVALUATION ? second : first
  return name !== undefined && Object.hasOwn(rows, name) ? rows[name] : undefined
}

/** What is accepted as the name of a prompt. */
export const EXPECTED_NAME = `a name of 1 to ${MAX_NAME_CHARACTERS} characters`

function expectedIn(rows: Readonly<Record<string, KeyRow>>, name: string | undefined): string | undefined {
  const row = name !== undefined && Object.hasOwn(rows, name) ? rows[name] : undefined
  return row === undefined ? undefined : expectedOf(row)
}

function objectOf(rows: Readonly<Record<string, KeyRow>>): Record<string, z.ZodOptional> {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, typeOf(row).optional()]))
}

function typeOf(row: KeyRow): z.ZodType {
  switch (row.kind) {
    case 'text':
      return z.string().min(1).max(MAX_TEXT_CHARACTERS)
    case 'folder':
      return z
        .string()
        .min(1)
        .max(MAX_TEXT_CHARACTERS)
        .refine((path) => !path.includes('\0'))
    case 'integer':
      return z
        .int()
        .min(row.min ?? 0)
        .max(row.max ?? Number.MAX_SAFE_INTEGER)
    case 'switch':
      return z.boolean()
    case 'choice':
      return z.enum(row.choices ?? [])
    case 'memory':
      return z.union([z.string(), z.number()]).refine(isMemory)
    case 'prompts':
      return z
        .unknown()
        .refine(isBounded)
        .pipe(z.record(z.string().min(1).max(MAX_NAME_CHARACTERS), z.string().max(MAX_PROMPT_CHARACTERS)))
  }
}

/** A record passes over `__proto__`, and with it whatever is in there. */
function isBounded(prompts: unknown): boolean {
  if (typeof prompts !== 'object' || prompts === null) return true
  return !Object.hasOwn(prompts, '__proto__') && Object.keys(prompts).length <= MAX_PROMPTS
}

function isMemory(request: string | number): boolean {
  try {
    return resolveMemoryBudget(request, ANY_MACHINE) > 0
  } catch {
    // Its message is that of the row.
    return false
  }
}
