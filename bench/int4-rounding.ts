/**
 * What error feedback gains in 4 bits: the same checkpoint rounded with it and to the nearest code, both held against
 * float32 on the probe texts.
 *
 *   npx tsx bench/int4-rounding.ts [stand-in] [folder]
 */
import { join } from 'node:path'

import { convertCheckpoint } from '../src/convert/convert.js'
import { standIn } from './stand-in.js'

const { info, folder, home } = await standIn(process.argv[2] ?? 'stella-en-400m-v5', process.argv[3])
const heads = info.heads.filter(({ dimensions }) => dimensions === info.defaultDimensions)

console.log('| rounding | lowest cosine | mean cosine | top-10 overlap | seconds |\n|---|---|---|---|---|')
for (const rounding of ['nearest', 'feedback'] as const) {
  const started = performance.now()
  const out = join(home, `int4-${rounding}`)
  const { fidelity } = await convertCheckpoint(folder, info, { precision: 'int4', heads, rounding, out })
  const seconds = (performance.now() - started) / 1000
  const figures = [fidelity?.minCosine, fidelity?.meanCosine, fidelity?.topTenOverlap].map((value) => value?.toFixed(5))
  console.log(`| ${[rounding, ...figures, seconds.toFixed(0)].join(' | ')} |`)
}
