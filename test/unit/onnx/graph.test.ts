/** Graphs are judged by ONNX Runtime, which reads the bytes with code nobody here wrote, and by the numbers it gives. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, describe, expect, it } from 'vitest'

import type { OnnxDtype } from '../../../src/onnx/dtype.js'
import { dtypeCode, tensorBytes } from '../../../src/onnx/dtype.js'
import { ExternalData } from '../../../src/onnx/external-data.js'
import { Graph, MICROSOFT, float, graphAttribute, int, ints } from '../../../src/onnx/graph.js'
import { encodeModel } from '../../../src/onnx/wire.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

function encode(graph: Graph): Uint8Array {
  return encodeModel({
    irVersion: 12,
    opsets: { '': 24, 'com.microsoft': 1 },
    producer: { name: 'stella-pool', version: '0' },
    metadata: { recipe: 'test/1' },
    graph: graph.build(),
  })
}

const floats = (...values: readonly number[]): Tensor => new Tensor('float32', Float32Array.from(values))

async function run(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
  const session = await InferenceSession.create(encode(graph), { logSeverityLevel: 4 })
  const outputs = await session.run(feeds)
  await session.release()
  return outputs
}

/** The one output `y` as plain numbers. */
async function y(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<readonly number[]> {
  const { y } = await run(graph, feeds)
  return Array.from((y?.data ?? []) as ArrayLike<number | bigint>, Number)
}

describe('a graph', () => {
  it('adds, with a free dimension by name and a fixed one by size', async () => {
    const graph = new Graph('sum')
    const a = graph.input('a', 'float32', ['rows', 2])
    const sum = graph.node('/sum/Add', 'Add', [a, graph.constant('float32', [10, 20])])
    graph.output(sum, 'y', 'float32', ['rows', 2])
    const session = await InferenceSession.create(encode(graph))
    expect(session.inputMetadata).toMatchObject([{ name: 'a', type: 'float32', shape: ['rows', 2] }])
    expect(session.outputMetadata).toMatchObject([{ name: 'y', type: 'float32', shape: ['rows', 2] }])
    await session.release()
    expect(await y(graph, { a: new Tensor('float32', [1, 2, 3, 4], [2, 2]) })).toEqual([11, 22, 13, 24])
  })

  it('runs Gemm with an int attribute: the weight keeps its [out, in] layout', async () => {
    const graph = new Graph('gemm')
    const x = graph.input('x', 'float32', [1, 3])
    const weight = graph.constant('float32', [1, 2, 3, 4, 5, 6], [2, 3])
    const bias = graph.constant('float32', [0.5, -0.5])
    const out = graph.node('/Gemm', 'Gemm', [x, weight, bias], { attributes: { transB: int(1) } })
    graph.output(out, 'y', 'float32', [1, 2])
    expect(await y(graph, { x: new Tensor('float32', [1, 1, 1], [1, 3]) })).toEqual([6.5, 14.5])
  })

  it('hands a float attribute to an operator of another domain', async () => {
    const graph = new Graph('silu')
    const x = graph.input('x', 'float32', [3])
    const silu = graph.node('/QuickGelu', 'QuickGelu', [x], { domain: MICROSOFT, attributes: { alpha: float(1) } })
    graph.output(silu, 'y', 'float32', [3])
    const values = [-1, 0, 2]
    const result = await y(graph, { x: floats(...values) })
    for (const [index, value] of values.entries()) expect(result[index]).toBeCloseTo(value / (1 + Math.exp(-value)), 6)
  })

  it('holds int64 constants beyond 32 bits, negative ones, and scalars', async () => {
    const graph = new Graph('int64')
    const large = graph.constant('int64', [2 ** 40, -3])
    const doubled = graph.node('/Mul', 'Mul', [large, graph.scalar('int64', 2)])
    graph.output(doubled, 'y', 'int64', [2])
    expect(await y(graph, {})).toEqual([2 ** 41, -6])
  })

  it('holds float32 constants bit for bit: minus zero, the smallest and the largest', async () => {
    const values = [-0, 0, 2 ** -149, 3.4028234663852886e38, -1.5, Math.fround(0.1)]
    const graph = new Graph('float32')
    graph.output(graph.constant('float32', values), 'y', 'float32', [values.length])
    expect(await y(graph, {})).toEqual(values)
  })

  it('keeps minus zero and zero apart', () => {
    const graph = new Graph('zeros')
    expect(graph.scalar('float32', -0)).not.toBe(graph.scalar('float32', 0))
  })

  it('makes a constant once, however often it is asked for, in branches as in the graph', () => {
    const graph = new Graph('shared')
    const first = graph.constant('int64', [1, 2])
    expect(graph.constant('int64', [1, 2])).toBe(first)
    expect(graph.branch('inner').constant('int64', [1, 2])).toBe(first)
    expect(graph.constant('int64', [1, 2], [2, 1])).not.toBe(first)
    expect(graph.constant('int32', [1, 2])).not.toBe(first)
    expect(graph.build().initializers).toHaveLength(3)
  })

  it('casts', async () => {
    const graph = new Graph('cast')
    const x = graph.input('x', 'int32', [2])
    graph.output(graph.cast('/x', x, 'float32'), 'y', 'float32', [2])
    const { y } = await run(graph, { x: new Tensor('int32', Int32Array.of(7, -7)) })
    expect(y?.type).toBe('float32')
    expect(y?.data).toEqual(Float32Array.of(7, -7))
  })

  it('leaves out an optional input with an empty name', async () => {
    const graph = new Graph('clip')
    const x = graph.input('x', 'float32', [3])
    graph.output(graph.node('/Clip', 'Clip', [x, '', graph.scalar('float32', 1)]), 'y', 'float32', [3])
    expect(await y(graph, { x: floats(-5, 0.5, 5) })).toEqual([-5, 0.5, 1])
  })

  it('hands several ints to an operator, in their order', async () => {
    const graph = new Graph('transpose')
    const x = graph.input('x', 'float32', [1, 2, 3])
    graph.output(graph.node('/T', 'Transpose', [x], { attributes: { perm: ints(2, 0, 1) } }), 'y', 'float32', [3, 1, 2])
    const { y: turned } = await run(graph, { x: new Tensor('float32', [1, 2, 3, 4, 5, 6], [1, 2, 3]) })
    expect([turned?.dims, Array.from(turned?.data as Float32Array)]).toEqual([
      [3, 1, 2],
      [1, 4, 2, 5, 3, 6],
    ])
  })

  it('holds uint8 constants from 0 to 255', async () => {
    const graph = new Graph('bytes')
    graph.output(graph.constant('uint8', [0, 128, 255]), 'y', 'uint8', [3])
    expect(await y(graph, {})).toEqual([0, 128, 255])
  })

  it('holds a vector under the name it was given, bit for bit, and once', async () => {
    const graph = new Graph('vector')
    const values = Float32Array.of(-0, 2 ** -149, Math.fround(1 / 3))
    graph.output(graph.vector('/factors', values), 'y', 'float32', [3])
    expect(await y(graph, {})).toEqual([...values])
    expect(() => graph.vector('/factors', values)).toThrow('/factors is already a value')
  })

  it('makes what is shared once for each key', () => {
    const graph = new Graph('once')
    let made = 0
    const make = () => graph.scalar('int64', made++)
    const first = graph.once('a', make)
    expect(graph.once('a', make)).toBe(first)
    expect(graph.once('b', make)).not.toBe(first)
    expect(made).toBe(2)
  })

  it('carries its metadata', () => {
    const bytes = Buffer.from(encode(new Graph('named')))
    for (const text of ['recipe', 'test/1', 'stella-pool', 'named', MICROSOFT]) expect(bytes.includes(text)).toBe(true)
  })
})

describe('a branch of If', () => {
  function choosing(): Graph {
    const graph = new Graph('choice')
    const which = graph.input('which', 'bool', [])
    const x = graph.input('x', 'float32', ['n'])
    const factor = graph.constant('float32', [3])
    const thenBranch = graph.branch('then')
    thenBranch.output(thenBranch.node('/then/Mul', 'Mul', [x, factor]), '/then/rows', 'float32', ['n'])
    const elseBranch = graph.branch('else')
    // A constant first asked for inside a branch is made outside, where both may use it.
    const offset = elseBranch.constant('float32', [100])
    elseBranch.output(elseBranch.node('/else/Add', 'Add', [x, offset]), '/else/rows', 'float32', ['n'])
    const chosen = graph.node('/If', 'If', [which], {
      attributes: { then_branch: graphAttribute(thenBranch), else_branch: graphAttribute(elseBranch) },
    })
    graph.output(chosen, 'y', 'float32', ['n'])
    return graph
  }
  const which = (value: boolean): Tensor => new Tensor('bool', [value], [])

  it('sees the values of the graph around it, and only the chosen one runs', async () => {
    const x = floats(1, 2)
    expect(await y(choosing(), { which: which(true), x })).toEqual([3, 6])
    expect(await y(choosing(), { which: which(false), x })).toEqual([101, 102])
  })

  it('may not name a value as the graph or another branch does', () => {
    const graph = new Graph('outer')
    const x = graph.input('x', 'float32', [1])
    const left = graph.branch('left')
    left.node('/same', 'Neg', [x])
    expect(() => graph.branch('right').node('/same', 'Neg', [x])).toThrow('/same/output_0 is already a value')
    expect(() => graph.node('/same', 'Neg', [x])).toThrow('is already a value')
    expect(() => left.input('x', 'float32', [1])).toThrow('x is already a value')
  })
})

describe('a name', () => {
  it('is taken once, be it of an input, a node, an output or an initialiser', () => {
    const graph = new Graph('names')
    const x = graph.input('x', 'float32', [1])
    const data = { dtype: 'float32', dims: [1], storage: { kind: 'inline', data: new Uint8Array(4) } } as const
    graph.initializer({ ...data, name: 'w' })
    graph.output(x, 'y', 'float32', [1])
    for (const name of ['x', 'w', 'y']) {
      expect(() => graph.input(name, 'float32', [1])).toThrow(`${name} is already a value of the graph`)
      expect(() => graph.initializer({ ...data, name })).toThrow('already')
      expect(() => {
        graph.output(x, name, 'float32', [1])
      }).toThrow('already')
    }
  })
})

describe('a constant', () => {
  it.each([
    [[1, 2], [3]],
    [[1], [2, 2]],
    [[1, 2, 3], []],
  ])('of %j does not take the shape %j', (values, shape) => {
    expect(() => new Graph('wrong').constant('float32', values, shape)).toThrow('do not fill')
  })

  it('of int64 takes whole numbers only', () => {
    expect(() => new Graph('wrong').constant('int64', [1.5])).toThrow(RangeError)
  })
})

it('element types have the numbers and sizes of the ONNX specification', () => {
  const expected: Record<OnnxDtype, readonly [number, number]> = {
    float32: [1, 4],
    uint8: [2, 1],
    int8: [3, 1],
    int32: [6, 4],
    int64: [7, 8],
    bool: [9, 1],
    float16: [10, 2],
  }
  for (const [dtype, [code, bytes]] of Object.entries(expected) as [OnnxDtype, readonly [number, number]][]) {
    expect([dtypeCode(dtype), tensorBytes(dtype, [])]).toEqual([code, bytes])
    expect(tensorBytes(dtype, [3, 5])).toBe(15 * bytes)
    expect(tensorBytes(dtype, [3, 0])).toBe(0)
  }
})

it('ONNX Runtime finds two tensors in an external file, each at its aligned offset', async () => {
  const data = new ExternalData('weights.bin')
  const bytesOf = (values: readonly number[]) =>
    async function* () {
      // In two pieces, the first of them odd: a source may cut anywhere.
      const bytes = new Uint8Array(Float32Array.from(values).buffer)
      yield bytes.subarray(0, 3)
      await Promise.resolve()
      yield bytes.subarray(3)
    }
  const graph = new Graph('external')
  const x = graph.input('x', 'float32', [2])
  const scale = graph.initializer(data.add('scale', 'float32', [2], bytesOf([2, 3])))
  const shift = graph.initializer(data.add('shift', 'float32', [2], bytesOf([0.25, -0.25])))
  graph.output(graph.node('/Add', 'Add', [graph.node('/Mul', 'Mul', [x, scale]), shift]), 'y', 'float32', [2])
  await data.write(join(temporary.path, 'weights.bin'), () => undefined)
  const path = join(temporary.path, 'external.onnx')
  await writeFile(path, encode(graph))
  const session = await InferenceSession.create(path)
  const { y } = await session.run({ x: floats(10, 100) })
  expect(y?.data).toEqual(Float32Array.of(20.25, 299.75))
  await session.release()
})
