/**
 * What a random checkpoint is made from: shape, seed, storage, tokenizer, and how its weights are drawn.
 * Holds types only; named shapes are in `specs.ts`.
 */
import type { ArchitectureInfo } from '../../registry/types.js'
import type { WritableDtype } from './encode-float.js'

/** How random weights are drawn. Gains are relative to 1/√(inputs), which keeps activations at unit size. */
export interface WeightStyle {
  /** Standard deviation of the token embedding table. */
  readonly embeddingDeviation: number
  /** Gain of the query and key projections: 1 spreads attention, 2 makes it sharp. */
  readonly attentionGain: number
  /** Gain of the projections that end a residual branch. */
  readonly branchGain: number
  /** Standard deviation of biases. */
  readonly biasDeviation: number
  /** Standard deviation of norm gains around 1. */
  readonly gammaDeviation: number
  /**
   * Share of a norm's channels whose gain is multiplied by 20–50, as trained transformers have them; 0 for none. The last
   * norm has none, so that the embedding does not hang on a few channels.
   */
  readonly outlierShare: number
}

/** WordPiece vocabulary of a given size. */
export interface WordPieceSpec {
  readonly kind: 'wordpiece'
  /** Entries, specials included. */
  readonly size: number
  /** `[unusedN]` entries laid out as in bert-base-uncased ([UNK] becomes 100), or none ([UNK] is 1). */
  readonly unused: boolean
}

/** Byte-level BPE vocabulary of a given size. */
export interface ByteBpeSpec {
  readonly kind: 'byte-bpe'
  /** Entries, the three added tokens included. */
  readonly size: number
}

/** A checkpoint to make. The same spec gives the same bytes. */
export interface CheckpointSpec {
  readonly name: string
  readonly seed: number
  readonly architecture: ArchitectureInfo
  readonly weights: WeightStyle
  readonly tokenizer: WordPieceSpec | ByteBpeSpec
  /** `2_Dense_{n}` folders to write. */
  readonly heads: readonly number[]
  /** The head `modules.json` names; one of `heads`. */
  readonly defaultHead: number
  /** `max_seq_length` of sentence_bert_config.json, in tokens. */
  readonly maxSequence: number
  readonly dtype: WritableDtype
  /** Put before every tensor name. @default `new.` or `model.`, as the real checkpoints have it */
  readonly prefix?: string
  /** Files the tensors are spread over, with an index where more than one. @default 1 */
  readonly shards?: number
  /** Whether architecture `new` carries its unused pooler. @default true */
  readonly pooler?: boolean
}
