/**
 * Rates of one matrix product in the forms that schemes are built from, again and again on the same weight.
 *
 *   npx tsx bench/gemm-rates.ts [threads]
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'

import { IR_VERSION, OPSETS } from '../src/convert/recipe.js'
import type { OnnxDtype } from '../src/onnx/dtype.js'
import { tensorBytes } from '../src/onnx/dtype.js'
import type { Value } from '../src/onnx/graph.js'
import { Graph, MICROSOFT, int } from '../src/onnx/graph.js'
import { encodeModel } from '../src/onnx/wire.js'
import { disableEngineTelemetry } from '../src/runtime/telemetry.js'

disableEngineTelemetry()

/** Inputs and outputs of the 400M's up projection. */
const [IN, OUT] = [1024, 4096]
const ROWS = [16, 64, 256, 1024]
const ROUNDS = 7
/** Rows multiplied in one measurement, however small the product is. */
const ROWS_A_MEASUREMENT = 512

interface Form {
  readonly name: string
  readonly input: 'float32' | 'uint8'
  build(graph: Graph, x: Value): Value
}

/** A constant of random bytes; of a float32 tensor all are 1/128. */
function constant(graph: Graph, name: string, dtype: OnnxDtype, dims: readonly number[]): Value {
  const data =
    dtype === 'float32'
      ? new Uint8Array(new Float32Array(tensorBytes('uint8', dims)).fill(1 / 128).buffer)
      : Uint8Array.from({ length: tensorBytes(dtype, dims) }, () => Math.random() * 256)
  return graph.initializer({ name, dtype, dims, storage: { kind: 'inline', data } })
}

const blocks = (bits: number, block: number): Form => ({
  name: `MatMulNBits, ${bits} bits, blocks of ${block}`,
  input: 'float32',
  build: (graph, x) => {
    const weight = constant(graph, 'w', 'uint8', [OUT, IN / block, (block * bits) / 8])
    const scale = constant(graph, 's', 'float32', [OUT, IN / block])
    const attributes = { K: int(IN), N: int(OUT), bits: int(bits), block_size: int(block), accuracy_level: int(4) }
    return graph.node('y', 'MatMulNBits', [x, weight, scale], { domain: MICROSOFT, attributes })
  },
})

const rows = (weight: 'int8' | 'uint8'): Form => ({
  name: `MatMulIntegerToFloat, ${weight} weights`,
  input: 'uint8',
  build: (graph, x) => {
    const inputs = [
      x,
      constant(graph, 'w', weight, [IN, OUT]),
      graph.scalar('float32', 1),
      constant(graph, 's', 'float32', [OUT]),
      graph.scalar('uint8', 128),
    ]
    return graph.node('y', 'MatMulIntegerToFloat', inputs, { domain: MICROSOFT })
  },
})

const FORMS: readonly Form[] = [
  {
    name: 'MatMul, float32',
    input: 'float32',
    build: (graph, x) => graph.node('y', 'MatMul', [x, constant(graph, 'w', 'float32', [IN, OUT])]),
  },
  rows('int8'),
  rows('uint8'),
  blocks(8, 32),
  blocks(8, 128),
  blocks(4, 32),
  blocks(4, 128),
]

async function open(form: Form, threads: number): Promise<InferenceSession> {
  const graph = new Graph('product')
  graph.output(form.build(graph, graph.input('x', form.input, ['rows', IN])), 'out', 'float32', ['rows', OUT])
  const producer = { name: 'bench', version: '0' }
  const model = encodeModel({ irVersion: IR_VERSION, opsets: OPSETS, producer, metadata: {}, graph: graph.build() })
  return InferenceSession.create(model, { intraOpNumThreads: threads })
}

function input(type: Form['input'], count: number): Tensor {
  const size = count * IN
  return type === 'uint8'
    ? new Tensor(
        'uint8',
        Uint8Array.from({ length: size }, () => Math.random() * 256),
        [count, IN],
      )
    : new Tensor('float32', Float32Array.from({ length: size }, Math.random), [count, IN])
}

const threads = Number(process.argv[2] ?? 1)
const sessions = await Promise.all(FORMS.map((form) => open(form, threads)))
/** Shortest time of one product in milliseconds, by form and number of rows. */
const best = FORMS.map(() => ROWS.map(() => Number.POSITIVE_INFINITY))
for (let round = 0; round < ROUNDS; round++) {
  for (const [at, count] of ROWS.entries()) {
    for (const [form, session] of sessions.entries()) {
      const x = input(FORMS[form]?.input ?? 'float32', count)
      const times = Math.max(1, ROWS_A_MEASUREMENT / count)
      const started = performance.now()
      for (let i = 0; i < times; i++) await session.run({ x })
      const row = best[form] ?? []
      row[at] = Math.min(row[at] ?? Number.POSITIVE_INFINITY, (performance.now() - started) / times)
    }
  }
}
console.log(`[rows, ${IN}] × [${IN}, ${OUT}], ${threads} thread(s), GOP/s\n`)
console.log(`| form | ${ROWS.map((count) => `${count} rows`).join(' | ')} |\n|---|${ROWS.map(() => '---|').join('')}`)
for (const [form, times] of best.entries()) {
  const rates = ROWS.map((count, at) => ((2 * count * IN * OUT) / ((times[at] ?? Number.NaN) * 1e6)).toFixed(0))
  console.log(`| ${FORMS[form]?.name ?? ''} | ${rates.join(' | ')} |`)
}
