/** Reads `config.json` into the numbers of an architecture, and refuses what the converter would get wrong. */
import { join } from 'node:path'

import type { ArchitectureInfo, RopeInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import { readJsonFile } from '../files/json-file.js'
import { clip, describe } from '../show.js'
import type { ModelConfig } from './checkpoint-schemas.js'
import { MODEL_CONFIG } from './checkpoint-schemas.js'

const FILE = 'config.json'

/**
 * The architecture of the checkpoint in `folder`.
 *
 * @throws {StellaError} CHECKPOINT_INVALID naming the key, its value, and what is supported.
 */
export async function architectureFrom(folder: string): Promise<ArchitectureInfo> {
  const config = await readJsonFile(join(folder, FILE), MODEL_CONFIG, { code: 'CHECKPOINT_INVALID', label: FILE })
  if (config === undefined) {
    throw new StellaError(
      'CHECKPOINT_INVALID',
      `${folder} holds no ${FILE}; expected a folder in the Hugging Face layout`,
      {
        details: { folder, file: FILE },
      },
    )
  }
  const refuse = (key: string, value: unknown, supported: string): never => {
    throw new StellaError('CHECKPOINT_INVALID', `${FILE}: \`${key}\` is ${show(value)}; supported: ${supported}`, {
      details: { folder, file: FILE, key },
    })
  }
  const want = (key: keyof ModelConfig, ...accepted: readonly unknown[]): void => {
    const value = config[key]
    if (!accepted.includes(value ?? null)) refuse(key, value, accepted.map((item) => JSON.stringify(item)).join(', '))
  }
  // What multiplies such weights would be left out, and its name is another in each way of quantising.
  const quantised = config.quantization_config ?? null
  if (quantised !== null) refuse('quantization_config', quantised, 'none; save the checkpoint in bf16, without it')
  const shared = shape(config, refuse)
  switch (config.model_type) {
    case 'new':
      want('hidden_act', 'gelu')
      want('position_embedding_type', 'rope')
      want('layer_norm_type', 'layer_norm', null)
      want('pack_qkv', true, null)
      want('logn_attention_scale', false, null)
      want('logn_attention_clip1', false, null)
      want('num_key_value_heads', shared.heads, null)
      return {
        kind: 'new',
        ...shared,
        // Row 0 is always added: without a table there is nothing to add.
        tokenTypes: config.type_vocab_size || refuse('type_vocab_size', config.type_vocab_size, 'at least 1'),
        normEpsilon: config.layer_norm_eps ?? refuse('layer_norm_eps', config.layer_norm_eps, 'a positive number'),
        rope: rope(config, refuse),
      }
    case 'qwen2': {
      want('hidden_act', 'silu')
      want('use_sliding_window', false, null)
      want('is_causal', false, null)
      const kvHeads = config.num_key_value_heads ?? shared.heads
      if (shared.heads % kvHeads !== 0) refuse('num_key_value_heads', kvHeads, `a divisor of ${shared.heads}`)
      return {
        kind: 'qwen2',
        ...shared,
        kvHeads,
        normEpsilon: config.rms_norm_eps ?? refuse('rms_norm_eps', config.rms_norm_eps, 'a positive number'),
        rope: rope(config, refuse),
      }
    }
    default:
      return refuse('model_type', config.model_type, '"new", "qwen2"')
  }
}

type Refuse = (key: string, value: unknown, supported: string) => never

function show(value: unknown): string {
  if (value === undefined) return 'missing'
  try {
    return clip(JSON.stringify(value))
  } catch {
    // The file may nest deeper than the stack allows.
    return describe(value)
  }
}

function shape(config: ModelConfig, refuse: Refuse) {
  const heads = config.num_attention_heads
  const headDim = config.head_dim ?? config.hidden_size / heads
  if (!Number.isInteger(headDim)) refuse('num_attention_heads', heads, `a divisor of hidden_size ${config.hidden_size}`)
  if (headDim % 2 !== 0) refuse('head_dim', headDim, 'an even number, as rotary positions need')
  return {
    layers: config.num_hidden_layers,
    hidden: config.hidden_size,
    intermediate: config.intermediate_size,
    heads,
    headDim,
    vocab: config.vocab_size,
    maxPositions: config.max_position_embeddings,
  }
}

function rope(config: ModelConfig, refuse: Refuse): RopeInfo {
  const theta = config.rope_theta ?? config.rope_parameters?.rope_theta
  if (theta === undefined) return refuse('rope_theta', config.rope_theta, 'a positive number')
  const scaling = config.rope_scaling ?? config.rope_parameters
  // transformers 5 writes `rope_parameters` for plain positions too; a `rope_scaling` is there to scale.
  const plain = config.rope_scaling === undefined || config.rope_scaling === null ? 'default' : undefined
  const type = scaling?.type ?? scaling?.rope_type ?? plain
  if (type === 'default') return { theta, ntkFactor: null, ntkMixedB: null }
  const factor = config.rope_scaling?.factor
  if (type !== 'ntk' || config.model_type !== 'new' || factor === undefined) {
    return refuse('rope_scaling', scaling, 'none, or for `new` {"type":"ntk","factor":…}')
  }
  return { theta, ntkFactor: factor, ntkMixedB: config.rope_scaling?.mixed_b ?? null }
}
