/**
 * Evaluate: how near is each text that a system wrote to the one that it should have written? Twice, with two prompts.
 *
 *     npx tsx examples/evaluate-pairs.ts examples/pairs.jsonl
 *
 * Each line of the file is an object with `id`, `groundTruth` and `prediction`; a .csv file with such columns does as well.
 */
import { fileURLToPath } from 'node:url'

import { StellaEvaluator, isStellaError, readPairs } from 'stella-pool'
import type { TextPair } from 'stella-pool'

const MODEL = process.env.STELLA_MODEL ?? 'stella-nano'

/** The pairs of a file as they are asked for. A line that holds none is told; the others are still compared. */
async function* pairsOf(path: string): AsyncGenerator<TextPair, void, void> {
  for await (const row of readPairs(path)) {
    if (row.kind === 'pair') yield row.pair
    else console.log(`${row.result.id}: no score, ${row.result.error?.detail ?? 'for no reason given'}`)
  }
}

async function evaluate(evaluator: StellaEvaluator, path: string, promptType: string): Promise<void> {
  console.log(`with the prompt ${promptType}:`)
  const results = evaluator.evaluateBatch(pairsOf(path), {
    promptType,
    onProgress: ({ done, failed }) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} pairs, ${failed} failed `)
    },
  })
  // A stream: results come as pairs are read, so that neither the file nor the results need to fit into memory.
  for await (const { id, success, similarityScore, error } of results) {
    // A pair that cannot be compared fails alone, and has no score: none is made up for it.
    if (!success || similarityScore === null)
      console.log(`  ${id}: no score, ${error?.detail ?? 'for no reason given'}`)
    else console.log(`  ${similarityScore.normalizedCosine.toFixed(4)}  ${id}`)
  }
}

async function main(path: string): Promise<void> {
  const evaluator = new StellaEvaluator({
    model: MODEL,
    maxLength: 512,
    promptType: 's2s', // "retrieve semantically similar text", as the model was trained for two texts side by side
    // Prompts of your own by name. This one asks for what texts of like words differ in; whether that spreads the scores
    // of your texts further apart is for your own pairs to tell.
    prompts: { discriminative: 'Instruct: Distinguish texts that differ in what they state.\nQuery: ' },
  })
  try {
    await evaluator.initialize()
    await evaluate(evaluator, path, 's2s')
    await evaluate(evaluator, path, 'discriminative')

    const single = await evaluator.evaluateSingle('A cat sleeps.', 'A cat sleeps.', 'the same text')
    console.log(`${single.id}: ${single.similarityScore?.normalizedCosine.toFixed(4) ?? 'no score'}`)

    const { pairs, failed, scores, tokens } = evaluator.getStats()
    console.log(`${pairs} pairs, ${failed} failed, mean ${scores?.mean.toFixed(4) ?? 'unknown'}, ${tokens} tokens`)
  } finally {
    await evaluator.cleanup()
  }
}

try {
  await main(process.argv[2] ?? fileURLToPath(new URL('pairs.jsonl', import.meta.url)))
} catch (error) {
  if (!isStellaError(error)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
}
