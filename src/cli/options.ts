/**
 * Every option of the command line, one row each; parsing, types and `--help` follow from this table. Knows no command.
 */
import { DEFAULT_MODEL } from '../../registry/index.js'
import { PRECISIONS } from '../convert/recipe.js'
import { DELIMITER_NAMES, PAIRS_FORMATS } from '../evaluation/pairs/formats.js'
import { SCORES_FORMATS } from '../evaluation/report/scores-format.js'
import { DEVICES } from '../runtime/devices.js'
import { OVERFLOW_POLICIES } from '../text/overflow.js'
import { ENCODINGS } from '../vectors/codes.js'

/** What a row says about an option. */
export interface OptionRow {
  /** `flag`: no value. `count`: an integer of at least 1. `counts`: several, separated by commas. */
  readonly kind: 'flag' | 'text' | 'count' | 'counts' | 'choice'
  /** What it is, for `--help`; starts in lower case and ends without a full stop. */
  readonly help: string
  /** What it is called on a command line, where an option of another command has the name. @default the row's name */
  readonly flag?: string
  /** One letter. */
  readonly short?: string
  /** Placeholder of the value in `--help`. */
  readonly value?: string
  /** Value used where none is given; commands read it from here. */
  readonly default?: string
  /** What happens where none is given and it is no plain value; for `--help`. */
  readonly otherwise?: string
  /** Accepted values of a `choice`. */
  readonly choices?: readonly string[]
  /** Whether an environment variable stands in for it. @default true */
  readonly env?: boolean
}

/** The table. */
export const OPTIONS = {
  model: { kind: 'text', short: 'm', value: 'model', default: DEFAULT_MODEL, help: 'model key or Hugging Face id' },
  checkpoint: { kind: 'text', value: 'folder', help: 'checkpoint in the Hugging Face layout, instead of --model' },
  precision: {
    kind: 'choice',
    choices: ['auto', ...PRECISIONS],
    default: 'auto',
    help: 'fp32 is the reference, int8 the fastest, int4 the smallest; auto takes int8 where it is faithful',
  },
  device: {
    kind: 'choice',
    choices: DEVICES,
    default: 'auto',
    help: 'where to run, of what ONNX Runtime has on this platform; auto is the CPU',
  },
  calibration: {
    kind: 'text',
    value: 'file',
    otherwise: 'texts of the package',
    help: 'texts like yours (.txt or .jsonl) to calibrate int8 and int4 on',
  },
  report: { kind: 'flag', help: 'say how faithful the result is, and what each part of it cost' },
  download: { kind: 'flag', help: 'fetch a model that is not in the Hugging Face cache' },
  file: { kind: 'text', value: 'file', help: 'read texts from a .txt or .jsonl file; - is standard input' },
  'input-format': {
    kind: 'choice',
    choices: ['txt', 'jsonl'],
    otherwise: "by the file's ending; standard input is txt",
    help: 'how the input is written',
  },
  'skip-empty': { kind: 'flag', help: 'leave out empty lines instead of stopping at them' },
  task: { kind: 'text', value: 'task', help: 's2p_query, s2s_query or document: the prompt put before each text' },
  prompt: { kind: 'text', value: 'text', help: 'a prompt of your own, word for word, instead of --task' },
  dimensions: { kind: 'count', value: 'n', otherwise: "the model's", help: 'size of the vectors' },
  'no-normalize': { kind: 'flag', help: 'leave the vectors as the head gives them, not at length 1' },
  'max-length': {
    kind: 'count',
    value: 'n',
    otherwise: 'what the model was trained for, 512 for Stella',
    help: 'longest text in tokens',
  },
  overflow: {
    kind: 'choice',
    choices: OVERFLOW_POLICIES,
    default: 'truncate-right',
    help: 'what to do with a longer text',
  },
  encoding: {
    kind: 'choice',
    choices: ENCODINGS,
    default: 'float32',
    help: 'numbers of a vector; int8 and uint8 take a byte each and need --ranges, binary and ubinary a bit',
  },
  ranges: { kind: 'text', value: 'file', help: 'ranges of an earlier --save-ranges, for int8 and uint8' },
  'save-ranges': {
    kind: 'text',
    value: 'file',
    help: 'write the lowest and highest number of each dimension, for --ranges of later runs',
  },
  format: { kind: 'choice', choices: ['jsonl', 'json', 'npy'], default: 'jsonl', help: 'form of the result' },
  out: { kind: 'text', value: 'path', help: 'where to write' },
  memory: { kind: 'text', value: 'size', otherwise: 'most of what there is', help: 'memory to use at most: 4GB, 50%' },
  workers: { kind: 'count', value: 'n', otherwise: 'by model and cores', help: 'worker threads' },
  threads: { kind: 'count', value: 'n', otherwise: 'cores / workers', help: 'threads inside each worker' },
  dims: { kind: 'counts', value: 'n,n', otherwise: "the model's default", help: 'heads to have, by their dimensions' },
  'no-convert': { kind: 'flag', help: 'download only' },
  force: { kind: 'flag', help: 'make it again even if it is there' },
  verify: { kind: 'flag', help: 'hash every file of every artefact; takes seconds for each gigabyte' },
  'pairs-format': {
    kind: 'choice',
    flag: 'input-format',
    choices: PAIRS_FORMATS,
    otherwise: "by the file's ending; standard input is jsonl",
    help: 'how the pairs are written',
  },
  delimiter: {
    kind: 'choice',
    choices: DELIMITER_NAMES,
    otherwise: 'comma; tab in a .tsv file',
    help: 'what stands between the fields of a csv file',
  },
  'ground-truth-field': {
    kind: 'text',
    value: 'name',
    otherwise: 'groundTruth, reference, expected, text1 and their like',
    help: 'field or column of the text that should have been written',
  },
  'prediction-field': {
    kind: 'text',
    value: 'name',
    otherwise: 'prediction, candidate, actual, text2 and their like',
    help: 'field or column of the text that was written',
  },
  'id-field': {
    kind: 'text',
    value: 'name',
    otherwise: 'id; else pairs are named after their lines',
    help: 'field or column that names a pair',
  },
  'scores-format': {
    kind: 'choice',
    flag: 'format',
    choices: SCORES_FORMATS,
    otherwise: 'by the ending of --out; else jsonl',
    help: 'form of the scores',
  },
  'report-file': {
    kind: 'text',
    flag: 'report',
    value: 'file',
    help: 'write a report, too: one HTML page with the distribution, the worst and the best pairs',
  },
  texts: { kind: 'flag', help: 'repeat the texts in the scores' },
  config: {
    kind: 'text',
    value: 'file',
    otherwise: 'none',
    help: 'take settings from this YAML or JSON file; options and variables go before it',
  },
  'config-format': {
    kind: 'choice',
    flag: 'format',
    choices: ['yaml', 'json'],
    otherwise: "by the file's ending; else yaml",
    help: 'how the file is written; JSON has no comments',
  },
  show: {
    kind: 'flag',
    env: false,
    help: 'write nothing; print what applies under that file, and where it comes from',
  },
  json: { kind: 'flag', help: 'print the result, and errors, as JSON' },
  quiet: { kind: 'flag', help: 'no progress and no notes on standard error' },
  help: { kind: 'flag', short: 'h', env: false, help: 'print this' },
  version: { kind: 'flag', env: false, help: 'print the version' },
} as const satisfies Record<string, OptionRow>

