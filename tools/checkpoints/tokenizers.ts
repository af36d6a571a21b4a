/**
 * The tokenizer files of a checkpoint, of either kind. Knows no tensor.
 */
import { byteBpeFiles } from './byte-bpe.js'
import type { TextFile } from './config-files.js'
import type { CheckpointSpec } from './spec.js'
import { wordPieceFiles } from './wordpiece.js'

/** Files, and facts the model's own configuration repeats. */
export interface TokenizerFiles {
  readonly files: readonly TextFile[]
  /** Entries in all, added tokens included. */
  readonly size: number
  /** Id of `<|endoftext|>`; null for WordPiece. */
  readonly endOfText: number | null
}

/** `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json` for `spec`. */
export function tokenizerFiles(spec: CheckpointSpec['tokenizer']): TokenizerFiles {
  switch (spec.kind) {
    case 'wordpiece':
      return { files: wordPieceFiles(spec), size: spec.size, endOfText: null }
    case 'byte-bpe':
      return { ...byteBpeFiles(spec), size: spec.size }
  }
}
