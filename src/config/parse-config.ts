/** From the text of a configuration to a configuration, by the schema and under one rule of precedence. */
import { getDefaultRegistry } from '../../registry/index.js'
import type { ModelRegistry } from '../../registry/model-registry.js'
import { StellaError } from '../errors.js'
import type { Variables } from '../files/environment.js'
import { rejectUnknownKeys } from '../inference/options.js'
import { show } from '../show.js'
import type { Layer } from './layer.js'
import type { ConfigRemark } from './problem.js'
import { configError } from './problem.js'
import { argumentLayer, environmentLayer, fileLayer } from './sources.js'
import type { ConfigValues, StellaConfig } from './stella-config.js'
import { makeConfig } from './stella-config.js'
import { RIVALS, checkTogether, mergeLayers, notesOf } from './together.js'

/** What goes before a configuration file, and what it is checked against. */
export interface ConfigOptions {
  /** Values that go before everything else. A key that is undefined is not said. */
  readonly overrides?: ConfigValues | undefined
  /**
   * Environment variables that go before the file; docs/configuration.md has their names.
   * @default none for `parseConfig`, those of the process for `loadConfig`
   */
  readonly env?: Variables | undefined
  /** Where limits of models are looked up. @default the registry of `registerModel` */
  readonly registry?: ModelRegistry | undefined
  /** What messages call a key of `overrides`. @default the key */
  readonly argumentName?: ((key: string) => string) | undefined
}

/** Options of {@link ConfigOptions}. */
const CONFIG_OPTIONS = [
  'overrides',
  'env',
  'registry',
  'argumentName',
] as const satisfies readonly (keyof ConfigOptions)[]

/**
 * The configuration that `text` holds, with what goes before it. Reads no file, and no environment but what it is given.
 *
 * @param name - Path of the file: its name in messages, the start of relative folders, and, by its ending, its format.
 * @throws {StellaError} OPTION_INVALID with every problem there is, one a line, and as `details.problems`.
 */
export function parseConfig(text: string, name: string, options: ConfigOptions = {}): StellaConfig {
  rejectUnknownKeys(options, CONFIG_OPTIONS)
  if (typeof (text as unknown) !== 'string' || typeof (name as unknown) !== 'string') {
    throw new StellaError(
      'OPTION_INVALID',
      `Expected a text and the name of its file; got ${show(text)}, ${show(name)}`,
    )
  }
  const { overrides = {}, env = {}, registry = getDefaultRegistry(), argumentName = (key: string) => key } = options
  const said = argumentLayer(overrides, argumentName)
  const file = fileLayer(text, name)
  const environment = environmentLayer(env, overruledBy(said.layer))
  const problems = [...file.problems, ...environment.problems, ...said.problems]
  if (problems.length > 0) throw configError(problems)
  const settings = mergeLayers([said.layer, environment.layer, file.layer])
  const wrong = checkTogether(settings, registry).map((problem) => called(problem, argumentName))
  if (wrong.length > 0) throw configError(wrong)
  const silent: readonly ConfigRemark[] =
    file.layer.size > 0 ? [] : [{ source: 'file', file: name, message: 'says nothing; every default applies' }]
  return makeConfig(name, settings, [...silent, ...notesOf(settings).map((note) => called(note, argumentName))])
}

/** Keys whose variables have no effect, as on the command line. */
function overruledBy(said: Layer): ReadonlySet<string> {
  const keys = new Set(said.keys())
  if (RIVALS.some((rival) => keys.has(rival))) for (const rival of RIVALS) keys.add(rival)
  return keys
}

function called(remark: ConfigRemark, argumentName: (key: string) => string): ConfigRemark {
  const { source, key } = remark
  return source === 'argument' && key !== undefined ? { ...remark, key: argumentName(key) } : remark
}
