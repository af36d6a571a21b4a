/** The options of a `StellaProvider`: documented, checked once, and turned into those of a `StellaModel`. */
import { basename, resolve } from 'node:path'

import { DEFAULT_MODEL } from '../../registry/index.js'
import { requireModelInfo } from '../../registry/model-registry.js'
import type { Logger } from '../inference/logger.js'
import { SILENT, isLogger } from '../inference/logger.js'
import { MIN_MAX_LENGTH, invalid, rejectUnknownKeys } from '../inference/options.js'
import type { NamedPrompts } from '../model/prompt-types.js'
import type { StellaModelOptions } from '../model/stella-model-options.js'
import { resolveModelOptions } from '../model/stella-model-options.js'
import { DEFAULT_KIND } from './embedding-kind.js'

/** Options of a model that go by another name here, or are said by each call. */
type Renamed = 'maxLength' | 'normalizeEmbeddings' | 'embeddingDimension' | 'promptType' | 'signal'

/** How to have a Stella model embed, once it is wanted. */
export interface StellaProviderOptions extends Omit<StellaModelOptions, Renamed> {
  /**
   * Longest text in tokens, prompt and special tokens included; what is longer is cut, and said to be. 256 to 2048 is
   * recommended, the model's limit accepted.
   * @default the model's `tokens.recommended`: 512
   */
  readonly maxSeqLen?: number | undefined
  /** Scale each vector to length 1. @default true */
  readonly normalize?: boolean | undefined
  /** Size of the vectors: any head of the model. @default the model's `defaultDimensions` */
  readonly dimension?: number | undefined
  /** `true` for `precision: 'int4'`: the least memory, and slower than int8. @default as `precision` says */
  readonly enable4bit?: boolean | undefined
}

/** Checked options. */
export interface ResolvedProviderOptions {
  readonly id: string
  /** How to open the model. */
  readonly model: StellaModelOptions
  readonly prompts: NamedPrompts
  readonly logger: Logger
}

/** Every option; one that is missing here does not compile. */
const KNOWN = {
  ...{ model: true, path: true, device: true, precision: true, enable4bit: true, maxSeqLen: true, normalize: true },
  ...{ dimension: true, prompts: true, batchSize: true, memory: true, workers: true, threads: true, pool: true },
  ...{ download: true, home: true, hub: true, registry: true, logger: true },
  ...{ onDownload: true, onConvert: true, onWait: true },
} as const satisfies Readonly<Record<keyof StellaProviderOptions, true>>

/**
 * Checks what can be checked without the model; the rest is checked when it is opened.
 *
 * @throws {StellaError} OPTION_INVALID naming the option and what is accepted.
 */
export function resolveProviderOptions(options: StellaProviderOptions): ResolvedProviderOptions {
  rejectUnknownKeys(options, Object.keys(KNOWN))
  const { path, precision, enable4bit, maxSeqLen, normalize, dimension, logger, pool, ...rest } = options
  checkAtLeast('maxSeqLen', maxSeqLen, MIN_MAX_LENGTH)
  checkAtLeast('dimension', dimension, 1)
  if (normalize !== undefined && typeof normalize !== 'boolean') throw invalid('normalize', 'true or false', normalize)
  if (logger !== undefined && !isLogger(logger)) {
    throw invalid('logger', 'an object with debug, info, warn and error', logger)
  }
  const model: StellaModelOptions = Object.freeze({
    ...rest,
    // Where it is now, wherever the process may be when the model is wanted.
    path: typeof path === 'string' && path !== '' ? resolve(path) : path,
    precision: resolvePrecision(precision, enable4bit, pool),
    maxLength: maxSeqLen,
    normalizeEmbeddings: normalize,
    embeddingDimension: dimension,
    // Of the text that is embedded to see how long a vector is: the one that every checkpoint has, and leaves most room.
    promptType: DEFAULT_KIND,
    // A pool that is there logs as it was opened; what is said here is still for the provider's own lines.
    ...(pool === undefined ? { logger } : { pool }),
  })
  // Refuses now what would be refused by the first call otherwise.
  const { prompts } = resolveModelOptions(model)
  return Object.freeze({ id: `stella-pool/${nameOf(options)}`, model, prompts, logger: logger ?? SILENT })
}

function checkAtLeast(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return
  throw invalid(name, `an integer of at least ${least}`, value)
}

function resolvePrecision(
  precision: StellaProviderOptions['precision'],
  enable4bit: boolean | undefined,
  pool: StellaProviderOptions['pool'],
): StellaProviderOptions['precision'] {
  if (enable4bit === undefined) return precision
  if (typeof enable4bit !== 'boolean') throw invalid('enable4bit', 'true or false', enable4bit)
  if (!enable4bit) {
    if (precision === 'int4') throw invalid('enable4bit', 'true or absent where `precision` is int4', enable4bit)
    return precision
  }
  if (pool !== undefined) {
    const opened = "absent where `pool` is given; open the pool with `precision: 'int4'`"
    throw invalid('enable4bit', opened, enable4bit)
  }
  if (precision === undefined || precision === 'int4') return 'int4'
  throw invalid('precision', 'int4 or absent where `enable4bit` is true', precision)
}

/** The model as the options name it. Whether there is one of that name only opening it tells. */
function nameOf({ model = DEFAULT_MODEL, path }: StellaProviderOptions): string {
  if (typeof path === 'string') return basename(resolve(path))
  return typeof model === 'string' ? model : requireModelInfo(model).key
}
