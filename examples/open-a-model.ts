/**
 * One model, used in one way: everything that its calls share is said once, when it is opened.
 *
 *     npx tsx examples/open-a-model.ts
 */
import { StellaModel, isStellaError } from 'stella-pool'

const MODEL = process.env.STELLA_MODEL ?? 'stella-nano'

const SUMMARIES = [
  'A man repairs a bicycle in a workshop.',
  'In a workshop, somebody mends a bike.',
  'Two children build a castle of sand.',
] as const

async function main(): Promise<void> {
  // Loads the model and embeds a word with it: once this returns, it works, and the size of its vectors is known.
  await using model = await StellaModel.open({
    model: MODEL, // or `path: './my-fine-tune'`, a folder in the Hugging Face layout
    batchSize: 16,
    maxLength: 512,
    promptType: 's2s', // two texts side by side; 's2p' is for questions
    // Prompts of your own, word for word. A call picks one by its name.
    prompts: {
      discriminative:
        'Instruct: Tell apart texts that differ in what they state, however alike their words are.\nQuery: ',
    },
    // The first use on a machine converts the model, and keeps what it made.
    onConvert: ({ state, file, done, total }) => {
      if (done === total) console.error(`${state} ${file}`)
    },
  })
  console.log(`${model.info.key}: ${model.precision} on ${model.device}, ${model.embeddingDimension} dimensions`)

  const { embeddings, tokens, truncated } = await model.encodeTexts(SUMMARIES)
  console.log(`${embeddings.length} vectors, tokens ${tokens.join(', ')}, ${truncated.filter(Boolean).length} cut`)

  const [first, second, third] = SUMMARIES
  for (const [a, b] of [
    [first, second],
    [first, third],
  ] as const) {
    for (const promptType of ['s2s', 'discriminative']) {
      // Both texts get the same prompt. Unrelated texts are near 0.5 in `normalizedCosine`, not near 0.
      const { cosineSimilarity, normalizedCosine } = await model.computeSimilarity(a, b, { promptType })
      console.log(`${promptType}: ${cosineSimilarity.toFixed(4)} (${normalizedCosine.toFixed(4)})  ${a} | ${b}`)
    }
  }

  // What cannot be compared is an error, never a score in the middle.
  await model.computeSimilarity(first, '').catch((error: unknown) => {
    if (!isStellaError(error) || error.code !== 'INPUT_INVALID') throw error
    console.log(`no score: ${error.message}`)
  })

  const { texts, similarities, failures, tokensPerSecond, loadMs } = model.stats()
  console.log(`${texts} texts, ${similarities} pairs, ${failures} failed`)
  console.error(`${Math.round(tokensPerSecond)} tokens/s, loaded in ${Math.round(loadMs)} ms`)
}

try {
  await main()
} catch (error) {
  if (!isStellaError(error)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
}
