/**
 * JavaScript without a compiler. `await using` is syntax that Node 20 and 22 do not have: close the pool in a `finally`.
 *
 *     node examples/plain-javascript.js
 */
import { EmbeddingPool, cosineSimilarity, isStellaError } from 'stella-pool'

const MODEL = process.env.STELLA_MODEL ?? 'stella-nano'

const pool = await EmbeddingPool.open({ maxLength: 512 })
try {
  // One call for many texts: all of them, or an error that says which text was wrong.
  const { embeddings } = await pool.batchEmbed(MODEL, ['a cat sleeps', 'a cat sleeps', 'rain is forecast'], {
    task: 's2s_query',
  })
  const [cat, sameCat, rain] = embeddings
  console.log(`the same text: ${cosineSimilarity(cat, sameCat).toFixed(4)}`)
  console.log(`another text:  ${cosineSimilarity(cat, rain).toFixed(4)}`)

  // Wrong input is refused with a code; the pool goes on.
  await pool.embed(MODEL, '')
} catch (error) {
  if (!isStellaError(error) || error.code !== 'INPUT_INVALID') throw error
  console.log(`${error.code}: ${error.message}`)
} finally {
  // Serves the calls under way, then stops the threads.
  await pool.close()
}
