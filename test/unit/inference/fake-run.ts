/** Runs that compute nothing but tell their texts, for tests of the way to a run and back. */
import { join } from 'node:path'

import { STELLA_NANO } from '../../../registry/index.js'
import type { BatchEmbedResult, EmbedInput, RunBatch } from '../../../src/inference/embed-texts.js'
import { embedTexts } from '../../../src/inference/embed-texts.js'
import { RUN_TOKENS } from '../../../src/packed/packing.js'
import type { BatchEmbedOptions } from '../../../src/inference/options.js'
import { resolveEmbedOptions } from '../../../src/inference/options.js'
import type { PackedTexts } from '../../../src/packed/packing.js'
import { StellaTokenizer } from '../../../src/text/tokenizer.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'

export const INFO = STELLA_NANO
export const WIDTH = INFO.defaultDimensions
export const tokenizer = await StellaTokenizer.load(join(goldenCheckpoint('new-tiny'), 'tokenizer.json'), 1008)

/** Each text's ids, cut out of a packed batch. */
export function textsOf({ ids, lengths }: PackedTexts): readonly Int32Array[] {
  let start = 0
  return Array.from(lengths, (length) => ids.subarray(start, (start += length)))
}

/** A vector that tells its text: its length, and its ids summed with their places. */
export function vectorOf(ids: Int32Array): Float32Array {
  const vector = new Float32Array(WIDTH)
  vector[0] = ids.length
  vector[1] = ids.reduce((sum, id, place) => sum + id * (place + 1), 0) % 65_536
  return vector
}

export const compute: RunBatch = (batch) => {
  const slab = new Float32Array(batch.lengths.length * WIDTH)
  for (const [row, ids] of textsOf(batch).entries()) slab.set(vectorOf(ids), row * WIDTH)
  return Promise.resolve(slab)
}

/** Embeds with a run of one's own. */
export function embed(
  inputs: readonly EmbedInput[],
  options: BatchEmbedOptions = {},
  run: RunBatch = compute,
): Promise<BatchEmbedResult> {
  return embedTexts(INFO, tokenizer, inputs, resolveEmbedOptions(INFO, options), run)
}

/** Finishes its runs when it is told to, in any order. */
export function held() {
  const waiting: {
    readonly batch: PackedTexts
    readonly finish: (slab?: Float32Array) => void
    readonly fail: (error: Error) => void
  }[] = []
  const run: RunBatch = (batch) =>
    new Promise((resolve, reject) => {
      const own = { ids: batch.ids.slice(), lengths: batch.lengths.slice() }
      waiting.push({
        batch: own,
        finish: (slab) => {
          if (slab === undefined) void compute(own).then(resolve)
          else resolve(slab)
        },
        fail: reject,
      })
    })
  return { waiting, run }
}

/** Ids that make a run of their own. */
export const fullRun = (id: number): Int32Array => new Int32Array(RUN_TOKENS).fill(id)
