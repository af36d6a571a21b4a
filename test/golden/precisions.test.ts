/** Quantised vectors against the goldens, and what the manifest says of them against what the loaded model gives. */
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import type { StellaModelInfo } from '../../registry/types.js'
import { probeTexts } from '../../src/convert/calibration/probe-texts.js'
import { measureFidelity } from '../../src/convert/fidelity.js'
import type { Precision } from '../../src/convert/recipe.js'
import { readManifest } from '../../src/files/manifest.js'
import { LoadedStellaModel } from '../../src/inference/loaded-stella-model.js'
import type { GoldenFile } from '../support/goldens.js'
import { goldenModels, idsOf } from '../support/goldens.js'
import { temporaryFolder } from '../support/temp-folder.js'
import { cosine } from './golden-file.js'

/**
 * Lowest cosine with a vector of the reference engines. The tiny models are as hard to quantise as models get: rows of 48
 * to 96 inputs average little noise away, and their layers are loud. Found: 0.9974 (int8) and 0.904 (int4).
 */
const MIN_COSINE = { int8: 0.995, int4: 0.87 } as const

/** The conversion measures in runs and in one process, the test text by text. */
const FIGURES_OFF = 1e-4

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const MODELS = await goldenModels()

describe.each(MODELS)('$name', ({ name, info, files }) => {
  const home = join(temporary.path, name)
  const load = (precision: Precision) => LoadedStellaModel.load(info, { home, precision, threads: 1 })

  it.each(['int8', 'int4'] as const)('in %s stays near every golden', async (precision) => {
    await using model = await load(precision)
    const lowest = await lowestCosine(model, info, files)
    expect(lowest).toBeGreaterThanOrEqual(MIN_COSINE[precision])
  })

  it('agrees with fp32 on the probe texts as well as its manifest says', async () => {
    const texts = probeTexts()
    await using reference = await load('fp32')
    const expected = await probeVectors(reference, info)
    for (const precision of ['int8', 'int4'] as const) {
      await using model = await load(precision)
      const manifest = await readManifest(model.artefact)
      const measured = measureFidelity(expected, await probeVectors(model, info), texts.length)
      expect(manifest?.fidelity?.dimensions).toBe(info.defaultDimensions)
      for (const figure of ['minCosine', 'meanCosine'] as const) {
        const said = manifest?.fidelity?.[figure] ?? NaN
        expect(Math.abs(said - measured[figure]), `${precision} ${figure}`).toBeLessThanOrEqual(FIGURES_OFF)
      }
      expect(manifest?.fidelity).toMatchObject({ texts: measured.texts, worstText: measured.worstText })
      expect(Object.keys(manifest?.sites ?? {})).toHaveLength(4 * info.architecture.layers)
    }
  })
})

async function lowestCosine(
  model: LoadedStellaModel,
  info: StellaModelInfo,
  files: readonly GoldenFile[],
): Promise<number> {
  let lowest = 1
  for (const golden of files.flatMap(({ cases }) => cases)) {
    const options = { dimensions: golden.dimensions, maxLength: info.tokens.max }
    const { embedding } = await model.embed(idsOf(golden), options)
    lowest = Math.min(lowest, cosine(embedding, golden.embedding))
  }
  return lowest
}

/** Vectors of the probe texts, each under its task; without a prompt where the model has none. */
async function probeVectors(model: LoadedStellaModel, info: StellaModelInfo): Promise<Float32Array> {
  const rows: Float32Array[] = []
  for (const { task, text } of probeTexts()) {
    const known = info.prompts[task] === null ? 'document' : task
    rows.push((await model.embed(text, { task: known })).embedding)
  }
  const slab = new Float32Array(rows.length * info.defaultDimensions)
  rows.forEach((row, index) => {
    slab.set(row, index * info.defaultDimensions)
  })
  return slab
}
