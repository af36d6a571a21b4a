/**
 * Every key of the configuration, one row each. The schema, its messages, the environment's names, the commented file and
 * the table of `docs/configuration.md` are made from these rows. Defaults are those of the code that applies them.
 */
import { DEFAULT_MODEL } from '../../registry/index.js'
import type { PrecisionRequest } from '../convert/recipe.js'
import { PRECISIONS } from '../convert/recipe.js'
import { MAX_IN_FLIGHT } from '../evaluation/evaluator-options.js'
import { DELIMITER_NAMES } from '../evaluation/pairs/formats.js'
import { REPORT_BINS } from '../evaluation/report/evaluation-report.js'
import { DEFAULT_BINS, DEFAULT_EXAMPLES, MAX_BINS, MAX_EXAMPLES } from '../evaluation/summary.js'
import { MIN_MAX_LENGTH } from '../inference/options.js'
import { TASK_NAMES } from '../inference/task.js'
import { DEFAULT_PROMPT_TYPE } from '../model/prompt-types.js'
import type { StellaModelOptions } from '../model/stella-model-options.js'
import { DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE } from '../model/stella-model-options.js'
import { MAX_THREADS } from '../pool/pool-options.js'
import type { DeviceRequest } from '../runtime/devices.js'
import { DEVICES } from '../runtime/devices.js'
import type { KeyEntry, KeyRow } from './key-row.js'

/** Options of a model that no file can hold. */
type NoData = 'hub' | 'registry' | 'logger' | 'onDownload' | 'onConvert' | 'onWait' | 'pool' | 'signal'

/** Keys at the top of the file: how a model is opened. An option of the model that is missing here does not compile. */
export const MODEL_KEYS = {
  model: {
    kind: 'text',
    meaning: 'Key of a model, or its Hugging Face id; `stella models` lists them.',
    default: DEFAULT_MODEL,
    range: 'a key or an id',
    variable: 'STELLA_MODEL',
  },
  path: {
    kind: 'folder',
    meaning: 'Checkpoint in the Hugging Face layout, instead of `model`.',
    otherwise: 'none',
    example: './my-fine-tune',
    variable: 'STELLA_CHECKPOINT',
  },
  batchSize: {
    kind: 'integer',
    meaning: 'Texts that a call has under way at once. It bounds what waits; runs are made by tokens, whatever it is.',
    default: DEFAULT_BATCH_SIZE,
    commands: '`stella evaluate`: more; `stella embed` streams and has no use for it',
    min: 1,
    max: MAX_BATCH_SIZE,
    recommended: [8, 48],
    variable: 'STELLA_BATCH_SIZE',
  },
  maxLength: {
    kind: 'integer',
    meaning: 'Longest text in tokens, prompt and special tokens included. Memory is reserved for it.',
    otherwise: 'what the model was trained for, 512 for Stella',
    example: 512,
    min: MIN_MAX_LENGTH,
    recommended: [256, 2048],
    range: `an integer from ${MIN_MAX_LENGTH} to the model's limit`,
    variable: 'STELLA_MAX_LENGTH',
  },
  embeddingDimension: {
    kind: 'integer',
    meaning: 'Size of the vectors.',
    otherwise: "the model's",
    example: 512,
    min: 1,
    range: 'a size that the model has',
    variable: 'STELLA_DIMENSIONS',
  },
  normalizeEmbeddings: {
    kind: 'switch',
    meaning: 'Scale each vector to length 1.',
    default: true,
    variable: 'STELLA_NO_NORMALIZE',
    contrary: true,
  },
  promptType: {
    kind: 'text',
    meaning: 'The prompt put before each text: a task, or the name of one of `prompts`.',
    default: DEFAULT_PROMPT_TYPE,
    commands: '`stella embed`: document',
    range: `${TASK_NAMES.join(', ')}, or a name of \`prompts\``,
    variable: 'STELLA_TASK',
  },
  prompts: {
    kind: 'prompts',
    meaning: 'Prompts of your own by name, word for word. One that is named like a task goes before it.',
    otherwise: 'none',
    example: { discriminative: 'Instruct: Tell whether two descriptions are of the same video.\nQuery: ' },
  },
  device: {
    kind: 'choice',
    meaning: 'Where the model runs. `auto` is the CPU.',
    default: 'auto' satisfies DeviceRequest,
    choices: DEVICES,
    variable: 'STELLA_DEVICE',
  },
  precision: {
    kind: 'choice',
    meaning:
      '`fp32` is the reference, `int8` the fastest on a CPU, `int4` the smallest; `auto` takes `int8` where it is faithful.',
    default: 'auto' satisfies PrecisionRequest,
    choices: ['auto', ...PRECISIONS],
    variable: 'STELLA_PRECISION',
  },
  memory: {
    kind: 'memory',
    meaning: 'Memory to use at most.',
    otherwise: 'most of what there is',
    example: '6GB',
    variable: 'STELLA_MEMORY',
  },
  workers: {
    kind: 'integer',
    meaning: 'Worker threads.',
    otherwise: 'by model and cores',
    example: 2,
    min: 1,
    max: MAX_THREADS,
    variable: 'STELLA_WORKERS',
  },
  threads: {
    kind: 'integer',
    meaning: 'Threads inside each worker.',
    otherwise: 'cores / workers',
    example: 2,
    min: 1,
    max: MAX_THREADS,
    variable: 'STELLA_THREADS',
  },
  download: {
    kind: 'switch',
    meaning: 'Fetch a model that is not in the Hugging Face cache.',
    default: false,
    variable: 'STELLA_DOWNLOAD',
  },
  home: {
    kind: 'folder',
    meaning: 'Folder for converted models. Downloads go where HF_HOME says.',
    otherwise: 'the cache folder of the platform',
    example: './stella-home',
    variable: 'STELLA_HOME',
  },
} as const satisfies Readonly<Record<Exclude<keyof StellaModelOptions, NoData>, KeyRow>>

