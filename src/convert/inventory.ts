/** Which tensors a checkpoint of an architecture holds, and the check that a checkpoint holds just those. */
import type { ArchitectureInfo, NewArchitecture, Qwen2Architecture } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import type { TensorReader } from '../files/safetensors.js'
import { tensorsRefused } from './tensors-refused.js'

/** Tensor shapes by name, without the checkpoint's prefix. */
export type Inventory = ReadonlyMap<string, readonly number[]>

/** Prefixes that re-saves of these models carry; the first that fits is used. */
const PREFIXES = ['new.', 'model.', ''] as const

/** Tensors that may be present and are not used: the untrained pooler, a language model head, position buffers. */
const UNUSED = [/^pooler\.dense\.(weight|bias)$/, /^lm_head\.weight$/, /(^|\.)rotary_emb\.inv_freq$/, /\.position_ids$/]

/** The tensors the architecture is made of. */
export function inventoryOf(architecture: ArchitectureInfo): Inventory {
  return new Map(architecture.kind === 'new' ? newTensors(architecture) : qwen2Tensors(architecture))
}

/**
 * Checks names and shapes, and returns the prefix the checkpoint's names carry.
 *
 * @throws {StellaError} CHECKPOINT_INVALID naming each missing, surplus or misshapen tensor and its file.
 */
export function checkInventory(reader: TensorReader, architecture: ArchitectureInfo): string {
  const expected = inventoryOf(architecture)
  const prefix = findPrefix(reader, expected)
  const missing: string[] = []
  for (const [name, shape] of expected) {
    const entry = reader.entry(prefix + name)
    if (entry === undefined) missing.push(prefix + name)
    else if (entry.shape.length !== shape.length || entry.shape.some((size, axis) => size !== shape[axis])) {
      throw new StellaError(
        'CHECKPOINT_INVALID',
        `${entry.file}: tensor ${prefix}${name} has shape [${entry.shape.join(', ')}]; ` +
          `config.json implies [${shape.join(', ')}]`,
        { details: { file: entry.file, tensor: prefix + name, shape: entry.shape, expected: shape } },
      )
    }
  }
  if (missing.length > 0) throw tensorsRefused('misses', missing, reader)
  const surplus = [...reader.names()].filter((name) => {
    const prefixed = name.startsWith(prefix)
    const bare = prefixed ? name.slice(prefix.length) : name
    // A second copy under another prefix is surplus: nobody could say which of the two was meant.
    return !(prefixed && expected.has(bare)) && !UNUSED.some((pattern) => pattern.test(bare))
  })
  if (surplus.length > 0)
    throw tensorsRefused(`of architecture \`${architecture.kind}\` has no place for`, surplus, reader)
  return prefix
}

function findPrefix(reader: TensorReader, expected: Inventory): string {
  const [first] = expected.keys()
  const prefix = PREFIXES.find((candidate) => reader.has(candidate + (first ?? '')))
  if (prefix !== undefined) return prefix
  throw tensorsRefused('misses, with any of the prefixes `new.`, `model.` or none,', [first ?? ''], reader)
}

function* newTensors(architecture: NewArchitecture): Generator<[string, readonly number[]]> {
  const { layers, hidden, intermediate, heads, headDim, vocab, tokenTypes } = architecture
  const attended = heads * headDim
  yield ['embeddings.word_embeddings.weight', [vocab, hidden]]
  yield ['embeddings.token_type_embeddings.weight', [tokenTypes, hidden]]
  yield* norm('embeddings.LayerNorm', hidden)
  for (let layer = 0; layer < layers; layer++) {
    const at = `encoder.layer.${layer}`
    yield* biased(`${at}.attention.qkv_proj`, 3 * attended, hidden)
    yield* biased(`${at}.attention.o_proj`, hidden, attended)
    yield [`${at}.mlp.up_gate_proj.weight`, [2 * intermediate, hidden]]
    yield* biased(`${at}.mlp.down_proj`, hidden, intermediate)
    yield* norm(`${at}.attn_ln`, hidden)
    yield* norm(`${at}.mlp_ln`, hidden)
  }
}

function* qwen2Tensors(architecture: Qwen2Architecture): Generator<[string, readonly number[]]> {
  const { layers, hidden, intermediate, heads, kvHeads, headDim, vocab } = architecture
  yield ['embed_tokens.weight', [vocab, hidden]]
  for (let layer = 0; layer < layers; layer++) {
    const at = `layers.${layer}`
    yield [`${at}.input_layernorm.weight`, [hidden]]
    yield* biased(`${at}.self_attn.q_proj`, heads * headDim, hidden)
    yield* biased(`${at}.self_attn.k_proj`, kvHeads * headDim, hidden)
    yield* biased(`${at}.self_attn.v_proj`, kvHeads * headDim, hidden)
    yield [`${at}.self_attn.o_proj.weight`, [hidden, heads * headDim]]
    yield [`${at}.post_attention_layernorm.weight`, [hidden]]
    yield [`${at}.mlp.gate_proj.weight`, [intermediate, hidden]]
    yield [`${at}.mlp.up_proj.weight`, [intermediate, hidden]]
    yield [`${at}.mlp.down_proj.weight`, [hidden, intermediate]]
  }
  yield ['norm.weight', [hidden]]
}

function* biased(name: string, rows: number, columns: number): Generator<[string, readonly number[]]> {
  yield [`${name}.weight`, [rows, columns]]
  yield [`${name}.bias`, [rows]]
}

function* norm(name: string, size: number): Generator<[string, readonly number[]]> {
  yield [`${name}.weight`, [size]]
  yield [`${name}.bias`, [size]]
}
