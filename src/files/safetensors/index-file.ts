/**
 * Parses `model.safetensors.index.json`, which says in which shard each tensor of a large checkpoint lies.
 * Reads no file; the bytes are handed in, and are trusted in nothing.
 */
import { isPlainFileName } from '../plain-name.js'
import { MAX_TENSOR_NAME_LENGTH, MAX_TENSORS, type TensorEntry } from './header.js'
import { clip, describe, quote } from '../../show.js'
import { checkpointInvalid } from './invalid.js'
import { isJsonObject, parseJsonObject } from './json.js'

/** Largest index accepted, in bytes: 128 for each of {@link MAX_TENSORS}. */
export const MAX_INDEX_BYTES = 2 * 1024 * 1024

/** Most shards of one checkpoint; each is a file held open. The 405-billion-parameter Llama has 191. */
export const MAX_SHARDS = 256

/** A checked index. */
export interface SafetensorsIndex {
  /** Shard of each tensor. */
  readonly shardOf: ReadonlyMap<string, string>
  /** File names, sorted, each a plain name in the index's folder. */
  readonly shards: readonly string[]
}

/**
 * Parses an index. Its `metadata` is free text and is not looked at.
 *
 * @param bytes - the whole file; the caller holds it to {@link MAX_INDEX_BYTES}.
 * @param file - name for messages.
 * @throws {StellaError} CHECKPOINT_INVALID naming the index and, where one is at fault, the tensor.
 */
export function parseSafetensorsIndex(bytes: Uint8Array, file: string): SafetensorsIndex {
  const { weight_map: weightMap } = parseJsonObject(bytes, 'content', file)
  if (!isJsonObject(weightMap)) {
    throw checkpointInvalid(
      `"weight_map" of ${file} is ${describe(weightMap)}; expected an object of tensor name to file name`,
      { file },
    )
  }
  const members = Object.entries(weightMap)
  if (members.length === 0 || members.length > MAX_TENSORS) {
    throw checkpointInvalid(`${file} lists ${members.length} tensors; expected 1 to ${MAX_TENSORS}`, {
      file,
      limit: MAX_TENSORS,
    })
  }
  const shardOf = new Map<string, string>()
  for (const [name, shard] of members) {
    if (name.length > MAX_TENSOR_NAME_LENGTH) {
      throw checkpointInvalid(
        `Tensor ${quote(name)} in ${file} has a name of ${name.length} characters; ` +
          `at most ${MAX_TENSOR_NAME_LENGTH} are accepted`,
        { file, tensor: clip(name) },
      )
    }
    if (typeof shard !== 'string' || !isPlainFileName(shard)) {
      throw checkpointInvalid(
        `Tensor ${quote(name)} in ${file} lies in ${describe(shard)}; expected the plain name of a file beside the index`,
        { file, tensor: name },
      )
    }
    shardOf.set(name, shard)
  }
  const shards = [...new Set(shardOf.values())].sort()
  if (shards.length > MAX_SHARDS) {
    throw checkpointInvalid(`${file} names ${shards.length} shards; at most ${MAX_SHARDS} are accepted`, {
      file,
      limit: MAX_SHARDS,
    })
  }
  return { shardOf, shards }
}

/**
 * Checks that shards hold what the index says: each listed tensor in its shard and in no other. A tensor that a shard
 * holds and the index leaves out is let through, as Hugging Face's own loaders do.
 *
 * @param entries - every tensor found in the shards, by name.
 * @param file - the index, for messages.
 * @throws {StellaError} CHECKPOINT_INVALID naming the tensor and both files.
 */
export function requireIndexMatches(
  { shardOf }: SafetensorsIndex,
  entries: ReadonlyMap<string, TensorEntry>,
  file: string,
): void {
  for (const [name, shard] of shardOf) {
    const found = entries.get(name)?.file
    if (found === shard) continue
    const where = found === undefined ? 'is in no shard' : `is in ${found}`
    throw checkpointInvalid(`Tensor ${quote(name)} should be in ${shard} by ${file}, but ${where}`, {
      file: shard,
      tensor: name,
      index: file,
      found,
    })
  }
}
