/**
 * What tokenising costs the thread that serves its callers: how long a load holds it, how long one native call does, and
 * how the event loop fares while the tokenizer is never idle; with the tokenizer in that thread and in one of its own.
 *
 *   npx tsc && npx tsx bench/tokenizing.ts [--sweep] [--seconds 4]
 *
 * The thread runs compiled code. `--sweep` tries other bounds of a native call.
 */
import { setTimeout as delay } from 'node:timers/promises'

import { CALL_LIMITS } from '../src/text/native-calls.js'
import type { EachTokenizer } from '../src/text/tokenized-text.js'
import { StellaTokenizer } from '../src/text/tokenizer.js'
import { TokenizerThread } from '../src/text/tokenizer-thread.js'
import { only, parseOptions, positive, readOrExplain } from './support/command-line.js'
import { machineLine, readMachine } from './support/machine.js'
import { figures, table } from './support/markdown.js'
import { measureCalls, measureLoads } from './tokenizing/calling-thread.js'
import type { LoopFigures, Rate, SaturationFigures } from './tokenizing/saturation.js'
import { bareRate, saturate, watchLoop } from './tokenizing/saturation.js'
import type { TokenizerFile } from './tokenizing/tokenizers.js'
import { textsOf, withTokenizers } from './tokenizing/tokenizers.js'

const USAGE = `usage: npx tsx bench/tokenizing.ts [options]

options: --seconds n   how long each queue is kept full (default: 4)
         --sweep       also tries other bounds of a native call
`

/** Tokens of a text. */
const TOKENS = [30, 500]

/** Texts of a native call. */
const CALL_TEXTS = [1, 32, 64, 256]

/** Bounds that `--sweep` tries. */
const SWEEP = [
  { texts: 16, characters: 25_000 },
  { texts: 32, characters: 50_000 },
  { texts: 64, characters: 100_000 },
  { texts: 128, characters: 200_000 },
  { texts: 256, characters: 1_000_000 },
]

type Where = 'in the calling thread' | 'in a thread of its own'

async function withEach(
  { path, vocab }: TokenizerFile,
  work: (where: Where, tokenizer: EachTokenizer) => Promise<void>,
): Promise<void> {
  await work('in the calling thread', await StellaTokenizer.load(path, vocab))
  await using thread = await TokenizerThread.load(path, vocab)
  await work('in a thread of its own', thread)
}

const loopCells = ({ p50, p99, max }: LoopFigures): readonly string[] => [p50, p99, max].map(figures)

function saturationCells({ rate, loop, urgentMs }: SaturationFigures, bare: Rate): string[] {
  const ratios = [rate.perSecond / bare.perSecond, rate.perProcessorSecond / bare.perProcessorSecond]
  return [rate.perSecond.toFixed(0), ...ratios.map((one) => one.toFixed(2)), ...loopCells(loop), figures(urgentMs)]
}

const SATURATION_HEAD = ['texts/s', 'of the library', 'in CPU time', 'loop p50 ms', 'p99', 'max', 'urgent p95 ms']

async function printLoads(files: readonly TokenizerFile[]): Promise<void> {
  const rows: string[][] = []
  for (const file of files) {
    const { here, there } = await measureLoads(file)
    const cells = [file.megabytes, here.totalMs, here.blockMs, there.totalMs, there.blockMs].map(figures)
    rows.push([file.name, ...cells])
  }
  const head = ['tokenizer', 'MB', 'here ms', 'block', 'thread ms', 'block']
  console.log(`\nA load, and the longest block of the calling thread\n\n${table(head, rows)}`)
}

async function printCalls(files: readonly TokenizerFile[]): Promise<void> {
  const rows: string[][] = []
  for (const file of files) {
    for (const tokens of TOKENS) {
      const texts = await textsOf(file, Math.max(...CALL_TEXTS), tokens)
      for (const count of CALL_TEXTS) {
        const found = await measureCalls(file, texts.slice(0, count))
        const cells = [found.handOverMs, found.takeBackMs, found.hereMs, found.thereMs].map(figures)
        rows.push([file.name, String(tokens), String(count), ...cells])
      }
    }
  }
  const head = ['tokenizer', 'tokens', 'texts', 'hand over p99 ms', 'take back p99', 'all of it here', 'own thread']
  console.log(`\nOne native call: milliseconds of the calling thread\n\n${table(head, rows)}`)
}

async function printSaturation(files: readonly TokenizerFile[], seconds: number, sweep: boolean): Promise<void> {
  const rows: string[][] = []
  const idle = await watchLoop(() => delay(seconds * 1000))
  rows.push(['none: idle', '', '', '', '', '', '', ...loopCells(idle.loop), ''])
  for (const file of files) {
    for (const tokens of TOKENS) {
      const texts = await textsOf(file, 256, tokens)
      const bare = await bareRate(file, texts, seconds / 2)
      await withEach(file, async (where, tokenizer) => {
        for (const limits of sweep ? SWEEP : [CALL_LIMITS]) {
          for (const callsAtOnce of sweep ? [1, 2, 3] : [undefined]) {
            const found = await saturate(tokenizer, texts, { seconds, limits, callsAtOnce })
            const bounds = `${limits.texts} / ${limits.characters / 1000}k × ${callsAtOnce ?? 'default'}`
            rows.push([file.name, String(tokens), where, bounds, ...saturationCells(found, bare)])
          }
        }
      })
    }
  }
  const head = ['tokenizer', 'tokens', 'where', 'call', ...SATURATION_HEAD]
  console.log(`\nA queue that is never empty\n\n${table(head, rows)}`)
}

async function main(): Promise<void> {
  const options = readOrExplain(() => {
    const values = parseOptions(process.argv.slice(2), { seconds: 'string', sweep: 'boolean' })
    if (values.help === true) return 'help'
    const seconds = only('--seconds', values.seconds, (text) => positive(text), 'an integer from 1') ?? 4
    return { seconds, sweep: values.sweep === true }
  }, USAGE)
  if (options === undefined) return
  console.log(machineLine(await readMachine()))
  await withTokenizers(async (files) => {
    await printLoads(files)
    await printCalls(files)
    await printSaturation(files, options.seconds, options.sweep)
  })
}

await main()
