/** The options of a pool: documented, checked once, and frozen. */
import { ModelRegistry } from '../../registry/model-registry.js'
import { getDefaultRegistry } from '../../registry/index.js'
import type { PrepareOptions } from '../convert/prepare.js'
import type { PrecisionRequest } from '../convert/recipe.js'
import { PRECISIONS } from '../convert/recipe.js'
import type { HubSettings } from '../files/environment.js'
import type { Device, DeviceRequest } from '../runtime/devices.js'
import { resolveDevice } from '../runtime/resolve-device.js'
import type { Logger } from '../inference/logger.js'
import { SILENT, isLogger } from '../inference/logger.js'
import { MIN_MAX_LENGTH, invalid, rejectUnknownKeys } from '../inference/options.js'
import { resolveSharedWeights } from '../inference/shared-weights.js'
import type { QueueLimits } from '../scheduler/queue-budget.js'
import { QUEUE_LIMITS } from '../scheduler/queue-budget.js'
import type { MemoryRequest } from './memory-budget.js'
import { readMemoryLimits, resolveMemoryBudget } from './memory-budget.js'

/** How to open a pool. */
export interface PoolOptions {
  /**
   * Memory for all models together: `'6GB'`, `'50%'`, bytes, or a share from 0 to 1.
   * @default 0.8 of what the process may use, less a reserve of at most 2 GiB
   */
  readonly memory?: MemoryRequest | undefined
  /**
   * Worker threads per model. As many as are asked for, or MEMORY_EXHAUSTED.
   * @default one for each core (in fp32 each two), at most 4, and no more than there is memory for; one for a large
   * model whose weights are not shared
   */
  readonly workers?: number | undefined
  /** Threads inside each run of a worker. @default the cores divided by the workers */
  readonly threads?: number | undefined
  /**
   * A worker beyond the first leaves after so long without work, in milliseconds; `Infinity`: never. Workers that
   * `workers` asked for stay.
   * @default 60_000
   */
  readonly idleTimeoutMs?: number | undefined
  /**
   * A model without a call for so long is evicted, and loaded again by the next, in milliseconds; `Infinity`: never.
   * @default 300_000
   */
  readonly keepAliveMs?: number | undefined
  /** What each model may have taken in and not answered; more is refused with OVERLOADED. @default {@link QueueLimits} */
  readonly queue?: Partial<QueueLimits> | undefined
  /** Longest text in tokens that any call may ask for; memory is reserved for it. @default each model's limit */
  readonly maxLength?: number | undefined
  /**
   * Map one copy of the weights that all workers, and all processes of the machine, share.
   * @default true on the CPU; nothing can be shared on another device. See `LoadOptions`
   */
  readonly sharedWeights?: boolean | undefined
  /**
   * Where models run. On another device than the CPU the defaults are `precision: 'fp32'`, `workers: 1`, and weights are
   * not shared; memory of the device itself is not counted.
   * @default 'auto', which is the CPU
   */
  readonly device?: DeviceRequest | undefined
  /** Of the weights; `auto` is int8 where it is faithful, else fp32. @default 'auto' */
  readonly precision?: PrecisionRequest | undefined
  /** Fetch models that are not in the Hugging Face cache. @default false */
  readonly download?: boolean | undefined
  /** Folder to keep artefacts under. @default `STELLA_HOME`, else the platform's cache folder */
  readonly home?: string | undefined
  /** How to reach the hub. @default from `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` */
  readonly hub?: HubSettings | undefined
  /** Where model names are looked up. @default the registry of `registerModel` */
  readonly registry?: ModelRegistry | undefined
  /** A logger such as pino's. @default silent */
  readonly logger?: Logger | undefined
  /** Called while files of a model are fetched. */
  readonly onDownload?: PrepareOptions['onDownload']
  /** Called while a model is converted, which its first load does. */
  readonly onConvert?: PrepareOptions['onConvert']
  /** Called once if another process is converting a model and is waited for, with the path of its lock. */
  readonly onWait?: PrepareOptions['onWait']
}

/** Checked options with defaults filled in. */
export interface ResolvedPoolOptions extends Omit<
  PoolOptions,
  'memory' | 'device' | 'sharedWeights' | 'registry' | 'logger' | 'idleTimeoutMs' | 'keepAliveMs' | 'queue'
> {
  /** Bytes. */
  readonly budget: number
  readonly device: Device
  readonly sharedWeights: boolean
  readonly idleTimeoutMs: number
  readonly keepAliveMs: number
  readonly queue: QueueLimits
  readonly registry: ModelRegistry
  readonly logger: Logger
}

