import fc from 'fast-check'
import { Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'

import { FLOAT16_OVERFLOW, narrowToFloat16 } from '../../../../src/convert/quantize/float16.js'
import { widenF16 } from '../../../../src/files/safetensors/widen.js'
import { EngineGraph } from './engine.js'

function narrow(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length)
  narrowToFloat16(values, halves)
  return halves
}

function widen(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length)
  widenF16(halves, bits, halves.length)
  return new Float32Array(bits.buffer)
}

const FINITE = Uint16Array.from({ length: 65_536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00)

describe('narrowToFloat16', () => {
  it('gives back every finite half', () => {
    expect(narrow(widen(FINITE))).toEqual(FINITE)
  })

  it('rounds to the nearest half everywhere between two, and a tie to the even one', () => {
    const positive = FINITE.filter((bits) => bits < 0x7bff)
    const values = widen(positive)
    const above = widen(positive.map((bits) => bits + 1))
    const middles = values.map((value, i) => (value + (above[i] ?? NaN)) / 2)
    const bits = new Uint32Array(middles.buffer)
    for (const sign of [1, -1]) {
      const signed = (shift: number): Float32Array =>
        new Float32Array(bits.map((all) => all + shift).buffer).map((value) => sign * value)
      const zero = sign === 1 ? 0 : 0x8000
      expect(narrow(signed(-1))).toEqual(positive.map((half) => half | zero))
      expect(narrow(signed(0))).toEqual(positive.map((half) => (half + (half & 1)) | zero))
      expect(narrow(signed(1))).toEqual(positive.map((half) => (half + 1) | zero))
    }
  })

  it('rounds to the largest half up to where the next would begin', () => {
    const below = Math.fround(FLOAT16_OVERFLOW - 2 ** -8)
    expect([...narrow(Float32Array.of(65504, below, -below))]).toEqual([0x7bff, 0x7bff, 0xfbff])
  })

  it('agrees with the engine: its Cast from float16 reads, and its Cast to float16 writes, the same', async () => {
    const values = fc.sample(fc.float({ min: -65504, max: 65504, noNaN: true }), { numRuns: 2000, seed: 5 })
    const more = fc.sample(fc.float({ min: Math.fround(-1e-4), max: Math.fround(1e-4), noNaN: true }), 2000)
    const floats = Float32Array.from([...values, ...more])
    const reading = new EngineGraph()
    const halves = reading.constant('float16', [1, floats.length], narrow(floats))
    const read = await reading.run(reading.graph.cast('/read', halves, 'float32'))
    const writing = new EngineGraph()
    const x = writing.graph.input('x', 'float32', [1, floats.length])
    const written = writing.graph.cast('/back', writing.graph.cast('/write', x, 'float16'), 'float32')
    const expected = await writing.run(written, { data: floats, dims: [1, floats.length] })
    expect(read).toEqual(expected)
    expect(new Tensor('float32', read).size).toBe(4000)
  })
})
