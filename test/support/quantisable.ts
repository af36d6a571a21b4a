/** Tiny models that a conversion takes for large ones: `auto` tries int8 on them. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'

import type { StellaModelInfo } from '../../registry/types.js'
import { textsFor } from '../../src/convert/calibration/task-text.js'
import { describeCheckpoint } from '../../src/convert/describe-checkpoint.js'
import { CHECKPOINT_SPECS } from '../../tools/checkpoints/specs.js'
import { makeTiny } from './tiny-checkpoint.js'

/** Parameters of a model that `auto` quantises. */
const MANY = 10_000_000

/** Fewer texts than the package's own, so that a conversion takes less of a test's time. */
export const FEW_TEXTS = textsFor(
  'document',
  ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((letter) => `${letter} quick brown fox over the lazy dog `.repeat(6)),
)

/** Claims to be large. */
export function asLarge(info: StellaModelInfo): StellaModelInfo {
  return { ...info, parameters: { ...info.parameters, layers: MANY } }
}

/** A model that int8 is faithful to. */
export async function calmModel(parent: string, key: string): Promise<StellaModelInfo> {
  const { architecture, tokenizer } = CHECKPOINT_SPECS['new-tiny']
  const { weights } = CHECKPOINT_SPECS['random-nano']
  const changes = { weights, architecture, tokenizer }
  return asLarge(await describeCheckpoint(await makeTiny(parent, 'new-tiny', changes), { key }))
}

/** A model whose layers blow any rounding up: int8 of it may not even be loaded. */
export async function hardModel(parent: string, key: string): Promise<StellaModelInfo> {
  const { weights, architecture } = CHECKPOINT_SPECS['new-tiny']
  const changes = {
    weights: { ...weights, attentionGain: 9, branchGain: 5 },
    architecture: { ...architecture, layers: 2 },
  }
  return asLarge(await describeCheckpoint(await makeTiny(parent, 'new-tiny', changes), { key }))
}

/** Overwrites one element of a float32 tensor in the checkpoint. */
export async function setElement(folder: string, tensor: string, index: number, value: number): Promise<void> {
  const file = await open(join(folder, 'model.safetensors'), 'r+')
  try {
    const field = Buffer.alloc(8)
    await file.read(field, 0, 8, 0)
    const header = Buffer.alloc(Number(field.readBigUInt64LE()))
    await file.read(header, 0, header.length, 8)
    const entries = JSON.parse(header.toString('utf8')) as Record<
      string,
      { dtype: string; data_offsets: [number, number] }
    >
    const entry = entries[tensor]
    if (entry?.dtype !== 'F32') throw new Error(`${folder} has no float32 tensor ${tensor}`)
    const bytes = Buffer.alloc(4)
    bytes.writeFloatLE(value)
    await file.write(bytes, 0, 4, 8 + header.length + entry.data_offsets[0] + 4 * index)
  } finally {
    await file.close()
  }
}