/** Name of an option, without its dashes. */
export type OptionName = keyof typeof OPTIONS

type ValueOf<Row extends OptionRow> = Row extends { readonly kind: 'flag' }
  ? boolean
  : Row extends { readonly kind: 'count' }
    ? number | undefined
    : Row extends { readonly kind: 'counts' }
      ? readonly number[] | undefined
      : Row extends { readonly kind: 'choice'; readonly choices: readonly (infer Choice)[] }
        ? Choice | undefined
        : string | undefined

/** Parsed values. Options that were not given are undefined, flags false: defaults are for the reader to apply. */
export type OptionValues = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> }

/** Options that cannot both be meant: one on the command line puts a rival's environment variable out of effect. */
export const RIVALS: readonly (readonly [OptionName, OptionName])[] = [
  ['model', 'checkpoint'],
  ['task', 'prompt'],
  ['json', 'format'],
  ['ranges', 'save-ranges'],
]

/** Where texts come from; without effect from the environment where texts are arguments. */
export const INPUT_OPTIONS = ['file', 'input-format'] as const satisfies readonly OptionName[]

/** Options that every command has. */
export const COMMON_OPTIONS = ['json', 'quiet', 'help', 'version'] as const satisfies readonly OptionName[]

/** The row of an option, in its general form. */
export function rowOf(name: OptionName): OptionRow {
  return OPTIONS[name]
}

/** Whether `name` is an option of some command. */
export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name)
}

/** The environment variable that stands in for an option; undefined where none does. */
export function environmentName(name: OptionName): string | undefined {
  return rowOf(name).env === false ? undefined : `STELLA_${name.toUpperCase().replaceAll('-', '_')}`
}

/** What an option is called on a command line, without its dashes. */
export function flagOf(name: OptionName): string {
  return rowOf(name).flag ?? name
}

/** The flag that says the contrary, so that a flag can overrule its environment variable. */
export function contraryOf(name: OptionName): string {
  return name.startsWith('no-') ? name.slice('no-'.length) : `no-${name}`
}
