/** Schemas of the small JSON files in a sentence-transformers checkpoint. Unknown keys are other people's business. */
import { z } from 'zod'

/** No real size comes near; a hostile one would make the converter ask for absurd amounts of memory. */
const SIZE = z.int().min(1).max(1_000_000)
const LAYERS = z.int().min(1).max(1000)
const POSITIVE = z.number().positive()

const ROPE_SCALING = z
  .looseObject({
    type: z.string().optional(),
    rope_type: z.string().optional(),
    factor: POSITIVE.optional(),
    mixed_b: POSITIVE.nullish(),
  })
  .nullish()

/** transformers 5 moves `rope_theta` in here. */
const ROPE_PARAMETERS = z.looseObject({ rope_theta: POSITIVE.optional(), rope_type: z.string().optional() }).nullish()

/** `config.json` as far as both architectures share it. */
export const MODEL_CONFIG = z.looseObject({
  model_type: z.string(),
  hidden_size: SIZE,
  num_hidden_layers: LAYERS,
  num_attention_heads: SIZE,
  num_key_value_heads: SIZE.nullish(),
  head_dim: SIZE.nullish(),
  intermediate_size: SIZE,
  vocab_size: z.int().min(1).max(10_000_000),
  type_vocab_size: z.int().min(0).max(100).nullish(),
  max_position_embeddings: z.int().min(1).max(100_000_000),
  hidden_act: z.string(),
  layer_norm_eps: POSITIVE.nullish(),
  rms_norm_eps: POSITIVE.nullish(),
  rope_theta: POSITIVE.nullish(),
  rope_scaling: ROPE_SCALING,
  rope_parameters: ROPE_PARAMETERS,
  position_embedding_type: z.string().nullish(),
  layer_norm_type: z.string().nullish(),
  pack_qkv: z.boolean().nullish(),
  logn_attention_scale: z.boolean().nullish(),
  logn_attention_clip1: z.boolean().nullish(),
  use_sliding_window: z.boolean().nullish(),
  is_causal: z.boolean().nullish(),
  quantization_config: z.unknown().optional(),
})

/** See {@link MODEL_CONFIG}. */
export type ModelConfig = z.infer<typeof MODEL_CONFIG>

/** `modules.json`. */
export const MODULES = z
  .array(z.looseObject({ path: z.string(), type: z.string() }))
  .min(1)
  .max(10)

/** `1_Pooling/config.json`. */
export const POOLING_CONFIG = z.looseObject({
  pooling_mode_mean_tokens: z.boolean(),
  include_prompt: z.boolean().nullish(),
})

/** `2_Dense_*\/config.json`. */
export const DENSE_CONFIG = z.looseObject({
  in_features: SIZE,
  out_features: SIZE,
  bias: z.literal(true, 'only a projection with bias is supported'),
  activation_function: z.literal('torch.nn.modules.linear.Identity', 'only the identity is supported'),
})

/** `config_sentence_transformers.json`. */
export const PROMPTS_CONFIG = z.looseObject({
  prompts: z.looseObject({ s2p_query: z.string().optional(), s2s_query: z.string().optional() }).nullish(),
})

/** `sentence_bert_config.json`. */
export const SENTENCE_CONFIG = z.looseObject({ max_seq_length: SIZE.nullish() })
