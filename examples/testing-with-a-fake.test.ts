/**
 * Tests of your own code, without a model: the fake pool is a real pool with another engine. The queue, the limits, the
 * errors and the events are those of production; there is no native code, no thread, no file and no request.
 *
 *     npx tsx --test examples/testing-with-a-fake.test.ts
 *
 * Under vitest or jest it is the same, with their `test` and `expect`.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'

import { cosineSimilarity, isStellaError } from 'stella-pool'
import type { EmbeddingPool } from 'stella-pool'
import { createFakePool } from 'stella-pool/testing'

/** The code under test takes its pool as an argument. That is all it needs to be testable. */
async function nearest(pool: EmbeddingPool, query: string, texts: readonly string[]): Promise<string | undefined> {
  const { embedding } = await pool.embed('stella-nano', query, { task: 's2s_query' })
  const { embeddings } = await pool.batchEmbed('stella-nano', texts, { task: 's2s_query' })
  const scores = embeddings.map((candidate) => cosineSimilarity(embedding, candidate))
  return texts[scores.indexOf(Math.max(...scores))]
}

/** Tries again for as long as the pool says that there is no room. */
async function embedPatiently(pool: EmbeddingPool, text: string): Promise<Float32Array> {
  for (;;) {
    try {
      return (await pool.embed('stella-nano', text)).embedding
    } catch (error) {
      if (!isStellaError(error) || error.code !== 'OVERLOADED') throw error
      const { retryAfterMs } = error.details
      // Larger than the whole queue: waiting would not help it.
      if (typeof retryAfterMs !== 'number') throw error
      await sleep(retryAfterMs)
    }
  }
}

await test('finds the text that shares most words', async () => {
  // Texts that share words are closer than texts that do not; apart from that the vectors mean nothing. The same text has
  // the same vector in every run, so that a test may compare with what it saw before.
  await using pool = await createFakePool({ memory: '4GB' })
  const texts = ['rain is forecast', 'the grey cat sleeps', 'a harbour with boats']
  assert.equal(await nearest(pool, 'where does the cat sleep', texts), 'the grey cat sleeps')
})

await test('a call that finds the queue full waits and comes again', async () => {
  await using pool = await createFakePool({ memory: '4GB', workers: 1, queue: { texts: 2 }, fake: { latencyMs: 20 } })
  let refused = 0
  pool.on('requestRejected', () => refused++)

  const texts = ['one', 'two', 'three', 'four', 'five']
  const vectors = await Promise.all(texts.map((text) => embedPatiently(pool, text)))

  assert.deepEqual(
    vectors.map(({ length }) => length),
    [256, 256, 256, 256, 256],
  )
  assert.ok(refused >= 3)
})

await test('a text that cannot be embedded fails its own call, and no other', async () => {
  await using pool = await createFakePool({ memory: '4GB' })
  pool.fake.failText('poison')
  const [good, bad] = await Promise.allSettled([embedPatiently(pool, 'bread'), embedPatiently(pool, 'poison')])
  assert.equal(good.status, 'fulfilled')
  assert.ok(bad.status === 'rejected' && isStellaError(bad.reason) && bad.reason.code === 'INTERNAL')
})

await test('the loss of a worker costs no call', async () => {
  await using pool = await createFakePool({ memory: '4GB', fake: { latencyMs: 20 } })
  await pool.preload('stella-nano')
  const call = embedPatiently(pool, 'bread')
  pool.fake.loseWorker('stella-nano')
  assert.equal((await call).length, 256)
})
