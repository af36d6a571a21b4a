/** Reads small JSON files that others wrote, within limits and against a schema. */
import { open } from 'node:fs/promises'

import type { z } from 'zod'

import type { StellaErrorCode } from '../errors.js'
import { StellaError, messageOf } from '../errors.js'
import { systemCode } from '../realm.js'

/** Configuration files of real checkpoints are a few kilobytes. */
const MAX_JSON_BYTES = 1_000_000

/** What to say when a file is not as it should be. */
export interface JsonFileOptions {
  /** Code of the error, for a missing, an unreadable and a malformed file alike. */
  readonly code: StellaErrorCode
  /** Name of the file in messages. */
  readonly label: string
}

/**
 * The parsed file, or undefined when there is none.
 *
 * @throws {StellaError} `options.code`, naming the file and the first offending keys.
 */
export async function readJsonFile<T>(
  path: string,
  schema: z.ZodType<T>,
  { code, label }: JsonFileOptions,
): Promise<T | undefined> {
  const text = await readSmallFile(path, code, label)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new StellaError(code, `${label} is not JSON: ${messageOf(error)}`, { details: { file: path } })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`)
  throw new StellaError(code, `${label}: ${problems.slice(0, 3).join('; ')}`, { details: { file: path, problems } })
}

async function readSmallFile(path: string, code: StellaErrorCode, label: string): Promise<string | undefined> {
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      if (size > MAX_JSON_BYTES) {
        throw new StellaError(code, `${label} has ${size} bytes; at most ${MAX_JSON_BYTES} are read`, {
          details: { file: path, bytes: size, limit: MAX_JSON_BYTES },
        })
      }
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    if (error instanceof StellaError) throw error
    throw new StellaError(code, `${label} cannot be read: ${messageOf(error)}`, {
      cause: error,
      details: { file: path },
    })
  }
}
