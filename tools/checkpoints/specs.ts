/**
 * The checkpoints this project makes by name: full-size stand-ins, one as large as the embedded model was before
 * it was trained, and the tiny ones of the golden tests. Shapes only; `make-checkpoint.ts` writes them.
 */
import type { ArchitectureInfo, NewArchitecture, Qwen2Architecture } from '../../registry/types.js'
import type { CheckpointSpec, WeightStyle } from './spec.js'

/** Loud enough that attention, positions and biases all show in the vector: a slip in any of them fails a golden test. */
const LOUD: WeightStyle = {
  embeddingDeviation: 1,
  attentionGain: 2.2,
  branchGain: 1.2,
  biasDeviation: 0.15,
  gammaDeviation: 0.3,
  outlierShare: 0,
}

/** The same over embeddings so small that the first norm's epsilon shows. */
const LOUD_OVER_FAINT: WeightStyle = { ...LOUD, embeddingDeviation: 0.01 }

/** Quiet layers over strong embeddings: vectors follow the words of a text, which is the most random weights can do. */
const QUIET: WeightStyle = {
  embeddingDeviation: 1,
  attentionGain: 0.7,
  branchGain: 0.2,
  biasDeviation: 0.02,
  gammaDeviation: 0.1,
  outlierShare: 0,
}

/** Unit activations through all layers, with outlier channels: ranks quantisation schemes, predicts no quality. */
const STAND_IN: WeightStyle = {
  embeddingDeviation: 1,
  attentionGain: 1,
  branchGain: 0.3,
  biasDeviation: 0.02,
  gammaDeviation: 0.1,
  outlierShare: 1 / 256,
}

/**
 * Less gain where norms follow the branches. With the gains above, noise of 1 % on the embeddings grows 45-fold through
 * 24 layers, which no trained model does: every 8-bit scheme looks hopeless there. With these it grows sevenfold, and
 * schemes lie about where they were found to lie on other random models with such outliers: one scale per token 0.995
 * (lowest cosine), blocks of 32 0.9996.
 */
const STAND_IN_POST_NORM: WeightStyle = { ...STAND_IN, attentionGain: 0.7, branchGain: 0.1 }

/** The seven heads both real checkpoints carry. */
export const REAL_HEADS: readonly number[] = [256, 768, 1024, 2048, 4096, 6144, 8192]

const NEW_ROPE: NewArchitecture['rope'] = { theta: 160_000, ntkFactor: 2, ntkMixedB: null }
const QWEN2_ROPE: Qwen2Architecture['rope'] = { theta: 1_000_000, ntkFactor: null, ntkMixedB: null }

function newShape(
  shape: Pick<NewArchitecture, 'layers' | 'heads' | 'headDim' | 'intermediate' | 'vocab' | 'maxPositions'>,
): ArchitectureInfo {
  return {
    kind: 'new',
    hidden: shape.heads * shape.headDim,
    tokenTypes: 2,
    normEpsilon: 1e-12,
    rope: NEW_ROPE,
    ...shape,
  }
}

function qwen2Shape(
  shape: Pick<
    Qwen2Architecture,
    'layers' | 'heads' | 'kvHeads' | 'headDim' | 'intermediate' | 'vocab' | 'maxPositions'
  >,
): ArchitectureInfo {
  return { kind: 'qwen2', hidden: shape.heads * shape.headDim, normEpsilon: 1e-6, rope: QWEN2_ROPE, ...shape }
}

const TINY_WORDPIECE = { kind: 'wordpiece', size: 190, unused: false } as const
const TINY_BPE = { kind: 'byte-bpe', size: 300 } as const
const TINY = { weights: LOUD, maxSequence: 512, dtype: 'F32' } as const

