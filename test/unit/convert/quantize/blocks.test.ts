import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { BlockSize } from '../../../../src/convert/quantize/blocks.js'
import { BLOCK_SIZES, blockLayout, quantizeBlocks8 } from '../../../../src/convert/quantize/blocks.js'
import { quantizeBlocks4 } from '../../../../src/convert/quantize/blocks4.js'
import { MICROSOFT, int } from '../../../../src/onnx/graph.js'
import { EngineGraph } from './engine.js'
import { anyMatrix, dequantized, normals, product, relativeError } from './numbers.js'

const anyBlock = fc.constantFrom<BlockSize>(...BLOCK_SIZES)

interface Quantized {
  readonly codes: Uint8Array
  readonly steps: Float32Array
}

function quantize(bits: 4 | 8, values: Float32Array, columns: number, block: BlockSize, search?: 'largest'): Quantized {
  const rows = values.length / columns
  const { blocks, codeBytes } = blockLayout(columns, block, bits)
  // Not zero, so that what is left out shows.
  const codes = new Uint8Array(rows * codeBytes).fill(0x5a)
  const steps = new Float32Array(rows * blocks).fill(NaN)
  if (bits === 8) quantizeBlocks8(values, columns, block, codes, steps)
  else quantizeBlocks4(values, columns, block, codes, steps, search)
  return { codes, steps }
}

/** The engine's `MatMulNBits` of `x [tokens, columns]`. */
async function multiply(
  x: Float32Array,
  { codes, steps }: Quantized,
  shape: { readonly rows: number; readonly columns: number; readonly block: BlockSize; readonly bits: 4 | 8 },
  accuracy: number,
): Promise<Float32Array> {
  const { rows, columns, block, bits } = shape
  const { blocks, codeBytes } = blockLayout(columns, block, bits)
  const engine = new EngineGraph()
  const inputs = [
    engine.graph.input('x', 'float32', ['tokens', columns]),
    engine.constant('uint8', [rows, blocks, codeBytes / blocks], codes),
    engine.constant('float32', [rows, blocks], steps),
  ]
  const y = engine.graph.node('/m', 'MatMulNBits', inputs, {
    domain: MICROSOFT,
    attributes: {
      K: int(columns),
      N: int(rows),
      bits: int(bits),
      block_size: int(block),
      accuracy_level: int(accuracy),
    },
  })
  return engine.run(y, { data: x, dims: [x.length / columns, columns] })
}

describe.each([
  // Of a block of 32 normal deviates: a step is 1/127 or 1/8 of about 2.1 deviations, times 1/√12 for rounding.
  { bits: 8, block: 16, columns: 160, bound: 0.006 },
  { bits: 8, block: 32, columns: 96, bound: 0.006 },
  { bits: 8, block: 64, columns: 151, bound: 0.007 },
  { bits: 4, block: 16, columns: 7, bound: 0.1 },
  { bits: 4, block: 32, columns: 160, bound: 0.1 },
  { bits: 4, block: 32, columns: 151, bound: 0.1 },
  { bits: 4, block: 64, columns: 130, bound: 0.11 },
  { bits: 4, block: 128, columns: 256, bound: 0.12 },
  { bits: 4, block: 256, columns: 300, bound: 0.13 },
] as const)('$bits bits in blocks of $block, rows of $columns', ({ bits, block, columns, bound }) => {
  const rows = 48
  const shape = { rows, columns, block, bits }
  const weight = normals(`weight-${bits}-${columns}`, rows * columns, 0.05)
  const x = normals('x', 5 * columns)
  const quantized = quantize(bits, weight, columns, block)

  it('are what MatMulNBits multiplies by', async () => {
    const expected = product(x, dequantized(quantized.codes, quantized.steps, shape), columns)
    expect(relativeError(await multiply(x, quantized, shape, 0), expected)).toBeLessThan(1e-6)
    // Accuracy level 4 rounds the input to 8 bits as well.
    expect(relativeError(await multiply(x, quantized, shape, 4), expected)).toBeLessThan(0.02)
  })

  it('come near the float32 product', async () => {
    const made = await multiply(x, quantized, shape, 0)
    expect(relativeError(made, product(x, weight, columns))).toBeLessThan(bound)
  })
})

