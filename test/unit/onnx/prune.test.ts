import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'

import type { Value } from '../../../src/onnx/graph.js'
import { Graph, graphAttribute } from '../../../src/onnx/graph.js'
import type { GraphData } from '../../../src/onnx/model.js'
import { pruneTo } from '../../../src/onnx/prune.js'
import { encodeModel } from '../../../src/onnx/wire.js'

const OPSETS = { '': 24, 'com.microsoft': 1 }
const PRODUCER = { name: 'test', version: '0' }

/** Every output of the graph for one input of two numbers. */
async function run(graph: GraphData): Promise<Readonly<Record<string, Float32Array>>> {
  const model = encodeModel({ irVersion: 12, opsets: OPSETS, producer: PRODUCER, metadata: {}, graph })
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 })
  try {
    const outputs = await session.run({ x: new Tensor('float32', [1.5, -2], [2]) })
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]))
  } finally {
    await session.release()
  }
}

const namesOf = ({ nodes, initializers }: GraphData) => ({
  nodes: nodes.map(({ name }) => name),
  initializers: initializers.map(({ name }) => name),
})

describe('a pruned graph', () => {
  it('keeps just the nodes and constants that its outputs need, in their order, and every input', () => {
    const graph = new Graph('two')
    const x = graph.input('x', 'float32', [2])
    graph.input('unused', 'float32', [2])
    const shared = graph.node('/shared', 'Neg', [x])
    const [a, b] = [graph.constant('float32', [1]), graph.constant('float32', [2])]
    graph.output(graph.node('/left', 'Add', [shared, a]), 'left', 'float32', [2])
    graph.output(graph.node('/right', 'Add', [shared, b]), 'right', 'float32', [2])
    const left = pruneTo(graph.build(), ['left'])
    expect(namesOf(left)).toEqual({ nodes: ['/shared', '/left', '/left'], initializers: [a] })
    expect(left.inputs.map(({ name }) => name)).toEqual(['x', 'unused'])
    expect(left.outputs.map(({ name }) => name)).toEqual(['left'])
    expect(pruneTo(graph.build(), ['right', 'left'])).toEqual(graph.build())
  })

  it('keeps what the branches of an If read from around them, at any depth', async () => {
    const graph = new Graph('outer')
    const x = graph.input('x', 'float32', [2])
    const captured = graph.node('/captured', 'Neg', [x])
    const deep = graph.node('/deep', 'Abs', [x])
    graph.output(graph.node('/aside', 'Sqrt', [deep]), 'aside', 'float32', [2])
    const yes = graph.initializer({
      name: 'yes',
      dtype: 'bool',
      dims: [],
      storage: { kind: 'inline', data: Uint8Array.of(1) },
    })
    const inner = (around: Graph, name: string, value: Value): Graph => {
      const branch = around.branch(name)
      branch.output(
        branch.node(`/${name}`, 'Mul', [value, branch.constant('float32', [3])]),
        `${name}/rows`,
        'float32',
        [2],
      )
      return branch
    }
    const choose = (around: Graph, name: string, then: Graph, otherwise: Graph): Value =>
      around.node(name, 'If', [yes], {
        attributes: { then_branch: graphAttribute(then), else_branch: graphAttribute(otherwise) },
      })
    const nested = graph.branch('nested')
    const chosen = choose(nested, '/inner/If', inner(nested, 'deepest', deep), inner(nested, 'other', captured))
    nested.output(chosen, 'nested/rows', 'float32', [2])
    graph.output(choose(graph, '/If', nested, inner(graph, 'plain', captured)), 'y', 'float32', [2])
    const pruned = pruneTo(graph.build(), ['y'])
    expect(namesOf(pruned).nodes).toEqual(['/captured', '/deep', '/If', '/y'])
    expect(await run(pruned)).toEqual({ y: Float32Array.of(4.5, 6) })
  })

  it('refuses an output that the graph does not have', () => {
    expect(() => pruneTo(new Graph('empty').build(), ['y'])).toThrow('the graph has no output y')
  })

  it('gives what the whole graph gives, for any graph and any of its outputs', async () => {
    const anyNode = fc.record({
      operator: fc.constantFrom('Add', 'Mul', 'Max', 'Neg', 'If'),
      left: fc.nat(),
      right: fc.nat(),
      output: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(anyNode, { minLength: 1, maxLength: 12 }), fc.nat(), async (nodes, seed) => {
        const graph = new Graph('any')
        const values: Value[] = [graph.input('x', 'float32', [2]), graph.constant('float32', [0.5, 4])]
        const outputs: string[] = []
        nodes.forEach(({ operator, left, right, output }, index) => {
          const name = `/${index}`
          const [a, b] = [pick(values, left), pick(values, right)]
          values.push(
            operator === 'If'
              ? larger(graph, name, a, b)
              : graph.node(name, operator, operator === 'Neg' ? [a] : [a, b]),
          )
          if (!output && index > 0) return
          graph.output(pick(values, values.length - 1), `y${index}`, 'float32', [2])
          outputs.push(`y${index}`)
        })
        const whole = await run(graph.build())
        const wanted = outputs.filter((_, index) => index === seed % outputs.length || (seed >> index) % 2 === 1)
        const pruned = pruneTo(graph.build(), wanted)
        expect(await run(pruned)).toEqual(Object.fromEntries(wanted.map((name) => [name, whole[name]])))
        expect(pruneTo(pruned, wanted)).toEqual(pruned)
      }),
      { numRuns: 40 },
    )
  })
})

function pick(values: readonly Value[], at: number): Value {
  const value = values[at % values.length]
  if (value === undefined) throw new Error('there is no value to pick')
  return value
}

/** `a` where its sum is the larger one, else `b`. */
function larger(graph: Graph, name: string, a: Value, b: Value): Value {
  const sums = [a, b].map((value, i) =>
    graph.node(`${name}/sum${i}`, 'ReduceSum', [value], { attributes: { keepdims: { kind: 'int', value: 0 } } }),
  )
  const branches = [a, b].map((value, i) => {
    const branch = graph.branch(`${name}/branch${i}`)
    branch.output(value, `${name}/rows${i}`, 'float32', [2])
    return graphAttribute(branch)
  })
  const [then, otherwise] = branches
  if (then === undefined || otherwise === undefined) throw new Error('two branches were made')
  const which = graph.node(`${name}/Greater`, 'Greater', sums)
  return graph.node(name, 'If', [which], { attributes: { then_branch: then, else_branch: otherwise } })
}
