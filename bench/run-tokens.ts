/**
 * Tokens per second by tokens in a run, with texts of 64 tokens, in each precision: where to cut batches.
 *
 *   npm run bench:run-tokens -- [model] [folder] [precision,precision]
 */
import type { Precision } from '../src/convert/recipe.js'
import { PRECISIONS } from '../src/convert/recipe.js'
import { LoadedStellaModel } from '../src/inference/loaded-stella-model.js'
import { interleaved, someTexts, standIn } from './stand-in.js'

const TEXT_TOKENS = 64
const TEXTS = [1, 2, 4, 8, 16, 32]
const ROUNDS = 5

const [name = 'stella-en-400m-v5', folder, precisions = 'fp32,int8,int4'] = process.argv.slice(2)
const { info, home } = await standIn(name, folder)
const options = { dimensions: info.defaultDimensions, normalize: true }
const batches = TEXTS.map((texts) => someTexts(Array.from({ length: texts }, () => TEXT_TOKENS)))

console.log('| precision | tokens in a run | tokens/s | share of the best |\n|---|---|---|---|')
for (const precision of PRECISIONS.filter((name) => precisions.split(',').includes(name))) await measure(precision)

async function measure(precision: Precision): Promise<void> {
  await using model = await LoadedStellaModel.load(info, { home, precision, tokenizer: false })
  const times = await interleaved(
    batches.map((batch) => () => model.embedTokens(batch, options)),
    ROUNDS,
  )
  const rates = times.map((ms, index) => ((TEXTS[index] ?? 0) * TEXT_TOKENS * 1000) / ms)
  const best = Math.max(...rates)
  for (const [index, rate] of rates.entries()) {
    const tokens = (TEXTS[index] ?? 0) * TEXT_TOKENS
    console.log(`| ${precision} | ${tokens} | ${rate.toFixed(0)} | ${(rate / best).toFixed(2)} |`)
  }
}
