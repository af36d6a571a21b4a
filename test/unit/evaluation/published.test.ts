import { describe, expect, it } from 'vitest'

import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5 } from '../../../registry/index.js'
import { publishedChecks } from '../../../src/evaluation/published.js'
import type { EmbedTexts, PublishedCheck } from '../../../src/evaluation/published/check.js'
import { compare, compareTable, worst } from '../../../src/evaluation/published/check.js'
import { STELLA_EN_1_5B_V5_CHECKS } from '../../../src/evaluation/published/stella-en-1.5b-v5.js'
import { STELLA_EN_400M_V5_CHECKS } from '../../../src/evaluation/published/stella-en-400m-v5.js'
import { TEI_VECTOR_1024, TEI_VECTOR_768 } from '../../../src/evaluation/published/tei-vectors.js'

/** An embedder that answers from `vectorOf`. */
function embedderOf(
  vectorOf: (input: string | Int32Array, dimensions: number) => readonly number[],
  tokens = 11,
): EmbedTexts {
  return (inputs, options = {}) =>
    Promise.resolve({
      embeddings: inputs.map((input) => Float32Array.from(vectorOf(input, options.dimensions ?? 0))),
      dimensions: options.dimensions ?? 0,
      usage: { tokens: tokens * inputs.length, tokensTotal: tokens * inputs.length },
      tokens: inputs.map(() => tokens),
      truncated: inputs.map(() => false),
    })
}

function checkCalled(checks: readonly PublishedCheck[], part: string): PublishedCheck {
  const found = checks.find((check) => check.name.includes(part))
  if (found === undefined) throw new Error(`no check called ${part}`)
  return found
}

/** Norms of the published vectors, as their source prints them apart from the numbers. */
const TEI_NORMS = { 1024: 22.5156, 768: 19.96005 } as const

function norm(vector: readonly number[]): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}

describe('publishedChecks', () => {
  it.each([
    [STELLA_EN_400M_V5, STELLA_EN_400M_V5_CHECKS],
    [STELLA_EN_1_5B_V5, STELLA_EN_1_5B_V5_CHECKS],
  ])('are found by the weights of $key', (info, checks) => {
    const sha256 = info.files.find((file) => file.path === 'model.safetensors')?.sha256 ?? ''
    expect(publishedChecks({ sources: { 'model.safetensors': sha256 } })).toBe(checks)
    expect(checks.length).toBeGreaterThanOrEqual(3)
    expect(checks.every((check) => check.source.length > 10)).toBe(true)
  })

  it('are none for other weights, whatever they are called', () => {
    expect(publishedChecks({ sources: { 'model.safetensors': '0'.repeat(64) } })).toEqual([])
    expect(publishedChecks({ sources: {} })).toEqual([])
  })
})

describe('the vectors of text-embeddings-inference', () => {
  it.each([
    [TEI_VECTOR_1024, 1024],
    [TEI_VECTOR_768, 768],
  ] as const)('have the size and length they were published with', (vector, dimensions) => {
    expect(vector).toHaveLength(dimensions)
    expect(norm(vector)).toBeCloseTo(TEI_NORMS[dimensions], 3)
  })

  it('pass for a vector of the same direction, and fail for one that lies 3 degrees off', async () => {
    const check = checkCalled(STELLA_EN_400M_V5_CHECKS, '768-d')
    const same = await check.run(embedderOf(() => TEI_VECTOR_768.map((value) => value * 1.5)))
    expect(same).toMatchObject({ passed: true, expected: 1, tolerance: 0.001 })
    // A vector at right angles: neighbours swapped, one of each with its sign turned.
    const right = TEI_VECTOR_768.map((_, i) =>
      i % 2 === 0 ? -(TEI_VECTOR_768[i + 1] ?? 0) : (TEI_VECTOR_768[i - 1] ?? 0),
    )
    const turned = TEI_VECTOR_768.map((value, i) => value + Math.tan((3 * Math.PI) / 180) * (right[i] ?? 0))
    const off = await check.run(embedderOf(() => turned))
    expect(off.passed).toBe(false)
    expect(off.measured).toBeCloseTo(Math.cos((3 * Math.PI) / 180), 5)
  })

  it('ask for the vector as the head gives it', async () => {
    const asked: unknown[] = []
    const embed: EmbedTexts = (inputs, options) => {
      asked.push([inputs, options])
      return embedderOf(() => TEI_VECTOR_1024)(inputs, options)
    }
    await checkCalled(STELLA_EN_400M_V5_CHECKS, '1024-d').run(embed)
    expect(asked).toEqual([[['What is Deep Learning?'], { dimensions: 1024, normalize: false }]])
  })
})

/** Vectors in a plane at given angles: any 2×2 table of cosines that angles can make. */
function plane(angles: Readonly<Record<string, number>>): EmbedTexts {
  return embedderOf((input) => {
    const angle = typeof input === 'string' ? angles[input] : undefined
    if (angle === undefined) throw new Error(`no angle for ${String(input)}`)
    return [Math.cos(angle), Math.sin(angle)]
  })
}