/** Every named spec. */
export const CHECKPOINT_SPECS = {
  'stella-en-400m-v5': {
    name: 'stella-en-400m-v5',
    seed: 400,
    architecture: newShape({
      layers: 24,
      heads: 16,
      headDim: 64,
      intermediate: 4096,
      vocab: 30_528,
      maxPositions: 8192,
    }),
    weights: STAND_IN_POST_NORM,
    tokenizer: { kind: 'wordpiece', size: 30_522, unused: true },
    heads: [256, 1024],
    defaultHead: 1024,
    maxSequence: 512,
    dtype: 'F32',
  },
  'stella-en-1.5b-v5': {
    name: 'stella-en-1.5b-v5',
    seed: 1500,
    architecture: qwen2Shape({
      layers: 28,
      heads: 12,
      kvHeads: 2,
      headDim: 128,
      intermediate: 8960,
      vocab: 151_646,
      maxPositions: 131_072,
    }),
    weights: STAND_IN,
    tokenizer: { kind: 'byte-bpe', size: 151_646 },
    heads: [256, 1024],
    defaultHead: 1024,
    maxSequence: 512,
    dtype: 'F32',
  },
  'random-nano': {
    name: 'random-nano',
    seed: 5,
    architecture: newShape({ layers: 2, heads: 4, headDim: 16, intermediate: 128, vocab: 1008, maxPositions: 2048 }),
    weights: QUIET,
    tokenizer: { kind: 'wordpiece', size: 1002, unused: false },
    heads: [256, 512],
    defaultHead: 256,
    maxSequence: 512,
    dtype: 'F16',
  },
  'new-tiny': {
    ...TINY,
    name: 'new-tiny',
    seed: 11,
    architecture: newShape({ layers: 2, heads: 4, headDim: 16, intermediate: 40, vocab: 196, maxPositions: 2048 }),
    tokenizer: TINY_WORDPIECE,
    heads: [64, 256],
    defaultHead: 256,
  },
  'new-wide': {
    ...TINY,
    name: 'new-wide',
    weights: LOUD_OVER_FAINT,
    seed: 12,
    architecture: newShape({ layers: 3, heads: 6, headDim: 8, intermediate: 34, vocab: 196, maxPositions: 512 }),
    tokenizer: TINY_WORDPIECE,
    heads: [48, 768],
    defaultHead: 768,
  },
  'qwen2-tiny': {
    ...TINY,
    name: 'qwen2-tiny',
    seed: 13,
    architecture: qwen2Shape({
      layers: 2,
      heads: 6,
      kvHeads: 2,
      headDim: 8,
      intermediate: 56,
      vocab: 300,
      maxPositions: 2048,
    }),
    tokenizer: TINY_BPE,
    heads: [48, 256, 768],
    defaultHead: 256,
  },
  'qwen2-mqa': {
    ...TINY,
    name: 'qwen2-mqa',
    weights: LOUD_OVER_FAINT,
    seed: 14,
    architecture: qwen2Shape({
      layers: 2,
      heads: 4,
      kvHeads: 1,
      headDim: 16,
      intermediate: 40,
      vocab: 300,
      maxPositions: 512,
    }),
    tokenizer: TINY_BPE,
    heads: [64, 256],
    defaultHead: 64,
  },
  'qwen2-mha': {
    ...TINY,
    name: 'qwen2-mha',
    seed: 15,
    architecture: qwen2Shape({
      layers: 3,
      heads: 4,
      kvHeads: 4,
      headDim: 8,
      intermediate: 72,
      vocab: 300,
      maxPositions: 512,
    }),
    tokenizer: TINY_BPE,
    heads: [32, 768],
    defaultHead: 768,
  },
} as const satisfies Record<string, CheckpointSpec>

/** Name of a spec in {@link CHECKPOINT_SPECS}. */
export type CheckpointName = keyof typeof CHECKPOINT_SPECS

/** Whether `name` is a {@link CheckpointName}. */
export function isCheckpointName(name: string): name is CheckpointName {
  return Object.hasOwn(CHECKPOINT_SPECS, name)
}