describe('quantizeBlocks8', () => {
  it('is off by at most half a step, and pads with the zero point', () => {
    fc.assert(
      fc.property(anyMatrix({ rows: 3, columns: 70 }), anyBlock, ({ values, rows, columns }, block) => {
        const { codes, steps } = quantize(8, values, columns, block)
        const { blocks, codeBytes } = blockLayout(columns, block, 8)
        const made = dequantized(codes, steps, { rows, columns, block, bits: 8 })
        values.forEach((value, i) => {
          const step = steps[Math.floor(i / columns) * blocks + Math.floor((i % columns) / block)] ?? NaN
          expect(Math.abs(value - (made[i] ?? NaN))).toBeLessThanOrEqual((0.5 + 127 * 2 ** -23) * step)
        })
        for (let row = 0; row < rows; row++) {
          const padding = codes.subarray(row * codeBytes + columns, (row + 1) * codeBytes)
          expect(padding.every((code) => code === 128)).toBe(true)
        }
      }),
    )
  })
})

describe('quantizeBlocks4', () => {
  it.each(['search', 'largest'] as const)('keeps every value within one step, by %s', (search) => {
    fc.assert(
      fc.property(anyMatrix({ rows: 3, columns: 70 }), anyBlock, ({ values, rows, columns }, block) => {
        const { codes, steps } = quantize(4, values, columns, block, search === 'largest' ? search : undefined)
        const blocks = Math.ceil(columns / block)
        const made = dequantized(codes, steps, { rows, columns, block, bits: 4 })
        values.forEach((value, i) => {
          const step = Math.abs(steps[Math.floor(i / columns) * blocks + Math.floor((i % columns) / block)] ?? NaN)
          // Of −8 … 7, a value opposite the largest may need 8. A searched step may be smaller: at worst −8 is clipped
          // to where 9.2 would be.
          expect(Math.abs(value - (made[i] ?? NaN))).toBeLessThanOrEqual((search === 'largest' ? 1.001 : 2.5) * step)
        })
      }),
    )
  })

  it('never errs more in a block for having searched', () => {
    fc.assert(
      fc.property(anyMatrix({ rows: 1, columns: 32 }), ({ values, columns }) => {
        // Large enough for the steps to be float32's normal numbers, and squares to be float64's.
        const block = values.map((value) => (Math.abs(value) < 1e-20 ? 0 : value))
        const errorOf = (search?: 'largest'): number => {
          const { codes, steps } = quantize(4, block, columns, 32, search)
          const made = dequantized(codes, steps, { rows: 1, columns, block: 32, bits: 4 })
          return made.reduce((sum, value, i) => sum + (value - (block[i] ?? NaN)) ** 2, 0)
        }
        // The step of −8 … 7 itself is among those tried, and refined; only rounding it to float32 can cost.
        expect(errorOf()).toBeLessThanOrEqual(errorOf('largest') * (1 + 1e-5) + 1e-60)
      }),
    )
  })

  it('errs at least 4 % less on normal weights for having searched, in blocks of 32 and of 128', () => {
    for (const block of [32, 128] as const) {
      const [rows, columns] = [64, 1024]
      const values = normals('search', rows * columns)
      const errorOf = (search?: 'largest'): number => {
        const { codes, steps } = quantize(4, values, columns, block, search)
        return relativeError(dequantized(codes, steps, { rows, columns, block, bits: 4 }), values)
      }
      expect(errorOf() / errorOf('largest')).toBeLessThan(0.96)
    }
  })

  it.each([
    ['zeros', [0, -0, 0], [0x88, 0x88], 1],
    ['one value, as −8 steps', [3], [0x80], -0.375],
    ['multiples of a step', [-8, 7, 3, -1], [0xf0, 0x7b], 1],
  ])('quantises a block of %s', (_, values, bytes, step) => {
    const { codes, steps } = quantize(4, Float32Array.from(values), values.length, 16)
    expect([...codes]).toEqual([...bytes, ...Array<number>(8 - bytes.length).fill(0x88)])
    expect([...steps]).toEqual([step])
  })
})
