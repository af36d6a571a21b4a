/**
 * How fast a checkpoint's tensors become those of an artefact: every matrix of the layers in one scheme and the
 * embedding table in float16 (float32 for `fp32`), with all threads and with one. Each in a process of its own, so
 * that its peak memory is its own; neither hashing of the checkpoint nor calibration is part of it.
 *
 *   npx tsx bench/conversion.ts stella-en-400m-v5 [folder]
 *
 * Makes the full-size stand-in in `folder` (default: a folder under the system's temporary one) unless it is there.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { TensorPlan } from '../src/convert/tensor-plan.js'
import type { QuantScheme } from '../src/convert/weights.js'
import { Weights } from '../src/convert/weights.js'
import { writeTensors } from '../src/convert/write-tensors.js'
import { TensorReader } from '../src/files/safetensors.js'
import { Graph } from '../src/onnx/graph.js'
import { standIn } from './stand-in.js'

/** Inputs looked at together by rounding with error feedback. */
const GROUP = 128

/** Each scheme, for a weight of so many inputs; undefined: float32 as it is. */
const SCHEMES = {
  fp32: () => undefined,
  row8: () => ({ kind: 'row8' }),
  'block8/32': () => ({ kind: 'block8', block: 32 }),
  'block4/32': () => ({ kind: 'block4', block: 32 }),
  'block4/32 feedback': (inputs) => ({
    kind: 'block4',
    block: 32,
    hessian: { group: GROUP, values: statistics(inputs) },
  }),
} as const satisfies Record<string, (inputs: number) => QuantScheme | undefined>

type SchemeName = keyof typeof SCHEMES

/** One measurement. */
interface Facts {
  readonly seconds: number
  /** Of all threads together: what a loaded machine changes little. */
  readonly cpuSeconds: number
  /** Weights of all matrices, the table's included. */
  readonly weights: number
  /** Bytes read, and bytes written. */
  readonly from: number
  readonly to: number
  readonly peakMB: number
}

/** Any positive definite matrix for each group: rounding takes the same time for all. Shared, as calibration's are. */
function statistics(inputs: number): Float32Array {
  const length = Math.ceil(inputs / GROUP) * GROUP * GROUP
  const values = new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT))
  return values.map((_, i) => (i % GROUP === Math.floor(i / GROUP) % GROUP ? 2 : 0.5))
}

async function convert(folder: string, scheme: SchemeName, threads: number): Promise<Facts> {
  await using reader = await TensorReader.open(folder)
  const plan = new TensorPlan('bench.data')
  const graph = new Graph('bench')
  const weights = new Weights(reader, plan, '')
  let [count, from] = [0, 0]
  for (const name of reader.names()) {
    const entry = reader.entry(name)
    if (entry === undefined) continue
    const [rows = 0, columns] = entry.shape
    from += entry.end - entry.start
    const quantisation = columns === undefined ? undefined : SCHEMES[scheme](columns)
    if (columns !== undefined) count += rows * columns
    if (columns === undefined || scheme === 'fp32') weights.get(graph, name)
    else if (/embed_tokens|word_embeddings/.test(name)) weights.embedding(graph, name, 'float16')
    else if (quantisation === undefined) weights.get(graph, name)
    else weights.quantized(graph, name, { scheme: quantisation })
  }
  const out = await mkdtemp(join(tmpdir(), 'stella-bench-conversion-'))
  try {
    const started = performance.now()
    const before = process.cpuUsage()
    await writeTensors(join(out, 'bench.data'), plan, { threads })
    const seconds = (performance.now() - started) / 1e3
    const { user, system } = process.cpuUsage(before)
    const cpuSeconds = (user + system) / 1e6
    return { seconds, cpuSeconds, weights: count, from, to: plan.bytes, peakMB: process.resourceUsage().maxRSS / 1e3 }
  } finally {
    await rm(out, { recursive: true })
  }
}

async function inChild(folder: string, scheme: SchemeName, threads: number): Promise<Facts> {
  const self = fileURLToPath(import.meta.url)
  const args = ['--import', 'tsx', self, '--step', folder, scheme, String(threads)]
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as Facts
}

async function main(): Promise<void> {
  const [first, folder = '', scheme = '', threads = ''] = process.argv.slice(2)
  if (first === '--step') {
    process.stdout.write(JSON.stringify(await convert(folder, scheme as SchemeName, Number(threads))))
    return
  }
  const name = first ?? 'stella-en-400m-v5'
  const checkpoint = await standIn(name, process.argv[3])
  const lines = [
    `| ${name} | threads | s | CPU s | ns CPU per weight | MB/s read | MB written | peak MB |`,
    '|---|---|---|---|---|---|---|---|',
  ]
  for (const scheme of Object.keys(SCHEMES) as SchemeName[]) {
    for (const threads of new Set([1, availableParallelism()])) {
      const { seconds, cpuSeconds, weights, from, to, peakMB } = await inChild(checkpoint.folder, scheme, threads)
      const perWeight = ((cpuSeconds / weights) * 1e9).toFixed(0)
      const cells = [
        scheme,
        threads,
        seconds.toFixed(2),
        cpuSeconds.toFixed(2),
        perWeight,
        (from / 1e6 / seconds).toFixed(0),
        (to / 1e6).toFixed(0),
      ]
      lines.push(`| ${[...cells, peakMB.toFixed(0)].join(' | ')} |`)
    }
  }
  console.log(lines.join('\n'))
}

await main()
