/** The graphs of the real models, counted: no node comes or goes by accident. No weight is read. */
import { describe, expect, it } from 'vitest'

import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5 } from '../../../registry/index.js'
import type { ArchitectureInfo } from '../../../registry/types.js'
import { buildBackbone } from '../../../src/convert/backbone.js'
import { buildHead } from '../../../src/convert/head.js'
import { inventoryOf } from '../../../src/convert/inventory.js'
import { TensorPlan } from '../../../src/convert/tensor-plan.js'
import type { TensorReader } from '../../../src/files/safetensors.js'
import type { GraphData, NodeData } from '../../../src/onnx/model.js'
import { failureOf } from '../../support/failure.js'

/** Knows shapes, and refuses to give a number. */
function readerOf(shapes: ReadonlyMap<string, readonly number[]>): TensorReader {
  return {
    folder: '/nowhere',
    files: ['model.safetensors'],
    names: () => shapes.keys(),
    entry: (name: string) => (shapes.has(name) ? { name, shape: shapes.get(name) } : undefined),
    stream: () => {
      throw new Error('a weight was read while the graph was built')
    },
  } as unknown as TensorReader
}

function* nodesOf(graph: GraphData): Generator<NodeData> {
  for (const node of graph.nodes) {
    yield node
    for (const attribute of Object.values(node.attributes))
      if (attribute.kind === 'graph') yield* nodesOf(attribute.value)
  }
}

function countsOf(graph: GraphData): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { operator } of nodesOf(graph)) counts[operator] = (counts[operator] ?? 0) + 1
  return counts
}

function backbone(architecture: ArchitectureInfo): { readonly graph: GraphData; readonly plan: TensorPlan } {
  const plan = new TensorPlan('backbone.onnx.data')
  return { graph: buildBackbone(architecture, readerOf(inventoryOf(architecture)), '', plan), plan }
}

describe('the backbone of the 400M', () => {
  const { graph, plan } = backbone(STELLA_EN_400M_V5.architecture)
  const layers = 24

  it('has the operators of 24 post-norm layers, and no others', () => {
    expect(countsOf(graph)).toEqual({
      // Projections: q, k, v, o, up, gate, down.
      Gemm: 7 * layers,
      // One over the embeddings, two in each layer; there is no final norm.
      LayerNormalization: 1 + 2 * layers,
      Gelu: layers,
      // The gate in each layer, and the angles.
      Mul: layers + 1,
      // Two residuals in each layer, and the token type.
      Add: 2 * layers + 1,
      RotaryEmbedding: 2 * layers,
      If: layers,
      Attention: layers,
      MultiHeadAttention: layers,
      // Words; q, k, v to padded and back in each layer; pooling.
      Gather: 1 + 4 * layers + 1,
      Reshape: layers,
      // Rotated q and k, and q, k, v of the flash path; positions, row numbers, ends, mask.
      Unsqueeze: (2 + 3) * layers + 4,
      // Their counterparts; the length and the sums of the pooling.
      Squeeze: (2 + 1) * layers + 2,
      // Outputs of both branches, and of the graph.
      Identity: 2 * layers + 1,
      // Key lengths, positions, the mask and the counts of the pooling.
      Cast: 4,
      Cos: 1,
      Sin: 1,
      Range: 2,
      Size: 3,
      Equal: 1,
      GreaterOrEqual: 1,
      And: 1,
      Shape: 1,
      Less: 1,
      MatMul: 1,
      Div: 1,
    })
  })

  it('uses erf Gelu: the operator without the tanh approximation', () => {
    for (const node of nodesOf(graph)) {
      if (node.operator === 'Gelu') expect(node).toMatchObject({ domain: '', attributes: {} })
    }
  })

  it('norms with ε = 1e-12', () => {
    for (const node of nodesOf(graph)) {
      if (node.operator === 'LayerNormalization')
        expect(node.attributes.epsilon).toEqual({ kind: 'float', value: 1e-12 })
    }
  })

  it('activates the second half of the packed matrix, and multiplies by the first', () => {
    const inputsOf = (name: string) => graph.nodes.find((node) => node.name === name)?.inputs
    expect(inputsOf('/layers.0/mlp/gate_proj/Gemm')?.[1]).toBe('encoder.layer.0.mlp.up_gate_proj.weight[4096:8192]')
    expect(inputsOf('/layers.0/mlp/up_proj/Gemm')?.[1]).toBe('encoder.layer.0.mlp.up_gate_proj.weight[0:4096]')
    expect(inputsOf('/layers.0/mlp/Gelu')).toEqual(['/layers.0/mlp/gate_proj/Gemm/output_0'])
  })

  it('holds every weight once, the second token type and the pooler left out', () => {
    const { parameters, architecture } = STELLA_EN_400M_V5
    const external = graph.initializers.filter(({ storage }) => storage.kind === 'external')
    const numbers = external.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
    expect(numbers).toBe(parameters.embedding + parameters.layers - architecture.hidden)
    expect(plan.bytes).toBeGreaterThanOrEqual(4 * numbers)
  })
})

