/**
 * One attention layer of the 400M on one text: the padded path against the flash path, time and memory.
 * The crossing is `FLASH_MIN_TOKENS`.
 *
 *   npm run bench:attention-paths
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { InferenceSession, Tensor } from 'onnxruntime-node'

import { attention } from '../src/convert/layers/attention.js'
import { packedLayout } from '../src/convert/layers/packed-layout.js'
import { IR_VERSION, OPSETS } from '../src/convert/recipe.js'
import { packedIndices } from '../src/packed/packing.js'
import { disableEngineTelemetry } from '../src/runtime/telemetry.js'
import { Graph } from '../src/onnx/graph.js'
import { encodeModel } from '../src/onnx/wire.js'
import { interleaved, median, processMemory } from './stand-in.js'

// The engine decides on first use, which is below.
disableEngineTelemetry()

const SHAPE = { heads: 16, kvHeads: 16, headDim: 64 }
const WIDTH = SHAPE.heads * SHAPE.headDim
const LENGTHS = [256, 512, 768, 1024, 1536, 2048, 4096]
const ROUNDS = 3

function layer(): Uint8Array {
  const graph = new Graph('attention')
  const layout = packedLayout(graph)
  const rows = (name: string) => graph.input(name, 'float32', ['tokens', WIDTH])
  const flash = graph.input('flash', 'bool', [])
  const mixed = attention(graph, '/attention', { q: rows('q'), k: rows('k'), v: rows('v') }, layout, flash, SHAPE)
  graph.output(mixed, 'mixed', 'float32', ['tokens', WIDTH])
  const producer = { name: 'bench', version: '0' }
  return encodeModel({ irVersion: IR_VERSION, opsets: OPSETS, producer, metadata: {}, graph: graph.build() })
}

function feeds(length: number, flash: boolean): Record<string, Tensor> {
  const { positionIds, paddedRows, packedPlaces } = packedIndices(Int32Array.of(length))
  const ints = (data: Int32Array, ...dims: number[]) => new Tensor('int32', data, dims)
  const rows = () => new Tensor('float32', Float32Array.from({ length: length * WIDTH }, Math.random), [length, WIDTH])
  return {
    input_ids: ints(positionIds, length),
    position_ids: ints(positionIds, length),
    padded_rows: ints(paddedRows, 1, length),
    packed_places: ints(packedPlaces, length),
    lengths: ints(Int32Array.of(length), 1),
    flash: new Tensor('bool', [flash], []),
    q: rows(),
    k: rows(),
    v: rows(),
  }
}

async function open(): Promise<InferenceSession> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-pool-attention-'))
  try {
    await writeFile(join(folder, 'layer.onnx'), layer())
    return await InferenceSession.create(join(folder, 'layer.onnx'), { intraOpNumThreads: 1 })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Anonymous memory that one run of `length` tokens leaves in the arena, in MB. */
async function memoryOf(length: number, flash: boolean): Promise<number> {
  const session = await open()
  const inputs = feeds(length, flash)
  const before = await processMemory()
  await session.run(inputs)
  return (await processMemory()).anonymous - before.anonymous
}

const [step, length, path] = process.argv.slice(2)
if (step === '--memory') {
  console.log(await memoryOf(Number(length), path === 'flash'))
} else {
  const session = await open()
  console.log('| tokens | padded ms | flash ms | padded MB | flash MB |\n|---|---|---|---|---|')
  for (const tokens of LENGTHS) {
    const runs = [false, true].map((flash) => {
      const inputs = feeds(tokens, flash)
      return () => session.run(inputs)
    })
    const times = await interleaved(runs, ROUNDS)
    const memories = []
    for (const kind of ['padded', 'flash']) {
      const self = fileURLToPath(import.meta.url)
      const child = await promisify(execFile)(process.execPath, [
        '--import',
        'tsx',
        self,
        '--memory',
        String(tokens),
        kind,
      ])
      memories.push(median([Number(child.stdout)]))
    }
    console.log(`| ${[tokens, ...[...times, ...memories].map((value) => value.toFixed(0))].join(' | ')} |`)
  }
}
