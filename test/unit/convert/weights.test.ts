/** Weights from a checkpoint on disk into a file the engine maps, judged by what the engine makes of them. */
import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { TensorPlan } from '../../../src/convert/tensor-plan.js'
import type { QuantScheme } from '../../../src/convert/weights.js'
import { Weights } from '../../../src/convert/weights.js'
import { writeTensors } from '../../../src/convert/write-tensors.js'
import { TensorReader } from '../../../src/files/safetensors.js'
import type { Value } from '../../../src/onnx/graph.js'
import { Graph, MICROSOFT, int } from '../../../src/onnx/graph.js'
import { encodeModel } from '../../../src/onnx/wire.js'
import type { WriteEntry } from '../../../tools/checkpoints/safetensors-writer.js'
import { writeSafetensors } from '../../../tools/checkpoints/safetensors-writer.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { normals, product, relativeError } from './quantize/numbers.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const [OUT, IN, TOKENS] = [96, 200, 4]
const WEIGHT = normals('weight', OUT * IN, 0.05)
const BIAS = normals('bias', OUT)

async function checkpoint(entries: readonly WriteEntry[]): Promise<TensorReader> {
  const folder = await mkdtemp(join(temporary.path, 'checkpoint-'))
  await writeSafetensors(join(folder, 'model.safetensors'), entries)
  return TensorReader.open(folder)
}

const entry = (
  name: string,
  shape: readonly number[],
  values: Float32Array,
  dtype: 'F32' | 'F16' | 'BF16' = 'F32',
) => ({
  name,
  dtype,
  shape,
  data: () => [values],
})

/** Writes a graph over the reader's weights, opens it in the engine, and returns its output. */
async function run(
  reader: TensorReader,
  build: (graph: Graph, weights: Weights) => Value,
  x?: { readonly data: Float32Array; readonly dims: readonly number[] },
): Promise<Float32Array> {
  const folder = await mkdtemp(join(temporary.path, 'graph-'))
  const plan = new TensorPlan('graph.onnx.data')
  const graph = new Graph('test')
  graph.output(build(graph, new Weights(reader, plan, 'p.')), 'y', 'float32', ['a', 'b'])
  const producer = { name: 'test', version: '0' }
  const opsets = { '': 24, 'com.microsoft': 1 }
  const model = encodeModel({ irVersion: 12, opsets, producer, metadata: {}, graph: graph.build() })
  await writeFile(join(folder, 'graph.onnx'), model)
  const written = await writeTensors(join(folder, 'graph.onnx.data'), plan)
  expect(written.bytes).toBe(plan.bytes)
  const session = await InferenceSession.create(join(folder, 'graph.onnx'), { logSeverityLevel: 4 })
  try {
    const { y } = await session.run(x === undefined ? {} : { x: new Tensor('float32', x.data, [...x.dims]) })
    return y?.data as Float32Array
  } finally {
    await session.release()
  }
}

/** `rows` of the weight with the scales multiplied in, in float64. */
function expectedWeight(
  rows: { start: number; end: number },
  scales: { inputScale?: Float32Array; outputScale?: Float32Array },
): Float64Array {
  return Float64Array.from(WEIGHT.subarray(rows.start * IN, rows.end * IN), (value, i) => {
    return value * (scales.inputScale?.[i % IN] ?? 1) * (scales.outputScale?.[Math.floor(i / IN)] ?? 1)
  })
}

const positive = (name: string, count: number): Float32Array => normals(name, count).map((value) => Math.exp(value))

