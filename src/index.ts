/** The public API. */
export { EmbeddingPool } from './pool/embedding-pool.js'
export type { ModelReference } from './pool/embedding-pool.js'
export type { HealthRequest } from './pool/health-request.js'
export type { PreloadOptions } from './pool/preload-options.js'
export type { PoolOptions } from './pool/pool-options.js'
export type { CallOptions, PoolBatchOptions, PoolEmbedOptions } from './pool/call-options.js'
export type {
  StreamErrorPolicy,
  StreamOptions,
  StreamProgress,
  Streamed,
  StreamedEmbedding,
  StreamedFailure,
  TextSource,
} from './pool/stream-options.js'
export type { ModelState, ModelStats, PoolStats } from './pool/pool-stats.js'
export type { ModelHealth, NotReady, PoolHealth } from './pool/health.js'
export type { BreakerSnapshot, BreakerState } from './pool/breaker.js'
export type { LatencySnapshot } from './pool/latency-histogram.js'
export type { BatchTrace, EmbedTrace, LoadTrace } from './pool/tracing.js'
export type { Plan } from './pool/plan.js'
export type { WorkerState } from './pool/worker-state.js'
export type { MemoryRequest } from './pool/memory-budget.js'
export type { Lane } from './scheduler/scheduler.js'
export type { QueueLimits } from './scheduler/queue-budget.js'
export type { EvictionReason, PoolEvents, PressureLevel } from './events.js'

export { LoadedStellaModel, assertLoaded } from './inference/loaded-stella-model.js'
export type { LoadOptions } from './inference/loaded-stella-model.js'
export type { BatchEmbedResult, Embedder, EmbedInput, EmbedResult, Usage } from './inference/embed-texts.js'
export type { BatchEmbedOptions, BatchProgress, EmbedOptions } from './inference/options.js'
export type { PackedTexts } from './packed/packing.js'
export type { Logger } from './inference/logger.js'
export { ENCODINGS, encodeEmbedding } from './inference/encoding.js'
export type { Encoding } from './inference/encoding.js'
export type { Task, TaskName } from './inference/task.js'
export { TASK_NAMES } from './inference/task.js'
export type { OverflowPolicy } from './text/overflow.js'

export { cosineSimilarity, dotProduct } from './evaluation/similarity.js'

export { describeCheckpoint } from './convert/describe-checkpoint.js'
export type { DescribeOptions } from './convert/describe-checkpoint.js'
export { prepareArtefact } from './convert/prepare.js'
export type { Artefact, PrepareOptions } from './convert/prepare.js'
export { readCalibrationTexts } from './convert/calibration/read-texts.js'
export type { TaskText } from './convert/calibration/task-text.js'
export type { ConvertProgress } from './convert/convert-progress.js'
export type { Precision, PrecisionRequest } from './convert/recipe.js'
export type { HubSettings } from './files/environment.js'
export type { PullProgress } from './files/hub.js'
export type { Manifest } from './files/manifest.js'

export {
  BUILT_IN_MODELS,
  DEFAULT_MODEL,
  ModelRegistry,
  STELLA_EN_1_5B_V5,
  STELLA_EN_400M_V5,
  STELLA_NANO,
  getModel,
  isModelInfo,
  listModels,
  registerModel,
} from '../registry/index.js'
export type * from '../registry/types.js'
export { estimateMemory } from '../registry/memory.js'
export type { MemoryEstimate, MemoryShape } from '../registry/memory.js'

export { StellaError, isStellaError } from './errors.js'
export type { ErrorDetails, JsonValue, ProblemDetails, StellaErrorCode } from './errors.js'
