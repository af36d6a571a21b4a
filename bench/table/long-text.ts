/**
 * One text of the model's limit: time against that of its parts measured alone, and the memory its run takes beyond
 * what the loaded model holds. To be run in a process of its own.
 */
import { readFile, writeFile } from 'node:fs/promises'

import { Tensor } from 'onnxruntime-node'

import type { ArchitectureInfo, StellaModelInfo } from '../../registry/types.js'
import type { Precision } from '../../src/index.js'
import { LoadedStellaModel } from '../../src/index.js'
import { MICROSOFT, int } from '../../src/onnx/graph.js'
import { openGraph } from '../support/graphs.js'
import { someIds } from '../support/shapes.js'
import { takeTurns } from '../support/statistics.js'
import { openBareGemms } from './bare-gemms.js'
import { gemmKind } from './gemm.js'
import type { Steps } from './steps.js'

/** Tokens of the text before: what stays of it in the engine's memory belongs to the loaded model. */
const ORDINARY_TOKENS = 512

/** Asks Linux to count the peak of resident memory from now on (`man proc_pid_clear_refs`). */
const RESET_PEAK = '5'

/** Runs the step. */
export async function longText(
  info: StellaModelInfo,
  precision: Precision,
  { home, threads, tokens, rounds }: Steps['long']['given'],
): Promise<Steps['long']['found']> {
  const { architecture } = info
  const kind = gemmKind(precision)
  if (kind === undefined) throw new Error(`no bare matrix product is known for ${precision}`)
  await using model = await LoadedStellaModel.load(info, { home, precision, threads, tokenizer: false })
  const embed = (length: number) =>
    model.batchEmbed(someIds({ lengths: [length] }, architecture.vocab), { maxLength: info.tokens.max })

  await embed(Math.min(ORDINARY_TOKENS, tokens))
  const before = (await residentMemory()).now
  await writeFile('/proc/self/clear_refs', RESET_PEAK)
  await embed(tokens)
  const extraPeakMB = (await residentMemory()).peak - before

  const gemms = await openBareGemms(architecture, kind, threads)
  const attention = await openFlashAttention(architecture, tokens, threads)
  const works = [() => embed(tokens).then(() => undefined), () => gemms.run([tokens]), attention.run]
  const [model_ = [], gemms_ = [], attention_ = []] = await takeTurns(works, rounds)
  await Promise.all([gemms.close(), attention.close()])
  return { samples: { model: model_, gemms: gemms_, attention: attention_ }, extraPeakMB }
}

/**
 * The attention of every layer on one text, alone: one layer's operator, times the layers. Inputs are ready; heads of
 * keys and values are as many as those of queries, which is what the operator takes.
 */
async function openFlashAttention(
  { heads, headDim, layers }: ArchitectureInfo,
  tokens: number,
  threads: number,
): Promise<{ run: () => Promise<number>; close: () => Promise<void> }> {
  const dims = [1, tokens, heads * headDim]
  const names = ['q', 'k', 'v']
  const session = await openGraph('attention', threads, (graph) => {
    const inputs = names.map((name) => graph.input(name, 'float32', dims))
    const attributes = { num_heads: int(heads) }
    const attended = graph.node('/attention', 'MultiHeadAttention', inputs, { domain: MICROSOFT, attributes })
    const [from, to] = [graph.constant('int64', [0, 0, 0]), graph.constant('int64', [1, 1, 1])]
    graph.output(graph.node('/attention/first', 'Slice', [attended, from, to]), 'element', 'float32', [1, 1, 1])
  })
  const length = tokens * heads * headDim
  const rows = () =>
    new Tensor(
      'float32',
      Float32Array.from({ length }, () => Math.random() - 0.5),
      dims,
    )
  const feeds = Object.fromEntries(names.map((name) => [name, rows()]))
  const run = async (): Promise<number> => {
    const started = performance.now()
    await session.run(feeds)
    return (performance.now() - started) * layers
  }
  return { run, close: () => session.release() }
}

/** Resident memory of this process, now and at its peak, in MB. */
async function residentMemory(): Promise<{ now: number; peak: number }> {
  const status = await readFile('/proc/self/status', 'utf8')
  // In units of 1,024 bytes, whatever "kB" says.
  const of = (name: string): number => (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024) / 1e6
  return { now: of('VmRSS'), peak: of('VmHWM') }
}
