/**
 * Makes the packed form of an artefact's backbone in a folder, and runs it beside the plain one. Blocks the thread for
 * seconds, holds a copy of the weights meanwhile, and may crash: only `workers/pack-weights.ts` calls it.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { PackCheck, PackOrder } from '../../workers/pack-protocol.js'
import { BACKBONE_FILE } from '../convert/artefact-files.js'
import { GraphSession } from '../runtime/session.js'
import { SAVED_DATA, SAVED_GRAPH, compactSavedWeights } from './compact-packed-weights.js'
import type { PackedTexts } from '../packed/packing.js'
import { runBackbone } from '../packed/run-graphs.js'

/** Where the engine saves to, inside the folder of the packed form. */
const SAVED_FOLDER = 'saved'

/** Token ids of a check text step through the table by this, so that its tokens differ. A prime. */
const ID_STEP = 7919

/** Packs, and compares the vectors of the packed form with those of the plain one. */
export async function makePackedWeights({ artefact, out, threads, vocab, runs }: PackOrder): Promise<PackCheck> {
  const texts = runs.map((lengths) => checkTexts(lengths, vocab))
  const saved = join(out, SAVED_FOLDER)
  await mkdir(saved)
  const weights = { kind: 'save', graph: join(saved, SAVED_GRAPH), data: SAVED_DATA } as const
  // The session that saves keeps its weights to itself, so it is the plain one, too.
  const expected = await vectorsOf(join(artefact, BACKBONE_FILE), { threads, weights }, texts)
  await compactSavedWeights(artefact, saved, out)
  await rm(saved, { recursive: true })
  const found = await vectorsOf(join(out, BACKBONE_FILE), { threads, weights: { kind: 'packed' } }, texts)
  return { difference: largestDifference(expected, found), vectors: runs.flat().length }
}

async function vectorsOf(
  path: string,
  options: Parameters<typeof GraphSession.open>[1],
  texts: readonly PackedTexts[],
): Promise<readonly Float32Array[]> {
  const session = await GraphSession.open(path, options)
  try {
    const slabs: Float32Array[] = []
    for (const one of texts) slabs.push(...rows(await runBackbone(session, one), one.lengths.length))
    return slabs
  } finally {
    await session.close()
  }
}

function checkTexts(lengths: readonly number[], vocab: number): PackedTexts {
  const tokens = lengths.reduce((sum, length) => sum + length, 0)
  return {
    ids: Int32Array.from({ length: tokens }, (_, index) => (index * ID_STEP) % vocab),
    lengths: Int32Array.from(lengths),
  }
}

function rows(slab: Float32Array, count: number): readonly Float32Array[] {
  const width = slab.length / count
  return Array.from({ length: count }, (_, row) => slab.subarray(row * width, (row + 1) * width))
}

/** See {@link PackCheck.difference}. */
function largestDifference(expected: readonly Float32Array[], found: readonly Float32Array[]): number | null {
  let largest = 0
  for (const [index, vector] of expected.entries()) {
    const scale = vector.reduce((most, value) => Math.max(most, Math.abs(value)), Number.MIN_VALUE)
    const other = found[index]
    for (const [place, value] of vector.entries()) {
      const difference = Math.abs(value - (other?.[place] ?? Number.NaN)) / scale
      if (!Number.isFinite(difference)) return null
      largest = Math.max(largest, difference)
    }
  }
  return largest
}