describe('compareTable', () => {
  const table = {
    queries: ['q1', 'q2'],
    task: 's2p_query',
    documents: ['d1', 'd2'],
    dimensions: 2,
    expected: [
      [Math.cos(0.1), Math.cos(1.2)],
      [Math.cos(0.9), Math.cos(0.2)],
    ],
    tolerance: 0.001,
  } as const

  it('passes when every cosine is as published', async () => {
    const measured = await compareTable(plane({ q1: 0, d1: 0.1, d2: 1.2, q2: 1 }), table)
    expect(measured).toMatchObject({ passed: true, tolerance: 0.001 })
  })

  it('fails by the cosine that is farthest off, and names it', async () => {
    // Moves one document by 0.05: its cosine with the nearly perpendicular first query suffers most.
    const measured = await compareTable(plane({ q1: 0, d1: 0.1, d2: 1.15, q2: 1 }), table)
    expect(measured).toMatchObject({ passed: false, expected: Math.cos(1.2), detail: 'query 1, document 2' })
  })

  it('puts the prompt before queries and none before documents', async () => {
    const asked: unknown[] = []
    const embed: EmbedTexts = (inputs, options) => {
      asked.push([inputs, options])
      return plane({ q1: 0, d1: 0.1, d2: 1.2, q2: 1 })(inputs, options)
    }
    await compareTable(embed, table)
    expect(asked).toEqual([
      [['q1', 'q2'], { task: 's2p_query', dimensions: 2 }],
      [['d1', 'd2'], { dimensions: 2 }],
    ])
  })
})

describe('the cards', () => {
  it.each([
    [STELLA_EN_400M_V5_CHECKS, [0.8398, 0.299, 0.3282, 0.8095]],
    [STELLA_EN_1_5B_V5_CHECKS, [0.8179, 0.2958, 0.3194, 0.7854]],
  ])('expect their own numbers', async (checks, numbers) => {
    const card = checkCalled(checks, 'card')
    // Queries along the axes: the documents' coordinates are then their cosines.
    const axes = [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
    ]
    const [a = 0, b = 0, c = 0, d = 0] = numbers
    const documents = [
      [a, c, Math.sqrt(1 - a * a - c * c), 0],
      [b, d, 0, Math.sqrt(1 - b * b - d * d)],
    ]
    const vectorOf = (input: string | Int32Array): readonly number[] => {
      const text = String(input)
      const topic = /stress/.test(text) ? 0 : 1
      return (text.endsWith('?') ? axes : documents)[topic] ?? []
    }
    expect(await card.run(embedderOf(vectorOf))).toMatchObject({ passed: true })
    const swapped = await card.run(embedderOf((input) => vectorOf(/stress/.test(String(input)) ? 'green?' : 'stress?')))
    expect(swapped.passed).toBe(false)
  })
})

describe("the vector of candle's README", () => {
  const check = checkCalled(STELLA_EN_1_5B_V5_CHECKS, 'candle')
  const vector = Array<number>(1024).fill(0.3)
  for (const [index, value] of [0.3905, -0.013, 0.2072].entries()) vector[index] = value
  for (const [index, value] of [-0.11, -0.0086, 0.6002].entries()) vector[1021 + index] = value

  it('passes for the printed numbers and fails where one differs', async () => {
    expect(await check.run(embedderOf(() => vector))).toMatchObject({ passed: true })
    const other = vector.with(1023, 0.61)
    expect(await check.run(embedderOf(() => other))).toMatchObject({ passed: false, detail: 'number 1023' })
  })
})

describe('the token ids', () => {
  const check = checkCalled(STELLA_EN_1_5B_V5_CHECKS, 'token ids')

  it('pass where the text gives the vector of the published ids', async () => {
    expect(await check.run(embedderOf(() => [1, 2]))).toMatchObject({ passed: true, measured: 0 })
  })

  it('fail where the count or the vector differs', async () => {
    expect(await check.run(embedderOf(() => [1, 2], 12))).toMatchObject({ passed: false, measured: 12, expected: 11 })
    const apart = await check.run(embedderOf((input) => (typeof input === 'string' ? [1, 2] : [1, 2.5])))
    expect(apart).toMatchObject({ passed: false, measured: 0.5 })
  })
})

describe('compare and worst', () => {
  it('never pass a number that is not finite', () => {
    expect(compare(Number.NaN, 1, 10).passed).toBe(false)
    expect(compare(Number.POSITIVE_INFINITY, 1, 10).passed).toBe(false)
  })

  it.each([0, 1, 2])('find NaN at place %i', (place) => {
    const measured = [1, 1.1, 0.9].map((value, index) => compare(index === place ? Number.NaN : value, 1, 0.5))
    expect(worst(measured).passed).toBe(false)
  })
})
