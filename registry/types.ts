/**
 * The shape of a model descriptor: frozen JSON that says what a model is and cannot run anything.
 * Knows no file system, no engine, no thread.
 */

/** Numbers a transformer of architecture `new` (Alibaba's NewModel, the 400M's) is built from. */
export interface NewArchitecture {
  /** Tells the architectures apart. */
  readonly kind: 'new'
  /** Transformer layers. */
  readonly layers: number
  /** Width of the residual stream. */
  readonly hidden: number
  /** Width of the gated MLP. */
  readonly intermediate: number
  /** Attention heads. */
  readonly heads: number
  /** Width of a head; `heads × headDim` is `hidden`. */
  readonly headDim: number
  /** Rows of the embedding table; at least the tokenizer's size. */
  readonly vocab: number
  /** Rows of the token type table; row 0 is always added. */
  readonly tokenTypes: number
  /** Positions that `config.json` states, before NTK scaling; how long a text may be is {@link TokenLimits.max}. */
  readonly maxPositions: number
  /** Added to the variance in LayerNorm. */
  readonly normEpsilon: number
  /** Rotary position embedding. */
  readonly rope: RopeInfo
}

/** Numbers a bidirectional Qwen2 (the 1.5B's) is built from. */
export interface Qwen2Architecture {
  /** Tells the architectures apart. */
  readonly kind: 'qwen2'
  /** Transformer layers. */
  readonly layers: number
  /** Width of the residual stream. */
  readonly hidden: number
  /** Width of the gated MLP. */
  readonly intermediate: number
  /** Query heads; each group of `heads / kvHeads` shares one key/value head. */
  readonly heads: number
  /** Heads of keys and values. */
  readonly kvHeads: number
  /** Width of a head; `heads × headDim` is `hidden`. */
  readonly headDim: number
  /** Rows of the embedding table; at least the tokenizer's size. */
  readonly vocab: number
  /** Positions that `config.json` states; how long a text may be is {@link TokenLimits.max}. */
  readonly maxPositions: number
  /** Added to the mean square in RMSNorm. */
  readonly normEpsilon: number
  /** Rotary position embedding. */
  readonly rope: RopeInfo
}

/** Rotary position embedding: base `theta`, and the NTK factor where the checkpoint scales it. */
export interface RopeInfo {
  /** Base of the rotation's wavelengths. */
  readonly theta: number
  /** `{"type":"ntk","factor":…}` of `config.json`; null where positions are not scaled. */
  readonly ntkFactor: number | null
  /** Exponent of the "mixed base" variant of NTK scaling; null where it is not used. */
  readonly ntkMixedB: number | null
}

/** The architectures this package converts. */
export type ArchitectureInfo = NewArchitecture | Qwen2Architecture

/** One `2_Dense_{dimensions}` projection. Heads are independent: a small one is no slice of a larger one. */
export interface HeadInfo {
  /** Size of the vectors it makes. */
  readonly dimensions: number
  /** Folder inside the checkpoint, such as `2_Dense_1024`. */
  readonly folder: string
}

/** One file of a checkpoint. */
export interface CheckpointFileInfo {
  /** Path inside the repository, with forward slashes. */
  readonly path: string
  /** Size in bytes, where known. */
  readonly bytes?: number
  /** SHA-256 in lower-case hex, where known. */
  readonly sha256?: string
}

/** Where a checkpoint comes from. */
export type ModelSource =
  | {
      /** In a Hugging Face repository, or the local cache of it. */
      readonly kind: 'hub'
      /** Hugging Face repository, `owner/name`. */
      readonly repo: string
      /** Git revision: a commit where it is pinned, else a branch. */
      readonly revision: string
    }
  | {
      /** On disk. */
      readonly kind: 'folder'
      /** Absolute path of a folder in the Hugging Face layout. */
      readonly path: string
    }
  | {
      /** Ships with this package. */
      readonly kind: 'embedded'
      /** Folder under `models/`. */
      readonly folder: string
    }

/** Texts put before an input, word for word, by canonical task; null where the checkpoint defines none. */
export interface PromptInfo {
  /** Before a question that a passage answers. */
  readonly s2p_query: string | null
  /** Before sentences that are compared with one another. */
  readonly s2s_query: string | null
  /** Documents take no prompt. */
  readonly document: ''
}

/** Token limits. */
export interface TokenLimits {
  /** Longest input the model accepts, special tokens included. */
  readonly max: number
  /** Length the model was trained for; the default limit of a call. */
  readonly recommended: number
}

/** Parameters by part; each is a count of numbers, not of bytes. */
export interface ParameterCounts {
  /** Token (and token type) embedding tables. */
  readonly embedding: number
  /** All layers and norms. */
  readonly layers: number
  /** Of every head, in the order of `heads`. */
  readonly heads: readonly number[]
}

/** What a model is. Deeply frozen JSON: it survives `structuredClone` and cannot embed. */
export interface StellaModelInfo {
  /** Tells a descriptor from everything else at run time. */
  readonly kind: 'stella-model-info'
  /** Registry key, lower case, such as `stella-en-400m-v5`. */
  readonly key: string
  /** For people to read. */
  readonly name: string
  /** Other names that find it: its Hugging Face ids. */
  readonly aliases: readonly string[]
  /** One or two sentences for people to read. */
  readonly description: string
  /** SPDX identifier of the weights' licence. */
  readonly license: string
  /**
   * `demo`: good enough to try the package with, not to build on. `random`: weights that mean nothing,
   * as those of test models.
   */
  readonly quality: 'production' | 'demo' | 'random'
  /** Where its checkpoint comes from. */
  readonly source: ModelSource
  /** Numbers of the transformer. */
  readonly architecture: ArchitectureInfo
  /** In ascending order of dimensions. Empty: the pooled hidden state is the embedding. */
  readonly heads: readonly HeadInfo[]
  /** Size of the vectors of a call that asks for none. */
  readonly defaultDimensions: number
  /** What goes before a text, by task. */
  readonly prompts: PromptInfo
  /** How long a text may be. */
  readonly tokens: TokenLimits
  /** Files to fetch for the backbone; a head's files are under its folder. */
  readonly files: readonly CheckpointFileInfo[]
  /** How many numbers the model has. */
  readonly parameters: ParameterCounts
}