const KNOWN = [
  'memory',
  'workers',
  'threads',
  'idleTimeoutMs',
  'keepAliveMs',
  'queue',
  'maxLength',
  'precision',
  'sharedWeights',
  'device',
  'download',
  'home',
  'hub',
  'registry',
  'logger',
  'onDownload',
  'onConvert',
  'onWait',
] as const

/** A burst comes again within a minute, or it was one. The Rust design has one minute in one place and five in another. */
const IDLE_TIMEOUT_MS = 60_000

/** Loading again takes a second; a gigabyte that nobody uses is missed elsewhere. */
const KEEP_ALIVE_MS = 300_000

/** Longest delay of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** More threads than this are a mistake on any machine of today. */
export const MAX_THREADS = 1024

/**
 * Checks `options` and reads the machine's memory.
 *
 * @throws {StellaError} OPTION_INVALID naming the option and what is accepted.
 */
export async function resolvePoolOptions(options: PoolOptions): Promise<ResolvedPoolOptions> {
  rejectUnknownKeys(options, KNOWN)
  const { memory, device: deviceRequest, registry, logger, idleTimeoutMs, keepAliveMs, queue, ...rest } = options
  checkCount('workers', options.workers, MAX_THREADS)
  checkCount('threads', options.threads, MAX_THREADS)
  checkCount('maxLength', options.maxLength, Number.MAX_SAFE_INTEGER, MIN_MAX_LENGTH)
  const precisions = ['auto', ...PRECISIONS] as const
  if (options.precision !== undefined && !precisions.includes(options.precision)) {
    throw invalid('precision', precisions.join(', '), options.precision)
  }
  if (logger !== undefined && !isLogger(logger)) {
    throw invalid('logger', 'an object with debug, info, warn and error', logger)
  }
  if (registry !== undefined && !(registry instanceof ModelRegistry)) {
    throw invalid('registry', 'a ModelRegistry', registry)
  }
  checkKind('download', options.download, 'boolean')
  checkKind('home', options.home, 'string')
  for (const name of ['onDownload', 'onConvert', 'onWait'] as const) checkKind(name, options[name], 'function')
  if (options.home === '') throw invalid('home', 'a folder', options.home)
  const device = await resolveDevice(deviceRequest)
  const sharedWeights = resolveSharedWeights(device, options.sharedWeights)
  return Object.freeze({
    ...rest,
    ...(device === 'cpu' ? {} : elsewhere(rest)),
    device,
    sharedWeights,
    idleTimeoutMs: resolveTimeout('idleTimeoutMs', idleTimeoutMs, IDLE_TIMEOUT_MS),
    keepAliveMs: resolveTimeout('keepAliveMs', keepAliveMs, KEEP_ALIVE_MS),
    queue: resolveQueueLimits(queue),
    budget: resolveMemoryBudget(memory, await readMemoryLimits()),
    registry: registry ?? getDefaultRegistry(),
    logger: logger ?? SILENT,
  })
}

/** Off the processor nothing is known to be gained by int8 or a second worker. */
function elsewhere({ precision = 'auto', workers = 1 }: PoolOptions): PoolOptions {
  return { precision: precision === 'auto' ? 'fp32' : precision, workers }
}

function checkCount(name: string, value: number | undefined, max: number, min = 1): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return
  const most = max === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${max}`
  throw invalid(name, `an integer of at least ${min}${most}`, value)
}

function checkKind(name: string, value: unknown, kind: 'boolean' | 'string' | 'function'): void {
  if (value === undefined || typeof value === kind) return
  throw invalid(name, `a ${kind}`, value)
}

function resolveTimeout(name: string, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault
  if (value === Number.POSITIVE_INFINITY) return value
  if (typeof value === 'number' && value >= 0 && value <= MAX_TIMER_MS) return value
  throw invalid(name, `milliseconds from 0 to ${MAX_TIMER_MS}, or Infinity`, value)
}

function resolveQueueLimits(given: Partial<QueueLimits> | undefined): QueueLimits {
  if (given === undefined) return QUEUE_LIMITS
  rejectUnknownKeys(given, Object.keys(QUEUE_LIMITS))
  for (const name of ['texts', 'tokens', 'bytes'] as const) {
    checkCount(`queue.${name}`, given[name], Number.MAX_SAFE_INTEGER)
  }
  const { texts = QUEUE_LIMITS.texts, tokens = QUEUE_LIMITS.tokens, bytes = QUEUE_LIMITS.bytes } = given
  return { texts, tokens, bytes }
}