describe('a weight of a checkpoint', () => {
  let reader: TensorReader
  beforeAll(async () => {
    reader = await checkpoint([
      entry('p.w', [OUT, IN], WEIGHT),
      entry('p.b', [OUT], BIAS),
      entry('p.half', [OUT, IN], WEIGHT, 'F16'),
      entry('p.brain', [OUT, IN], WEIGHT, 'BF16'),
    ])
  })
  afterAll(() => reader.close())

  const x = { data: normals('x', TOKENS * IN), dims: [TOKENS, IN] }
  const rows = { start: 30, end: 90 }
  const scales = { inputScale: positive('input', IN), outputScale: positive('output', 60) }

  it('is float32 in the checkpoint’s layout, some rows of it or all, with scales multiplied in', async () => {
    const multiply = (options: object) => (graph: Graph, weights: Weights) => {
      const input = graph.input('x', 'float32', ['tokens', IN])
      return graph.node('/g', 'Gemm', [input, weights.get(graph, 'w', options)], { attributes: { transB: int(1) } })
    }
    const all = await run(reader, multiply({}), x)
    expect(relativeError(all, product(x.data, WEIGHT, IN))).toBeLessThan(1e-6)
    const some = await run(reader, multiply({ rows, ...scales }), x)
    expect(relativeError(some, product(x.data, expectedWeight(rows, scales), IN))).toBeLessThan(1e-6)
  })

  it('of one dimension takes a scale for each element, and another shape', async () => {
    const outputScale = positive('bias', 60)
    const made = await run(reader, (graph, weights) => {
      return weights.get(graph, 'b', { rows, outputScale, dims: [4, 15] })
    })
    expect(made).toEqual(BIAS.slice(30, 90).map((value, i) => value * (outputScale[i] ?? NaN)))
  })

  it.each<{ scheme: QuantScheme; bound: number }>([
    // See blocks.test.ts and rows8.test.ts for the bounds; accuracy 4 rounds the input to 8 bits too.
    { scheme: { kind: 'block8', block: 32 }, bound: 0.01 },
    { scheme: { kind: 'block4', block: 32 }, bound: 0.1 },
    { scheme: { kind: 'block4', block: 64, hessian: identity(64) }, bound: 0.11 },
  ])('multiplies as $scheme.kind in blocks of $scheme.block', async ({ scheme, bound }) => {
    const made = await run(
      reader,
      (graph, weights) => {
        const input = graph.input('x', 'float32', ['tokens', IN])
        const { weight, scale } = weights.quantized(graph, 'w', { rows, ...scales, scheme })
        const [outputs, inputs] = weights.shape('w', rows)
        return graph.node('/m', 'MatMulNBits', [input, weight, scale], {
          domain: MICROSOFT,
          attributes: {
            K: int(inputs),
            N: int(outputs),
            bits: int(scheme.kind === 'block8' ? 8 : 4),
            block_size: int('block' in scheme ? scheme.block : 0),
            accuracy_level: int(4),
          },
        })
      },
      x,
    )
    expect(relativeError(made, product(x.data, expectedWeight(rows, scales), IN))).toBeLessThan(bound)
  })

  it.each(['w', 'half', 'brain'])('multiplies as row8, stored as %s', async (name) => {
    const made = await run(
      reader,
      (graph, weights) => {
        const input = graph.input('x', 'float32', ['tokens', IN])
        const { weight, scale } = weights.quantized(graph, name, { rows, ...scales, scheme: { kind: 'row8' } })
        const step = graph.scalar('float32', 4 / 127)
        const codes = graph.node('/q', 'QuantizeLinear', [
          input,
          step,
          graph.cast('/zero', graph.scalar('int32', 128), 'uint8'),
        ])
        const inputs = [codes, weight, step, scale, graph.cast('/zero2', graph.scalar('int32', 128), 'uint8')]
        return graph.node('/m', 'MatMulIntegerToFloat', inputs, { domain: MICROSOFT })
      },
      x,
    )
    expect(relativeError(made, product(x.data, expectedWeight(rows, scales), IN))).toBeLessThan(0.02)
  })

  it.each([
    // Half of the last of 11 bits; half of 1 / 127 of the largest, 2.9 deviations, by √3.
    ['float16', 2 ** -11],
    ['int8', 0.0085],
  ] as const)('is a table in %s', async (form, bound) => {
    const made = await run(reader, (graph, weights) => {
      const { table, scale } = weights.embedding(graph, 'w', form)
      expect(scale === undefined).toBe(form === 'float16')
      const wide = graph.cast('/wide', table, 'float32')
      if (scale === undefined) return wide
      return graph.node('/scaled', 'Mul', [
        wide,
        graph.node('/column', 'Unsqueeze', [scale, graph.constant('int64', [1])]),
      ])
    })
    expect(relativeError(made, WEIGHT)).toBeLessThan(bound)
  })

  it('is a programming error where it is unknown, or a scale does not fit', () => {
    const weights = new Weights(reader, new TensorPlan('x'), 'p.')
    const graph = new Graph('g')
    expect(() => weights.get(graph, 'other')).toThrow('p.other was not checked against the inventory')
    expect(() => weights.get(graph, 'w', { inputScale: new Float32Array(3) })).toThrow('3 factors; expected 200')
    expect(() => weights.get(graph, 'w', { rows, outputScale: new Float32Array(OUT) })).toThrow(
      '96 factors; expected 60',
    )
    expect(() => weights.get(graph, 'b', { inputScale: new Float32Array(OUT) })).toThrow('96 factors; expected 1')
  })
})

function identity(group: number) {
  const groups = Math.ceil(IN / group)
  const values = Float32Array.from({ length: groups * group * group }, (_, i) => {
    return i % group === Math.floor(i / group) % group ? 1 : 0
  })
  return { group, values }
}

