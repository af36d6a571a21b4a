/**
 * Embed: open a pool, turn a question and some documents into vectors, and see which document is nearest.
 *
 *     npx tsx examples/embed.ts "how do I relax?"
 */
import { EmbeddingPool, cosineSimilarity, getModel, isStellaError } from 'stella-pool'

// The model that ships with the package is good enough to try things. After `npx stella pull stella-en-400m-v5`,
// STELLA_MODEL=stella-en-400m-v5 runs the real thing.
const MODEL = process.env.STELLA_MODEL ?? 'stella-nano'

const DOCUMENTS = [
  'Slow, deep breaths calm the body within minutes.',
  'The harbour was built in 1874 and enlarged twice.',
  'A walk without a telephone rests the mind.',
]

async function main(question: string): Promise<void> {
  // Loads nothing yet. Memory is reserved for the longest text that a call may ask for: 512 tokens are a page.
  // `await using` closes the pool however this function ends; in JavaScript see plain-javascript.js.
  await using pool = await EmbeddingPool.open({ maxLength: 512 })

  // The first call loads the model, which stays warm in threads of its own. Every head of the model is at hand in each
  // call: 256 dimensions now and 512 in the next need no second load.
  for (const { dimensions } of getModel(MODEL).heads.slice(0, 2)) {
    // A question carries the model's prompt for its task. What is searched carries none.
    const query = await pool.embed(MODEL, question, { task: 's2p_query', dimensions })
    const documents = await pool.batchEmbed(MODEL, DOCUMENTS, { task: 'document', dimensions })

    console.log(`${MODEL}, ${query.dimensions} dimensions, ${query.usage.tokens + documents.usage.tokens} tokens`)
    // A text beyond maxLength is cut, and never silently.
    if (query.truncated) console.log('the question was cut')

    const ranked = documents.embeddings
      .map((embedding, index) => ({ text: DOCUMENTS[index], score: cosineSimilarity(query.embedding, embedding) }))
      .sort((a, b) => b.score - a.score)
    for (const { text, score } of ranked) console.log(`  ${score.toFixed(4)}  ${text}`)
  }

  const [model] = pool.stats().models
  if (model !== undefined)
    console.log(`${model.texts} texts, loaded once, in ${model.precision} on ${model.workers} worker(s)`)
}

try {
  await main(process.argv[2] ?? 'how do I relax?')
} catch (error) {
  // Every failure of the library has a code that stays the same and a message that says what to do about it.
  if (!isStellaError(error)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
}
