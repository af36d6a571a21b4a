/**
 * How far the vectors are from the reference engines': one row per checkpoint and golden file.
 *
 *   npm run bench:goldens
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { LoadedStellaModel } from '../src/inference/loaded-stella-model.js'
import { cosine, maxAbs } from '../test/golden/golden-file.js'
import type { GoldenFile } from '../test/support/goldens.js'
import { goldenModels, idsOf } from '../test/support/goldens.js'

const home = await mkdtemp(join(tmpdir(), 'stella-pool-goldens-'))
try {
  console.log('| goldens | vectors | largest absolute error | smallest cosine | largest difference alone to batch |')
  console.log('|---|---|---|---|---|')
  for (const { info, files } of await goldenModels()) {
    await using model = await LoadedStellaModel.load(info, { home })
    for (const file of files) console.log(await row(model, file))
  }
} finally {
  await rm(home, { recursive: true, force: true })
}

async function row(model: LoadedStellaModel, { file, cases: goldens }: GoldenFile): Promise<string> {
  let worst = 0
  let lowest = 1
  let dependence = 0
  for (const dimensions of new Set(goldens.map((golden) => golden.dimensions))) {
    const group = goldens.filter((golden) => golden.dimensions === dimensions)
    const options = { dimensions, maxLength: model.info.tokens.max }
    const together = await model.batchEmbed(group.map(idsOf), options)
    for (const [index, golden] of group.entries()) {
      const { embedding } = await model.embed(idsOf(golden), options)
      worst = Math.max(worst, maxAbs(embedding, golden.embedding))
      lowest = Math.min(lowest, cosine(embedding, golden.embedding))
      dependence = Math.max(dependence, maxAbs(embedding, together.embeddings[index] ?? new Float32Array()))
    }
  }
  const figures = [worst.toExponential(1), lowest.toFixed(9), dependence.toExponential(1)]
  return `| ${file.replace('.json', '')} | ${goldens.length} | ${figures.join(' | ')} |`
}
