/**
 * One source of values, checked: what a file, the environment or a caller says, by key, and where. Knows the schema, not
 * how a source is read.
 */
import type { z } from 'zod'

import { nearest } from '../../registry/nearest.js'
import { describe, quote } from '../show.js'
import { keyEntries } from './keys.js'
import type { ConfigRemark, Origin } from './problem.js'
import { shownKey } from './problem.js'
import { CONFIG_SCHEMA, EXPECTED_NAME, expectedAt, rowAt } from './schema.js'
import { unknownKey } from './unknown-key.js'

/** A value and where it was given. */
export interface Setting {
  readonly value: unknown
  readonly origin: Origin
}

/** Settings by key, such as `evaluation.bins`. */
export type Layer = ReadonlyMap<string, Setting>

/** Settings that are right, and what is wrong with the others. */
export interface CheckedLayer {
  readonly layer: Layer
  readonly problems: readonly ConfigRemark[]
}

/** Where a source says something: the key itself, or its value. */
export type FindOrigin = (path: readonly PropertyKey[], what: 'key' | 'value') => Origin

/** Checks what a source says. Throws nothing: a value that is wrong is a problem, and no setting. */
export function checkLayer(content: unknown, originAt: FindOrigin): CheckedLayer {
  const { error } = CONFIG_SCHEMA.safeParse(content)
  const problems = new Map<string, ConfigRemark>()
  for (const issue of error?.issues ?? []) {
    for (const { path, what, message } of findings(issue, content)) {
      const key = path.map((part) => shownKey(String(part))).join('.')
      // Several rules may refuse one value; which of them did is in no message.
      if (!problems.has(key)) problems.set(key, { ...originAt(path, what), ...(key === '' ? {} : { key }), message })
    }
  }
  const layer = new Map<string, Setting>()
  for (const { key, path } of keyEntries()) {
    const value = valueAt(content, path)
    const isRight = ![...problems.keys()].some((wrong) => wrong === key || wrong.startsWith(`${key}.`))
    if (value !== undefined && isRight) layer.set(key, { value, origin: originAt(path, 'value') })
  }
  return { layer, problems: [...problems.values()] }
}

interface Finding {
  readonly path: readonly PropertyKey[]
  readonly what: 'key' | 'value'
  readonly message: string
}

function findings(issue: z.core.$ZodIssue, content: unknown): readonly Finding[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => ({
      path: [...path, name],
      what: 'key',
      message: unknownKey(name, path.map(String)),
    }))
  }
  if (issue.code === 'invalid_key') {
    return [{ path, what: 'key', message: `expected ${EXPECTED_NAME}; got ${quote(String(path.at(-1)))}` }]
  }
  const value = valueAt(content, path)
  const expected = expectedAt(path) ?? 'keys and values'
  return [{ path, what: 'value', message: `expected ${expected}; got ${shown(value)}${hint(path, value)}` }]
}

/** `key:` with nothing after it is null in YAML, and most often a value that somebody took out. */
function shown(value: unknown): string {
  return value === null ? 'nothing. Leave the key out to have its default' : describe(value)
}

function hint(path: readonly PropertyKey[], value: unknown): string {
  const choices = rowAt(path)?.choices
  const near = choices === undefined || typeof value !== 'string' ? undefined : nearest(value.slice(0, 40), choices)
  return near === undefined ? '' : `. Did you mean ${near}?`
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  let value = content
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<PropertyKey, unknown>)[part]
  }
  return value
}