/** Keys of the section `evaluation`: how pairs are read, evaluated and reported. */
export const EVALUATION_KEYS = {
  maxInFlight: {
    kind: 'integer',
    meaning: 'Pairs under way at once.',
    otherwise: '`batchSize`, or its default',
    commands: '`stella evaluate`: more, unless `batchSize` is given',
    example: DEFAULT_BATCH_SIZE,
    min: 1,
    max: MAX_IN_FLIGHT,
    variable: 'STELLA_EVALUATION_MAX_IN_FLIGHT',
  },
  ordered: {
    kind: 'switch',
    meaning:
      'Give results in the order of the pairs; else as they are done. `stella evaluate` always writes them in order.',
    default: true,
    variable: 'STELLA_EVALUATION_ORDERED',
  },
  groundTruthField: {
    kind: 'text',
    meaning: 'Field or column of the text that should have been written.',
    otherwise: '`groundTruth`, or another name that is known',
    example: 'reference_summary',
    variable: 'STELLA_GROUND_TRUTH_FIELD',
  },
  predictionField: {
    kind: 'text',
    meaning: 'Field or column of the text that was written.',
    otherwise: '`prediction`, or another name that is known',
    example: 'model_summary',
    variable: 'STELLA_PREDICTION_FIELD',
  },
  idField: {
    kind: 'text',
    meaning: "Field or column of the pair's name.",
    otherwise: '`id`, or another name that is known',
    example: 'video_id',
    variable: 'STELLA_ID_FIELD',
  },
  delimiter: {
    kind: 'choice',
    meaning: 'What stands between the fields of a CSV file.',
    otherwise: 'comma; tab in a .tsv or .tab file',
    example: 'semicolon',
    choices: DELIMITER_NAMES,
    variable: 'STELLA_DELIMITER',
  },
  bins: {
    kind: 'integer',
    meaning: 'Bars of the histogram of scores.',
    default: DEFAULT_BINS,
    commands: `\`stella evaluate\`: ${REPORT_BINS}, which its picture is drawn from`,
    min: 1,
    max: MAX_BINS,
    variable: 'STELLA_EVALUATION_BINS',
  },
  examples: {
    kind: 'integer',
    meaning: 'How many of the worst and of the best pairs the report shows.',
    default: DEFAULT_EXAMPLES,
    min: 0,
    max: MAX_EXAMPLES,
    variable: 'STELLA_EVALUATION_EXAMPLES',
  },
} as const satisfies Readonly<Record<string, KeyRow>>

/** A key of the section `evaluation`. */
export type EvaluationKey = keyof typeof EVALUATION_KEYS

/** The section of {@link EVALUATION_KEYS}. */
export const EVALUATION = 'evaluation'

/** All rows, in the order of the file. */
export function keyEntries(): readonly KeyEntry[] {
  const entries = (rows: Readonly<Record<string, KeyRow>>, section?: string): readonly KeyEntry[] =>
    Object.entries(rows).map(([name, row]) => {
      const path = section === undefined ? [name] : [section, name]
      return { name, section, path, key: path.join('.'), row }
    })
  return [...entries(MODEL_KEYS), ...entries(EVALUATION_KEYS, EVALUATION)]
}

/** Every variable of the environment that stands in for a key. */
export function configVariables(): readonly string[] {
  return keyEntries().flatMap(({ row }) => row.variable ?? [])
}
