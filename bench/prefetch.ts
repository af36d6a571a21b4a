/**
 * What a second batch in the worker's thread is worth: tokens a second with two there against one, which is the time
 * that an answer takes through the main thread and back. With a main thread that is free, and with one that is blocked for
 * stretches, as an application's is. Both take turns on one worker of a toy model.
 *
 *   npx tsc -p tsconfig.json && npx tsx bench/prefetch.ts [rounds]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { prepareArtefact } from '../src/convert/prepare.js'
import { packTexts } from '../src/packed/packing.js'
import { EmbeddingWorker } from '../src/pool/embedding-worker.js'
import { standIn } from './stand-in.js'
import { someIds } from './support/shapes.js'
import { median, pairedRatio, takeTurns } from './support/statistics.js'

/** Short runs and long ones: what they take depends on the tokens alone, so that they stand for other models, too. */
const BATCHES = [
  { texts: 1, tokens: 8 },
  { texts: 8, tokens: 64 },
  { texts: 64, tokens: 64 },
  { texts: 512, tokens: 64 },
] as const

/** Tokens of one turn: as many batches as that makes, within these bounds. */
const TURN_TOKENS = 16_384
const MIN_BATCHES = 10
const MAX_BATCHES = 200

/** Length of a stretch in which the main thread does something else, in milliseconds; 0: none. */
const BLOCKED_MS = [0, 20] as const

const { info } = await standIn('random-nano')
const VARIANT = { dimensions: info.defaultDimensions, normalize: true }

/** Blocks this thread for stretches, with one turn of the event loop between two. */
function blocking(ms: number): () => void {
  let isWanted = ms > 0
  const block = (): void => {
    if (!isWanted) return
    const until = performance.now() + ms
    while (performance.now() < until);
    setImmediate(block)
  }
  setImmediate(block)
  return () => {
    isWanted = false
  }
}

/** Runs batches, so many at once. */
async function turn(
  worker: EmbeddingWorker,
  { texts, tokens }: (typeof BATCHES)[number],
  atOnce: number,
  blockedMs: number,
): Promise<{ readonly tokensPerSecond: number; readonly runMs: number }> {
  const lengths = Array.from({ length: texts }, () => tokens)
  const count = Math.min(MAX_BATCHES, Math.max(MIN_BATCHES, TURN_TOKENS / (texts * tokens)))
  const waiting = Array.from({ length: count }, () => packTexts(someIds({ lengths }, info.architecture.vocab)))
  const runs: number[] = []
  const release = blocking(blockedMs)
  const started = performance.now()
  const hand = async (): Promise<void> => {
    for (let batch = waiting.pop(); batch !== undefined; batch = waiting.pop()) {
      runs.push((await worker.run(batch, VARIANT)).runMs)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, hand))
  const seconds = (performance.now() - started) / 1000
  release()
  return { tokensPerSecond: (count * texts * tokens) / seconds, runMs: median(runs) }
}

const rounds = Number(process.argv[2] ?? 9)
const home = await mkdtemp(join(tmpdir(), 'stella-prefetch-'))
try {
  const { folder, manifest } = await prepareArtefact(info, { home })
  const setup = {
    artefact: folder,
    fingerprint: manifest.fingerprint,
    threads: 1,
    device: 'cpu',
    sharedWeights: false,
  } as const
  const worker = new EmbeddingWorker(info, setup, {
    onLost: (error) => {
      throw error
    },
  })
  await worker.start()
  console.log('| texts × tokens | a run | main thread blocked | tokens/s, 1 batch | tokens/s, 2 | ratio (quartiles) |')
  console.log('|---|---|---|---|---|---|')
  for (const blockedMs of BLOCKED_MS) {
    for (const batch of BATCHES) {
      const runs: number[] = []
      const works = [1, 2].map((atOnce) => async () => {
        const { tokensPerSecond, runMs } = await turn(worker, batch, atOnce, blockedMs)
        runs.push(runMs)
        return tokensPerSecond
      })
      const [one = [], two = []] = await takeTurns(works, rounds)
      const { median: ratio, low, high } = pairedRatio(two, one)
      const blocked = blockedMs === 0 ? 'no' : `${blockedMs} ms at a time`
      const cells = [`${batch.texts} × ${batch.tokens}`, `${median(runs).toFixed(1)} ms`, blocked]
      const rates = [one, two].map((rates) => median(rates).toFixed(0))
      const figures = `${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
      console.log(`| ${[...cells, ...rates, figures].join(' | ')} |`)
    }
  }
  await worker.stop()
} finally {
  await rm(home, { recursive: true, force: true })
}