describe('the backbone of the 1.5B', () => {
  const { graph } = backbone(STELLA_EN_1_5B_V5.architecture)
  const layers = 28

  it('has the operators of 28 pre-norm layers with a final norm', () => {
    expect(countsOf(graph)).toEqual({
      Gemm: 7 * layers,
      SimplifiedLayerNormalization: 2 * layers + 1,
      QuickGelu: layers,
      Mul: layers + 1,
      Add: 2 * layers,
      RotaryEmbedding: 2 * layers,
      If: layers,
      Attention: layers,
      MultiHeadAttention: layers,
      Gather: 1 + 4 * layers + 1,
      // Back to rows; and k and v of the flash path, twice each, around the repeated heads.
      Reshape: layers + 4 * layers,
      Expand: 2 * layers,
      Unsqueeze: (2 + 3) * layers + 4,
      Squeeze: (2 + 1) * layers + 2,
      Identity: 2 * layers + 1,
      Cast: 4,
      Cos: 1,
      Sin: 1,
      Range: 2,
      Size: 3,
      Equal: 1,
      GreaterOrEqual: 1,
      And: 1,
      Shape: 1,
      Less: 1,
      MatMul: 1,
      Div: 1,
    })
  })

  it('attends in both directions, with 12 query heads on 2 key heads', () => {
    for (const { operator, attributes } of nodesOf(graph)) {
      if (operator === 'Attention') {
        expect(attributes).toEqual({
          q_num_heads: { kind: 'int', value: 12 },
          kv_num_heads: { kind: 'int', value: 2 },
          is_causal: { kind: 'int', value: 0 },
        })
      }
      if (operator === 'MultiHeadAttention') expect(attributes).toEqual({ num_heads: { kind: 'int', value: 12 } })
    }
  })

  it('adds a bias to q, k and v only', () => {
    for (const { name, operator, inputs } of nodesOf(graph)) {
      if (operator === 'Gemm') expect(inputs, name).toHaveLength(/\/[qkv]_proj\//.test(name) ? 3 : 2)
    }
  })

  it('holds every weight once', () => {
    const { parameters } = STELLA_EN_1_5B_V5
    const external = graph.initializers.filter(({ storage }) => storage.kind === 'external')
    const numbers = external.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
    expect(numbers).toBe(parameters.embedding + parameters.layers)
  })
})

describe('both backbones', () => {
  it.each([STELLA_EN_400M_V5, STELLA_EN_1_5B_V5])('of $key take the packed batch and give [batch, hidden]', (info) => {
    const { graph } = backbone(info.architecture)
    expect(graph.inputs.map(({ name, dtype, dims }) => [name, dtype, dims])).toEqual([
      ['lengths', 'int32', ['batch']],
      ['input_ids', 'int32', ['tokens']],
      ['position_ids', 'int32', ['tokens']],
      ['padded_rows', 'int32', ['batch', 'length']],
      ['packed_places', 'int32', ['tokens']],
    ])
    expect(graph.outputs).toEqual([{ name: 'pooled', dtype: 'float32', dims: ['batch', info.architecture.hidden] }])
  })

  it('bake no length in: no constant is as long as the positions reach', () => {
    const { graph } = backbone(STELLA_EN_400M_V5.architecture)
    for (const { storage } of graph.initializers)
      if (storage.kind === 'inline') expect(storage.data.length).toBeLessThan(1000)
  })
})

describe('a head', () => {
  const MATRIX_AND_BIAS: [string, number[]][] = [
    ['linear.weight', [768, 1024]],
    ['linear.bias', [768]],
  ]
  const head = { dimensions: 768, folder: '2_Dense_768' }
  const shapes = (weight: readonly number[], bias?: readonly number[]) =>
    readerOf(new Map([['linear.weight', weight], ...(bias === undefined ? [] : [['linear.bias', bias] as const])]))

  it('is one Gemm with a bias, and does not normalise', () => {
    const graph = buildHead(head, 1024, shapes([768, 1024], [768]), new TensorPlan('768.onnx.data'))
    expect(countsOf(graph)).toEqual({ Gemm: 1, Identity: 1 })
    expect(graph.nodes[0]?.inputs).toEqual(['pooled', 'linear.weight', 'linear.bias'])
    expect(graph.outputs).toEqual([{ name: 'projected', dtype: 'float32', dims: ['batch', 768] }])
  })

  it.each([
    ['a transposed matrix', shapes([1024, 768], [768]), 'linear.weight has shape [1024, 768]; expected [768, 1024]'],
    ['a missing bias', shapes([768, 1024]), 'linear.bias is missing; expected [768]'],
    ['the bias of another head', shapes([768, 1024], [256]), 'linear.bias has shape [256]; expected [768]'],
    [
      'scales of 8-bit weights',
      readerOf(new Map([...MATRIX_AND_BIAS, ['linear.weight_scale', [768, 1]]])),
      'a Dense head has no place for linear.weight_scale. Scales of quantised weights are not applied',
    ],
  ])('with %s is refused', async (_, reader, message) => {
    const error = await failureOf(() => buildHead(head, 1024, reader, new TensorPlan('x')))
    expect(error.code).toBe('CHECKPOINT_INVALID')
    expect(error.message).toContain(message)
  })
})
