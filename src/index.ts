/**
 * The public API.
 *
 * @module stella-pool
 */
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
export type { ModelLatency } from './pool/model-meters.js'
export type { BreakerSnapshot, BreakerState } from './pool/breaker.js'
export type { LatencySnapshot } from './pool/latency-histogram.js'
export type { BatchTrace, EmbedTrace, LoadTrace } from './pool/tracing.js'
export type { Plan } from './pool/plan.js'
export type { WorkerState } from './pool/worker-state.js'
export type { MemoryRequest } from './pool/memory-budget.js'
export type { Lane } from './scheduler/scheduler.js'
export type { QueueLimits } from './scheduler/queue-budget.js'
export type { EvictionReason, PoolEvents, PressureLevel } from './events.js'

export { StellaModel } from './model/stella-model.js'
export type { EncodedTexts } from './model/stella-model.js'
export type { EncodeOptions, OwnPoolOptions, StellaModelOptions } from './model/stella-model-options.js'
export type { NamedPrompts } from './model/prompt-types.js'
export { normalizedCosine } from './model/text-similarity.js'
export type { SimilarityMetadata, TextSimilarity } from './model/text-similarity.js'
export type { StellaModelStats } from './model/usage-meter.js'
export { DEVICES } from './runtime/devices.js'
export type { Device, DeviceRequest } from './runtime/devices.js'

export { LoadedStellaModel, assertLoaded } from './inference/loaded-stella-model.js'
export type { LoadOptions } from './inference/loaded-stella-model.js'
export type { BatchEmbedResult, Embedder, EmbedInput, EmbedResult, Usage } from './inference/embed-texts.js'
export type { BatchEmbedOptions, BatchProgress, EmbedOptions } from './inference/options.js'
export type { PackedTexts } from './packed/packing.js'
export type { Logger } from './inference/logger.js'
export type { Task, TaskName } from './inference/task.js'
export { TASK_NAMES } from './inference/task.js'
export type { OverflowPolicy } from './text/overflow.js'

export { cosineSimilarity, dotProduct } from './vectors/similarity.js'
export { matrixOf, rowOf } from './vectors/matrix.js'
export type { EmbeddingMatrix, Vector } from './vectors/matrix.js'
export { METRICS } from './vectors/metric.js'
export type { Metric, MetricOptions } from './vectors/metric.js'
export { similarityMatrix } from './vectors/similarity-matrix.js'
export type { SimilarityMatrix } from './vectors/similarity-matrix.js'
export { topK } from './vectors/top-k.js'
export type { Match } from './vectors/best-rows.js'
export { EmbeddingIndex } from './vectors/embedding-index.js'
export type { EmbeddingIndexOptions } from './vectors/embedding-index.js'
export { ENCODINGS, encodedLength } from './vectors/codes.js'
export type {
  BinaryCodes,
  BinaryEncoding,
  EncodedArrays,
  EncodedEmbedding,
  Encoding,
  ScalarCodes,
  ScalarEncoding,
} from './vectors/codes.js'
export { embeddingEncoder, encodeEmbedding, encodeEmbeddings } from './vectors/encoding.js'
export type { EncodingOptions } from './vectors/encoding.js'
export { decodeEmbeddings } from './vectors/scalar-codes.js'
export { RangeTracker, encodingRanges } from './vectors/ranges.js'
export type { EncodingRanges } from './vectors/ranges.js'
export { rangesFromJson, rangesToJson } from './vectors/ranges-json.js'
export type { EncodingRangesJson } from './vectors/ranges-json.js'
export { hammingDistance, hammingTopK } from './vectors/hamming.js'
export type { HammingMatch } from './vectors/hamming.js'
export { twoStageTopK } from './vectors/two-stage.js'
export type { TwoStageOptions } from './vectors/two-stage.js'

export { StellaEvaluator } from './evaluation/stella-evaluator.js'
export type { OpenModel as OpenSimilarityModel } from './evaluation/stella-evaluator.js'
export type {
  EvaluateBatchOptions,
  EvaluateOptions,
  EvaluationProgress,
  EvaluatorOptions,
  OpenModelOptions,
} from './evaluation/evaluator-options.js'
export type { EvaluationResult, TextPair } from './evaluation/evaluation-result.js'
export type { EvaluationFigures, ScoreFigures } from './evaluation/evaluation-figures.js'
export type { EvaluatorStats } from './evaluation/evaluation-meter.js'
export type { OpenedModel, SimilarityModel, SimilarityOptions } from './evaluation/similarity-model.js'
export type { PairSource } from './evaluation/text-pair.js'
export { SummaryBuilder, summarise } from './evaluation/summary.js'
export type { EvaluationSummary, PlacedResult, ScoreBin, SummaryOptions } from './evaluation/summary.js'
export { readPairs } from './evaluation/pairs/read-pairs.js'
export type { PairsSource } from './evaluation/pairs/read-pairs.js'
export type { PairFieldOptions } from './evaluation/pairs/pair-fields.js'
export type { PairRow, ReadPair, RefusedPair } from './evaluation/pairs/pair-row.js'
export { evaluateRows } from './evaluation/pairs/evaluate-rows.js'
export type { EvaluatePairs, EvaluatedRow } from './evaluation/pairs/evaluate-rows.js'
export type { ReadPairsOptions } from './evaluation/pairs/pairs-options.js'
export type { DelimiterName, PairsFormat } from './evaluation/pairs/formats.js'
export { REPORT_BINS } from './evaluation/report/evaluation-report.js'
export type { EvaluationReport, ReportedModel } from './evaluation/report/evaluation-report.js'
export { renderReport } from './evaluation/report/render-report.js'
export { scoreLines } from './evaluation/report/score-lines.js'
export type { ScoreLines, ScoreLinesOptions } from './evaluation/report/score-lines.js'
export type { ScoresFormat } from './evaluation/report/scores-format.js'

export { StellaProvider } from './provider/stella-provider.js'
export type { OpenModel, ProviderModel } from './provider/stella-provider.js'
export type { StellaProviderOptions } from './provider/provider-options.js'
export type {
  EmbeddingKind,
  EmbeddingProvider,
  ProviderEmbedOptions,
  ProviderEmbedding,
  ProviderEmbeddings,
  ProviderInfo,
  ProviderResult,
  ProviderUsage,
} from './provider/embedding-provider.js'
export { LazyResource } from './provider/lazy-resource.js'
export type { LazyResourceOptions } from './provider/lazy-resource.js'
export { toProblem } from './provider/problem.js'
export { tryEmbed } from './provider/try-embed.js'
export type { EmbedOutcome } from './provider/try-embed.js'

export { loadConfig } from './config/load-config.js'
export { parseConfig } from './config/parse-config.js'
export type { ConfigOptions } from './config/parse-config.js'
export { renderConfig } from './config/render-config.js'
export type { ConfigFormat } from './config/read-document.js'
export type { ConfigRemark, Origin, SettingSource } from './config/problem.js'
export type { ConfigSetting, ConfigValues, EvaluationSettings, StellaConfig } from './config/stella-config.js'

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
export type { MemoryEstimate, MemoryShape, WeightPrecision } from '../registry/memory.js'

export { StellaError, isStellaError } from './errors.js'
export type { ErrorDetails, JsonValue, ProblemDetails, StellaErrorCode } from './errors.js'