describe('a weight that cannot be stored so is refused by its name and place', () => {
  const spoilt = (value: number, at: number): Float32Array => {
    const values = WEIGHT.slice()
    values[at] = value
    return values
  }

  async function refusalOf(values: Float32Array, ask: (graph: Graph, weights: Weights) => unknown) {
    await using reader = await checkpoint([entry('p.w', [OUT, IN], values)])
    const plan = new TensorPlan('x')
    ask(new Graph('g'), new Weights(reader, plan, 'p.'))
    const folder = await mkdtemp(join(temporary.path, 'refused-'))
    const error = await failureOf(() => writeTensors(join(folder, 'x'), plan))
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.details).toMatchObject({ tensor: 'p.w', file: 'model.safetensors' })
    return error.message
  }

  it.each<QuantScheme>([{ kind: 'row8' }, { kind: 'block8', block: 32 }, { kind: 'block4', block: 32 }])(
    'in $kind, when it is not finite',
    async (scheme) => {
      for (const value of [NaN, Infinity, -Infinity]) {
        const message = await refusalOf(spoilt(value, 7 * IN + 5), (graph, weights) => {
          weights.quantized(graph, 'w', { scheme, rows: { start: 2, end: OUT } })
        })
        expect(message).toContain(`"p.w" in model.safetensors holds ${value} in row 7, column 5`)
      }
    },
  )

  it('as a table, when it is not finite or, in float16, too large', async () => {
    const table = (form: 'float16' | 'int8') => (graph: Graph, weights: Weights) => weights.embedding(graph, 'w', form)
    expect(await refusalOf(spoilt(NaN, 1), table('int8'))).toContain('holds NaN in row 0, column 1')
    expect(await refusalOf(spoilt(NaN, 1), table('float16'))).toContain('holds NaN in row 0, column 1')
    expect(await refusalOf(spoilt(-65520, IN), table('float16'))).toContain(
      'holds -65520 in row 1, column 0 (scales applied); the largest float16 is 65504',
    )
  })

  it('when a scale makes it infinite', async () => {
    const outputScale = new Float32Array(OUT).fill(3e38)
    const message = await refusalOf(spoilt(1e3, 0), (graph, weights) => weights.get(graph, 'w', { outputScale }))
    expect(message).toContain('holds Infinity in row 0, column 0 (scales applied)')
  })

  it('but float32 is stored as it is', async () => {
    await using reader = await checkpoint([entry('p.w', [OUT, IN], spoilt(Infinity, 3))])
    expect(await run(reader, (graph, weights) => weights.get(graph, 'w'))).toEqual(spoilt(Infinity, 3))
  })

  it('when its rows are longer than can be held', async () => {
    const columns = 2 ** 20 + 1
    await using reader = await checkpoint([entry('p.w', [1, columns], new Float32Array(columns))])
    const plan = new TensorPlan('x')
    new Weights(reader, plan, 'p.').embedding(new Graph('g'), 'w', 'int8')
    const folder = await mkdtemp(join(temporary.path, 'wide-'))
    const error = await failureOf(() => writeTensors(join(folder, 'x'), plan))
    expect(error.message).toContain('has rows of 1048577 values; at most 1048576 can be quantised')
    expect(await readdir(folder)).toEqual(['x'])
  })

  it('when the checkpoint was replaced since the plan was made', async () => {
    const reader = await checkpoint([entry('p.w', [OUT, IN], WEIGHT)])
    const plan = new TensorPlan('x')
    new Weights(reader, plan, 'p.').get(new Graph('g'), 'w')
    await writeSafetensors(join(reader.folder, 'model.safetensors'), [
      entry('p.w', [OUT, 10], WEIGHT.slice(0, OUT * 10)),
    ])
    const folder = await mkdtemp(join(temporary.path, 'replaced-'))
    const error = await failureOf(() => writeTensors(join(folder, 'x'), plan))
    expect(error).toMatchObject({ code: 'CHECKPOINT_INVALID' })
    expect(error.message).toContain('gave 960 values, 19200 expected')
    await reader.close()
  })
})

it('statistics that do not fit a weight are an error that names it', async () => {
  await using reader = await checkpoint([entry('p.w', [OUT, IN], WEIGHT)])
  const plan = new TensorPlan('x')
  const scheme = { kind: 'block4', block: 32, hessian: { group: 64, values: new Float32Array(5) } } as const
  new Weights(reader, plan, 'p.').quantized(new Graph('g'), 'w', { scheme })
  const folder = await mkdtemp(join(temporary.path, 'statistics-'))
  await expect(writeTensors(join(folder, 'x'), plan)).rejects.toThrow('Tensor "p.w" in model.safetensors: 5 statistics')
})
