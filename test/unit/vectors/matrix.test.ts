import { describe, expect, it } from 'vitest'

import type { EmbeddingMatrix, Vector } from '../../../src/vectors/matrix.js'
import { allocateFloats, checkMatrix, matrixOf, rowOf } from '../../../src/vectors/matrix.js'
import { foreign, refused, transferred } from './vectors.js'

describe('matrixOf', () => {
  it('copies vectors row after row', () => {
    const first = Float32Array.of(1, 2)
    const matrix = matrixOf([first, Float32Array.of(3, 4), Float32Array.of(5, 6)])
    expect(matrix).toEqual({ data: Float32Array.of(1, 2, 3, 4, 5, 6), rows: 3, dimensions: 2 })
    first[0] = 9
    expect(matrix.data[0]).toBe(1)
  })

  it('takes numbers as JSON gives them, and vectors of another realm', () => {
    const read = JSON.parse('[0.1, -2]') as number[]
    const { data } = matrixOf([read, foreign([3, 4])])
    expect(data).toEqual(Float32Array.of(0.1, -2, 3, 4))
  })

  it.each<[string, unknown, RegExp]>([
    ['no vectors', [], /at least one vector.*rows: 0/],
    ['no list', Float32Array.of(1), /an array of vectors; got an object \(Float32Array\)/],
    ['nothing', undefined, /got undefined/],
    [
      'vectors of different sizes',
      [Float32Array.of(1, 2), Float32Array.of(1)],
      /Vector 1 has 1 dimensions; expected 2/,
    ],
    ['an empty vector', [Float32Array.of()], /Vector 0 is empty/],
    ['a vector that went to another thread', [transferred(4)], /Vector 0 is empty.*transferred to another thread/],
    ['doubles', [Float64Array.of(1)], /Vector 0 is not a vector.*Float64Array/],
    ['a hole', Array<Vector>(1), /Vector 0 is not a vector.*undefined/],
    ['texts', [['1']], /Vector 0 is not a vector.*an array/],
    ['a text', ['abc'], /Vector 0 is not a vector/],
  ])('refuses %s', (_, given, message) => {
    expect(() => matrixOf(given as Vector[])).toThrow(refused('INPUT_INVALID', message))
  })
})

describe('rowOf', () => {
  const matrix = matrixOf([
    [1, 2],
    [3, 4],
  ])

  it('is a view of the row', () => {
    expect(rowOf(matrix, 1)).toEqual(Float32Array.of(3, 4))
    expect(rowOf(matrix, 1).buffer).toBe(matrix.data.buffer)
  })

  it.each([-1, 2, 0.5, Number.NaN])('refuses row %d', (row) => {
    expect(() => rowOf(matrix, row)).toThrow(refused('INPUT_INVALID', /a row from 0 to 1; got/))
  })
})

describe('checkMatrix', () => {
  it.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /`corpus` to be an EmbeddingMatrix.*undefined/],
    ['a list of vectors', [Float32Array.of(1)], /as matrixOf makes it; got an array/],
    ['a bare array', Float32Array.of(1), /got an object \(Float32Array\)/],
    ['doubles', { data: Float64Array.of(1), rows: 1, dimensions: 1 }, /`corpus\.data` to be a Float32Array/],
    ['a size that is not its', { data: new Float32Array(5), rows: 2, dimensions: 3 }, /hold 6 numbers.*got 5/],
    [
      'an array that went away',
      { data: transferred(6), rows: 2, dimensions: 3 },
      /got 0\. An array that was transferred/,
    ],
    ['no rows', { data: new Float32Array(0), rows: undefined, dimensions: 3 }, /`corpus\.rows` to be an integer/],
    ['negative rows', { data: new Float32Array(0), rows: -1, dimensions: 3 }, /of at least 0; got -1/],
    [
      'no dimension',
      { data: new Float32Array(0), rows: 2, dimensions: 0 },
      /dimensions` to be an integer of at least 1/,
    ],
    ['huge sizes', { data: new Float32Array(0), rows: 2 ** 52, dimensions: 2 ** 52 }, /to hold .* numbers.*got 0/],
  ])('refuses %s', (_, given, message) => {
    expect(() => {
      checkMatrix(given as EmbeddingMatrix, 'corpus')
    }).toThrow(refused('INPUT_INVALID', message))
  })

  it('takes an array of another realm, and none at all where there are no rows', () => {
    checkMatrix({ data: foreign([1, 2]), rows: 1, dimensions: 2 }, 'corpus')
    checkMatrix({ data: new Float32Array(0), rows: 0, dimensions: 2 }, 'corpus')
  })
})

it('room that no machine has is MEMORY_EXHAUSTED, not a RangeError', () => {
  expect(() => allocateFloats(2 ** 50)).toThrow(refused('MEMORY_EXHAUSTED', /Cannot allocate \d+ bytes/))
})
