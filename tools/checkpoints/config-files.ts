/**
 * The small JSON files of a checkpoint folder. For the real shapes they come out byte for byte as in
 * NovaSearch/stella_en_400M_v5 at revision ffeb2b7e (a test compares their hashes). Knows no tensor and no vocabulary.
 */
import type { NewArchitecture, Qwen2Architecture } from '../../registry/types.js'
import type { WritableDtype } from './encode-float.js'
import { float, pythonJson, type PythonValue } from './python-json.js'
import type { CheckpointSpec } from './spec.js'

/** Path inside the folder, and text. */
export type TextFile = readonly [path: string, text: string]

/** The two prompts of the real checkpoints; documents take none. */
const PROMPTS = {
  s2p_query: 'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ',
  s2s_query: 'Instruct: Retrieve semantically similar text.\nQuery: ',
} as const

const TORCH_DTYPE = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const satisfies Record<
  WritableDtype,
  string
>

/** All files but the tensors and the tokenizer's. `endOfText`: id of `<|endoftext|>`, which a Qwen2 config names. */
export function configFiles(spec: CheckpointSpec, endOfText: number | null): TextFile[] {
  const { architecture, maxSequence } = spec
  const config =
    architecture.kind === 'new' ? newConfig(architecture, spec.dtype) : qwen2Config(architecture, spec.dtype, endOfText)
  return [
    ['config.json', pythonJson(config, 1)],
    ['modules.json', pythonJson(modules(spec.defaultHead), 1)],
    ['1_Pooling/config.json', pythonJson(pooling(architecture.hidden), 1)],
    ['sentence_bert_config.json', pythonJson({ max_seq_length: maxSequence, do_lower_case: false }, 1)],
    ['config_sentence_transformers.json', pythonJson(SENTENCE_TRANSFORMERS, 2)],
    ...spec.heads.map((dimensions): TextFile => [
      `2_Dense_${dimensions}/config.json`,
      pythonJson(dense(architecture.hidden, dimensions), 1),
    ]),
  ]
}

const SENTENCE_TRANSFORMERS: PythonValue = {
  __version__: { sentence_transformers: '3.0.1', transformers: '4.42.3', pytorch: '2.3.1+cu121' },
  prompts: PROMPTS,
  default_prompt_name: null,
  similarity_fn_name: 'cosine',
}

function newConfig(shape: NewArchitecture, dtype: WritableDtype): PythonValue {
  return {
    architectures: ['NewModel'],
    attention_probs_dropout_prob: float(0),
    auto_map: { AutoConfig: 'configuration.NewConfig', AutoModel: 'modeling.NewModel' },
    classifier_dropout: null,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    hidden_size: shape.hidden,
    initializer_range: 0.02,
    intermediate_size: shape.intermediate,
    layer_norm_eps: float(shape.normEpsilon),
    layer_norm_type: 'layer_norm',
    logn_attention_clip1: false,
    logn_attention_scale: false,
    max_position_embeddings: shape.maxPositions,
    model_type: 'new',
    num_attention_heads: shape.heads,
    num_hidden_layers: shape.layers,
    pack_qkv: true,
    pad_token_id: 0,
    position_embedding_type: 'rope',
    rope_scaling: ropeScaling(shape.rope),
    rope_theta: shape.rope.theta,
    torch_dtype: TORCH_DTYPE[dtype],
    transformers_version: '4.41.2',
    type_vocab_size: shape.tokenTypes,
    unpad_inputs: true,
    use_memory_efficient_attention: true,
    vocab_size: shape.vocab,
  }
}

function ropeScaling(rope: NewArchitecture['rope']): PythonValue {
  if (rope.ntkFactor === null) return null
  const mixed = rope.ntkMixedB === null ? {} : { mixed_b: float(rope.ntkMixedB) }
  return { factor: float(rope.ntkFactor), ...mixed, type: 'ntk' }
}

function qwen2Config(shape: Qwen2Architecture, dtype: WritableDtype, endOfText: number | null): PythonValue {
  return {
    architectures: ['Qwen2ForCausalLM'],
    attention_dropout: float(0),
    auto_map: {
      AutoModel: 'modeling_qwen.Qwen2Model',
      AutoModelForCausalLM: 'modeling_qwen.Qwen2ForCausalLM',
      AutoModelForSequenceClassification: 'modeling_qwen.Qwen2ForSequenceClassification',
    },
    bos_token_id: endOfText,
    eos_token_id: endOfText,
    hidden_act: 'silu',
    hidden_size: shape.hidden,
    initializer_range: 0.02,
    intermediate_size: shape.intermediate,
    max_position_embeddings: shape.maxPositions,
    // The real value is 21 of 28 layers; sliding windows are off, so nothing reads it.
    max_window_layers: Math.floor((shape.layers * 3) / 4),
    model_type: 'qwen2',
    num_attention_heads: shape.heads,
    num_hidden_layers: shape.layers,
    num_key_value_heads: shape.kvHeads,
    rms_norm_eps: float(shape.normEpsilon),
    rope_theta: float(shape.rope.theta),
    sliding_window: shape.maxPositions,
    tie_word_embeddings: false,
    torch_dtype: TORCH_DTYPE[dtype],
    transformers_version: '4.42.3',
    use_cache: true,
    use_sliding_window: false,
    vocab_size: shape.vocab,
  }
}

function modules(defaultHead: number): PythonValue {
  const entry = (idx: number, path: string, name: string): PythonValue => ({
    idx,
    name: String(idx),
    path,
    type: `sentence_transformers.models.${name}`,
  })
  return [entry(0, '', 'Transformer'), entry(1, '1_Pooling', 'Pooling'), entry(2, `2_Dense_${defaultHead}`, 'Dense')]
}

function pooling(hidden: number): PythonValue {
  return {
    word_embedding_dimension: hidden,
    pooling_mode_cls_token: false,
    pooling_mode_mean_tokens: true,
    pooling_mode_max_tokens: false,
    pooling_mode_mean_sqrt_len_tokens: false,
  }
}

function dense(hidden: number, dimensions: number): PythonValue {
  return {
    in_features: hidden,
    out_features: dimensions,
    bias: true,
    activation_function: 'torch.nn.modules.linear.Identity',
  }
}
