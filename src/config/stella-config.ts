/** What a configuration is once it is read: options to open a model with, and where each value came from. */
import { deepFreeze } from '../../registry/freeze.js'
import type { JsonValue } from '../errors.js'
import type { EvaluateBatchOptions } from '../evaluation/evaluator-options.js'
import type { ReadPairsOptions } from '../evaluation/pairs/pairs-options.js'
import type { SummaryOptions } from '../evaluation/summary.js'
import type { StellaModelOptions } from '../model/stella-model-options.js'
import type { EvaluationKey } from './keys.js'
import { EVALUATION, MODEL_KEYS, keyEntries } from './keys.js'
import type { Layer } from './layer.js'
import type { ConfigRemark, Origin } from './problem.js'

/** Settings of an evaluation by what takes them. Holds what was given; the rest has its default there. */
export interface EvaluationSettings {
  /** For `evaluateBatch`. */
  readonly batch: Pick<EvaluateBatchOptions, 'maxInFlight' | 'ordered'>
  /** For reading pairs. */
  readonly pairs: Pick<ReadPairsOptions, 'groundTruthField' | 'predictionField' | 'idField' | 'delimiter'>
  /** For the report. */
  readonly summary: SummaryOptions
}

/** What a file may say: the options of a model that are plain data, and the section `evaluation`. */
export interface ConfigValues extends Omit<
  StellaModelOptions,
  'model' | 'hub' | 'registry' | 'logger' | 'onDownload' | 'onConvert' | 'onWait' | 'pool' | 'signal'
> {
  /** Key of a model, or its Hugging Face id. */
  readonly model?: string | undefined
  /** How pairs are evaluated. */
  readonly evaluation?:
    (EvaluationSettings['batch'] & EvaluationSettings['pairs'] & EvaluationSettings['summary']) | undefined
}

/** One key, what applies for it, and who said so. */
export interface ConfigSetting extends Origin {
  /** Such as `batchSize` or `evaluation.bins`. */
  readonly key: string
  /** Null where the default depends on the machine or on the model. */
  readonly value: JsonValue
  /** What applies where `value` is null. */
  readonly otherwise?: string | undefined
}

/** A configuration. Frozen. */
export interface StellaConfig {
  /** The file's name as it was given. */
  readonly file: string
  /** For `StellaModel.open`. Holds what was given; the model has the defaults. Folders are absolute. */
  readonly model: Omit<ConfigValues, 'evaluation'>
  /** For an evaluation, by what takes it. */
  readonly evaluation: EvaluationSettings
  /** Every key there is, with its value and where it comes from. */
  readonly settings: readonly ConfigSetting[]
  /** What is accepted and yet worth telling: numbers outside of what is recommended, a file that says nothing. */
  readonly notes: readonly ConfigRemark[]
}

/** What takes each key of the section; a key that is missing here does not compile. */
const TAKEN_BY = {
  maxInFlight: 'batch',
  ordered: 'batch',
  groundTruthField: 'pairs',
  predictionField: 'pairs',
  idField: 'pairs',
  delimiter: 'pairs',
  bins: 'summary',
  examples: 'summary',
} as const satisfies Readonly<Record<EvaluationKey, keyof EvaluationSettings>>

/** Puts settings together that have been checked. */
export function makeConfig(file: string, settings: Layer, notes: readonly ConfigRemark[]): StellaConfig {
  const part = (taker: keyof EvaluationSettings): object => {
    const keys = Object.entries(TAKEN_BY).flatMap(([key, by]) => (by === taker ? [key] : []))
    return pick(settings, keys, `${EVALUATION}.`)
  }
  const config = {
    file,
    model: pick(settings, Object.keys(MODEL_KEYS), ''),
    evaluation: { batch: part('batch'), pairs: part('pairs'), summary: part('summary') },
    settings: keyEntries().map(({ key, row }): ConfigSetting => {
      const setting = settings.get(key)
      if (setting !== undefined) return { key, value: copyOf(setting.value) as JsonValue, ...setting.origin }
      return { key, value: row.default ?? null, otherwise: row.otherwise, source: 'default' }
    }),
    notes: notes.map((note) => ({ ...note })),
  }
  // The schema has seen to the types of what it let pass.
  return deepFreeze<StellaConfig>(config)
}

/**
 * What applies where nothing is said, for keys whose default is the same everywhere: on every machine, for every model,
 * and under every command.
 */
export function defaultValues(): ConfigValues {
  const [values, evaluation]: [Record<string, unknown>, Record<string, unknown>] = [{}, {}]
  for (const { name, section, row } of keyEntries()) {
    if (row.default === undefined || row.commands !== undefined) continue
    const holder = section === undefined ? values : evaluation
    holder[name] = copyOf(row.default)
  }
  return { ...values, [EVALUATION]: evaluation }
}

function pick(settings: Layer, keys: readonly string[], prefix: string): Record<string, unknown> {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const setting = settings.get(prefix + key)
      return setting === undefined ? [] : [[key, copyOf(setting.value)]]
    }),
  )
}

/** The caller's own objects are not frozen, and objects that a parser made get a prototype. */
function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value))
}
