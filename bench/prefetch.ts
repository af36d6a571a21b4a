/**
 * What a second batch in the worker's thread is worth: tokens a second with two there against one, which is the time
 * that an answer takes through the main thread and back. With a main thread that is free, and with one that is blocked for
 * stretches, as an application's is. Both take turns on one worker of the embedded model.
 *
 *   npx tsc -p tsconfig.json && npx tsx bench/prefetch.ts [rounds]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { STELLA_NANO } from '../registry/index.js'
import { prepareArtefact } from '../src/convert/prepare.js'
import { packTexts } from '../src/packed/packing.js'
import { EmbeddingWorker } from '../src/pool/embedding-worker.js'
import { someIds } from './support/shapes.js'
import { median, pairedRatio, takeTurns } from './support/statistics.js'

/** Tokens of a batch, in texts of 8 and of 64. */
const BATCHES = [
  { texts: 1, tokens: 8 },
  { texts: 1, tokens: 64 },
  { texts: 8, tokens: 64 },
  { texts: 64, tokens: 64 },
] as const

/** Tokens of one turn: as many batches as that makes, and some at least. */
const TURN_TOKENS = 8192
const MIN_BATCHES = 20
const MAX_BATCHES = 200

/** Length of a stretch in which the main thread does something else, in milliseconds; 0: none. */
const BLOCKED_MS = [0, 20] as const

const VARIANT = { dimensions: STELLA_NANO.defaultDimensions, normalize: true }

/** Blocks this thread for stretches, with one turn of the event loop between two. */
function blocking(ms: number): () => void {
  if (ms === 0) return () => undefined
  const timer = setInterval(() => {
    const until = performance.now() + ms
    while (performance.now() < until);
  }, 1)
  return () => {
    clearInterval(timer)
  }
}

/** Runs batches, so many at once, and gives the tokens a second. */
async function rate(
  worker: EmbeddingWorker,
  { texts, tokens }: (typeof BATCHES)[number],
  atOnce: number,
  blockedMs: number,
): Promise<number> {
  const lengths = Array.from({ length: texts }, () => tokens)
  const count = Math.min(MAX_BATCHES, Math.max(MIN_BATCHES, TURN_TOKENS / (texts * tokens)))
  const waiting = Array.from({ length: count }, () => packTexts(someIds({ lengths }, STELLA_NANO.architecture.vocab)))
  const release = blocking(blockedMs)
  const started = performance.now()
  const hand = async (): Promise<void> => {
    for (let batch = waiting.pop(); batch !== undefined; batch = waiting.pop()) await worker.run(batch, VARIANT)
  }
  await Promise.all(Array.from({ length: atOnce }, hand))
  const seconds = (performance.now() - started) / 1000
  release()
  return (count * texts * tokens) / seconds
}

const rounds = Number(process.argv[2] ?? 9)
const home = await mkdtemp(join(tmpdir(), 'stella-prefetch-'))
try {
  const { folder, manifest } = await prepareArtefact(STELLA_NANO, { home })
  const setup = { artefact: folder, fingerprint: manifest.fingerprint, threads: 1, sharedWeights: false }
  const worker = new EmbeddingWorker(STELLA_NANO, setup, {
    onLost: (error) => {
      throw error
    },
  })
  await worker.start()
  console.log('| texts × tokens | main thread blocked | tokens/s, 1 batch | tokens/s, 2 batches | ratio (quartiles) |')
  console.log('|---|---|---|---|---|')
  for (const blockedMs of BLOCKED_MS) {
    for (const batch of BATCHES) {
      const [one = [], two = []] = await takeTurns(
        [() => rate(worker, batch, 1, blockedMs), () => rate(worker, batch, 2, blockedMs)],
        rounds,
      )
      const { median: ratio, low, high } = pairedRatio(two, one)
      const cells = [`${batch.texts} × ${batch.tokens}`, blockedMs === 0 ? 'no' : `${blockedMs} ms at a time`]
      const rates = [one, two].map((rates) => median(rates).toFixed(0))
      const figures = `${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
      console.log(`| ${[...cells, ...rates, figures].join(' | ')} |`)
    }
  }
  await worker.stop()
} finally {
  await rm(home, { recursive: true, force: true })
}
