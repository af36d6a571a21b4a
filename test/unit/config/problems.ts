/** What the tests of configurations share: a text read, and what was wrong with it. */
import type { StellaError } from '../../../src/errors.js'
import { parseConfig } from '../../../src/config/parse-config.js'
import type { ConfigOptions } from '../../../src/config/parse-config.js'
import type { StellaConfig } from '../../../src/config/stella-config.js'
import { isStellaError } from '../../../src/errors.js'

/** The error that `text` gives; it fails the test where there is none. */
export function refusalOf(text: string, options: ConfigOptions = {}, name = 'stella.config.yaml'): StellaError {
  let config: StellaConfig
  try {
    config = parseConfig(text, name, options)
  } catch (error) {
    if (isStellaError(error)) return error
    throw error
  }
  throw new Error(`accepted: ${JSON.stringify(config.model)}`)
}

/** What is wrong with `text`, a line each. */
export function linesOf(text: string, options: ConfigOptions = {}, name = 'stella.config.yaml'): readonly string[] {
  return refusalOf(text, options, name).message.split('\n')
}
