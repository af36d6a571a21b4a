/** Reads a configuration file, whatever it may be, and no more of it than a configuration may have. */
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

import { StellaError, messageOf } from '../errors.js'
import { processVariables } from '../files/environment.js'
import { systemCode } from '../realm.js'
import { show } from '../show.js'
import type { ConfigOptions } from './parse-config.js'
import { parseConfig } from './parse-config.js'
import { configError } from './problem.js'
import type { StellaConfig } from './stella-config.js'

/** Largest file, in bytes. It has at most `MAX_CONFIG_CHARACTERS` characters, and a character at most 4 bytes. */
const MAX_CONFIG_BYTES = 256 * 1024

/** The name that `stella init` gives its file; nothing looks for it by itself. */
export const CONFIG_NAME = 'stella.config.yaml'

/** What to do about a file that cannot be read, by the system's code. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: '`stella init` writes one',
  EISDIR: 'Give the file in it',
  EACCES: 'Make it readable',
}

/**
 * Reads a configuration: arguments go before the environment, the environment before the file, the file before defaults.
 *
 * @param path - A YAML file, or a JSON file whose name ends in `.json`.
 * @throws {StellaError} OPTION_INVALID naming the file, and with every problem of it: line, column and key.
 */
export async function loadConfig(path: string, options: ConfigOptions = {}): Promise<StellaConfig> {
  if (typeof (path as unknown) !== 'string' || path === '') {
    throw new StellaError('OPTION_INVALID', `Expected the path of a configuration file; got ${show(path)}`)
  }
  const bytes = await readLimited(path)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    const [first, second] = bytes
    const is16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
    const what = is16 ? 'UTF-16; save it as UTF-8' : 'something else'
    const error = configError([{ source: 'file', file: path, message: `expected a text file in UTF-8; got ${what}` }])
    throw new StellaError('OPTION_INVALID', error.message, { details: error.details, cause })
  }
  return parseConfig(text, path, { ...options, env: options.env ?? processVariables() })
}

/** Not by its size: a pipe has none, and a device has no end. */
async function readLimited(path: string): Promise<Uint8Array> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const buffer = Buffer.alloc(MAX_CONFIG_BYTES + 1)
    let length = 0
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length)
      if (bytesRead === 0) return buffer.subarray(0, length)
      length += bytesRead
    }
  } catch (cause) {
    const advice = ADVICE[systemCode(cause) ?? '']
    throw new StellaError(
      'OPTION_INVALID',
      `Cannot read the configuration ${path}: ${messageOf(cause)}${advice === undefined ? '' : `. ${advice}`}`,
      { cause, details: { file: path, systemCode: systemCode(cause) } },
    )
  } finally {
    await file?.close()
  }
  const message = `expected at most ${MAX_CONFIG_BYTES} bytes; got more`
  throw configError([{ source: 'file', file: path, message }])
}
