import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { quantizeRows8 } from '../../../../src/convert/quantize/rows8.js'
import { transposeInto } from '../../../../src/convert/quantize/transpose.js'
import { MICROSOFT, int } from '../../../../src/onnx/graph.js'
import { EngineGraph } from './engine.js'
import { anyMatrix, normals, product, relativeError } from './numbers.js'

/** Half a step, and what float32 rounds off a step: one part in 2^24 of up to 127 steps. */
const HALF_STEP = 0.5 + 127 * 2 ** -23

function quantize(values: Float32Array, columns: number) {
  const codes = new Int8Array(values.length)
  const steps = new Float32Array(values.length / columns)
  quantizeRows8(values, columns, codes, steps)
  return { codes, steps }
}

describe('quantizeRows8', () => {
  it('is off by at most half a step, which reaches the largest value with code 127, and never uses −128', () => {
    fc.assert(
      fc.property(anyMatrix({ rows: 6, columns: 40 }), ({ values, columns }) => {
        const { codes, steps } = quantize(values, columns)
        values.forEach((value, i) => {
          const step = steps[Math.floor(i / columns)] ?? NaN
          const code = codes[i] ?? NaN
          expect(code).toBeGreaterThanOrEqual(-127)
          expect(Math.abs(value - code * step)).toBeLessThanOrEqual(HALF_STEP * step)
        })
        for (const [row, step] of steps.entries()) {
          const largest = Math.max(...values.subarray(row * columns, (row + 1) * columns).map(Math.abs))
          if (largest >= 127 * 2 ** -126) {
            expect(Math.abs(largest / step - 127)).toBeLessThan(1e-4)
            const reached = codes.subarray(row * columns, (row + 1) * columns).map(Math.abs)
            expect(Math.max(...reached)).toBe(127)
          }
        }
      }),
    )
  })

  it('gives the same codes for a row times a power of two, and a step times as large', () => {
    fc.assert(
      fc.property(anyMatrix({ rows: 2, columns: 30 }), fc.integer({ min: -20, max: 20 }), (matrix, exponent) => {
        const { columns } = matrix
        // Of ordinary size, so that no step falls below float32's normal numbers.
        const values = matrix.values.map((value) => (Math.abs(value) < 1e-20 ? 0 : value))
        const plain = quantize(values, columns)
        const scaled = quantize(
          values.map((value) => value * 2 ** exponent),
          columns,
        )
        expect(scaled.codes).toEqual(plain.codes)
        for (const [row, step] of plain.steps.entries()) {
          const isZero = values.subarray(row * columns, (row + 1) * columns).every((value) => value === 0)
          expect(scaled.steps[row]).toBe(isZero ? 1 : step * 2 ** exponent)
        }
      }),
    )
  })

  it('gives each row the codes and the step it has alone', () => {
    const values = normals('rows', 5 * 33)
    const all = quantize(values, 33)
    for (let row = 0; row < 5; row++) {
      const alone = quantize(values.slice(row * 33, (row + 1) * 33), 33)
      expect(all.codes.slice(row * 33, (row + 1) * 33)).toEqual(alone.codes)
      expect(all.steps[row]).toBe(alone.steps[0])
    }
  })

  it.each([
    ['zeros', [0, -0, 0], [0, 0, 0], 1],
    ['one value', [-3], [-127], Math.fround(3 / 127)],
    ['values below the least step', [2 ** -149, -(2 ** -127)], [0, 0], 2 ** -126],
    ['ties, which go to even', [127, 0.5, 1.5, -2.5], [127, 0, 2, -2], 1],
  ])('quantises a row of %s', (_, row, codes, step) => {
    const made = quantize(Float32Array.from(row), row.length)
    // A typed array has no −0.
    expect([...made.codes]).toEqual(codes)
    expect([...made.steps]).toEqual([step])
  })

  it('holds the largest float32', () => {
    const { codes, steps } = quantize(Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38), 2)
    expect([...codes]).toEqual([127, -127])
    expect(steps[0]).toBeGreaterThan(2.6e36)
  })
})

describe('the transposed layout', () => {
  it('has column j of the source as row j, wherever tiles end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        (rows, columns, before, after) => {
          const source = Int8Array.from({ length: rows * columns }, (_, i) => (i * 37) % 251)
          const width = before + rows + after
          const target = new Int8Array(columns * width).fill(99)
          transposeInto(source, columns, target, width, before)
          const wrong = target.findIndex((value, i) => {
            const [row, column] = [Math.floor(i / width), i % width]
            const inside = column >= before && column < before + rows
            return value !== (inside ? source[(column - before) * columns + row] : 99)
          })
          expect(wrong).toBe(-1)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('is what MatMulIntegerToFloat multiplies by', async () => {
    const [rows, columns, tokens] = [70, 130, 3]
    const weight = normals('weight', rows * columns, 0.05)
    const { codes, steps } = quantize(weight, columns)
    const transposed = new Int8Array(codes.length)
    transposeInto(codes, columns, transposed, rows, 0)
    const x = Uint8Array.from({ length: tokens * columns }, (_, i) => (i * 71) % 256)
    const engine = new EngineGraph()
    const y = engine.graph.node(
      '/m',
      'MatMulIntegerToFloat',
      [
        engine.constant('uint8', [tokens, columns], x),
        engine.constant('int8', [columns, rows], transposed),
        engine.constant('float32', [], Float32Array.of(0.01)),
        engine.constant('float32', [rows], steps),
        engine.constant('uint8', [], Uint8Array.of(128)),
        engine.constant('int8', [rows], new Int8Array(rows)),
      ],
      { domain: MICROSOFT },
    )
    const values = Float64Array.from(x, (code) => (code - 128) * 0.01)
    const made = await engine.run(y)
    const codesAlone = Float64Array.from(codes, (code, i) => code * (steps[Math.floor(i / columns)] ?? NaN))
    expect(relativeError(made, product(values, codesAlone, columns))).toBeLessThan(1e-6)
    // 8 bits over rows of 130 normal deviates: 1 / 127 of 2.7 deviations, by √12.
    expect(relativeError(made, product(values, weight, columns))).toBeLessThan(0.012)
  })

  it('as a table dequantises in the engine to what the steps say', async () => {
    const [rows, columns] = [9, 24]
    const { codes, steps } = quantize(normals('table', rows * columns), columns)
    const engine = new EngineGraph()
    const y = engine.graph.node(
      '/d',
      'DequantizeLinear',
      [engine.constant('int8', [rows, columns], codes), engine.constant('float32', [rows], steps)],
      { attributes: { axis: int(0) } },
    )
    const expected = Float32Array.from(codes, (code, i) => code * (steps[Math.floor(i / columns)] ?? NaN))
    expect(await engine.run(y)).toEqual(expected)
  })
})
