/** Fills what neither the command line nor a variable says from the file of `--config`. Knows no command. */
import { loadConfig } from '../config/load-config.js'
import { lineOf } from '../config/problem.js'
import type { ConfigValues, StellaConfig } from '../config/stella-config.js'
import type { JsonValue } from '../errors.js'
import type { Variables } from '../files/environment.js'
import type { OptionName, OptionValues } from './options.js'
import { flagOf, isOptionName } from './options.js'
import type { Parsed } from './parse.js'

/** The options that are keys of the file by another name, or by the same. */
const OPTION_OF = {
  model: 'model',
  path: 'checkpoint',
  maxLength: 'max-length',
  embeddingDimension: 'dimensions',
  normalizeEmbeddings: 'no-normalize',
  promptType: 'task',
  precision: 'precision',
  device: 'device',
  memory: 'memory',
  workers: 'workers',
  threads: 'threads',
  download: 'download',
  'evaluation.groundTruthField': 'ground-truth-field',
  'evaluation.predictionField': 'prediction-field',
  'evaluation.idField': 'id-field',
  'evaluation.delimiter': 'delimiter',
} as const satisfies Readonly<Record<string, OptionName>>

type SharedKey = keyof typeof OPTION_OF

/** Options with the file's values filled in, and the rest of the file. */
export interface AppliedConfig {
  readonly values: OptionValues
  readonly config: StellaConfig
}

/**
 * Reads the file. What is on the command line goes before variables, those before the file.
 *
 * @throws {StellaError} OPTION_INVALID with every problem of the file, and of the variables for it.
 */
export async function applyConfig(path: string, { values, typed }: Parsed, env: Variables): Promise<AppliedConfig> {
  const config = await loadConfig(path, {
    env,
    overrides: overridesOf(values, typed),
    argumentName: (key) => (isShared(key) ? `--${flagOf(OPTION_OF[key])}` : key),
  })
  const filled: Record<string, unknown> = { ...values }
  for (const { key, value, source } of config.settings) {
    if (!isShared(key) || source === 'default') continue
    filled[OPTION_OF[key]] = optionValue(key, value)
  }
  // The one that the stronger source names is meant: the other has been put out of effect.
  if (config.model.path !== undefined) filled['model'] = undefined
  if (config.model.model !== undefined) filled['checkpoint'] = undefined
  return { values: Object.freeze({ ...filled, ...promptOf(values, config) }) as OptionValues, config }
}

/** Sizes in bytes are texts on the command line, and a flag may say the contrary of its key. */
function optionValue(key: SharedKey, value: JsonValue): JsonValue {
  if (key === 'memory') return typeof value === 'number' ? String(value) : value
  return key === 'normalizeEmbeddings' ? value === false : value
}

/** What a file that was accepted gives cause to say. */
export function noteLines({ notes }: StellaConfig): readonly string[] {
  return notes.map(lineOf)
}

function overridesOf(values: OptionValues, typed: ReadonlySet<OptionName>): ConfigValues {
  const overrides: Record<string, unknown> = {}
  const section: Record<string, unknown> = {}
  for (const [key, option] of Object.entries(OPTION_OF)) {
    if (!isOptionName(option) || !typed.has(option)) continue
    const value = option === 'no-normalize' ? !values[option] : values[option]
    if (key.startsWith(EVALUATION)) section[key.slice(EVALUATION.length)] = value
    else overrides[key] = value
  }
  return { ...overrides, ...(Object.keys(section).length > 0 ? { evaluation: section } : {}) }
}

const EVALUATION = 'evaluation.'

/** A prompt of one's own goes before every prompt type; the name of one in the file is that prompt. */
function promptOf({ prompt, task }: OptionValues, { model }: StellaConfig): Pick<OptionValues, 'prompt' | 'task'> {
  const { promptType, prompts = {} } = model
  if (prompt !== undefined || promptType === undefined) return { prompt, task }
  const own = Object.hasOwn(prompts, promptType) ? prompts[promptType] : undefined
  return own === undefined ? { prompt: undefined, task: promptType } : { prompt: own, task: undefined }
}

function isShared(key: string): key is SharedKey {
  return Object.hasOwn(OPTION_OF, key)
}
