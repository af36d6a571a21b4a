import { describe, expect, it } from 'vitest'

import { hotShape, openBareGemms, openHotGemm } from '../../../bench/table/bare-gemms.js'
import { gemmKind } from '../../../bench/table/gemm.js'
import { gemmGopPerToken, linearsOf } from '../../../bench/table/linear-shapes.js'
import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../../src/index.js'

describe('the linear layers of a model', () => {
  it('have the weights of its layers, but for biases and norms', () => {
    for (const { architecture, parameters } of [STELLA_EN_400M_V5, STELLA_EN_1_5B_V5]) {
      const weights = (gemmGopPerToken(architecture) * 1e9) / 2
      expect(weights / parameters.layers).toBeGreaterThan(0.998)
      expect(weights).toBeLessThan(parameters.layers)
    }
  })

  it('share key and value heads where the architecture does', () => {
    const outputs = Object.fromEntries(
      linearsOf(STELLA_EN_1_5B_V5.architecture).map((linear) => [linear.name, linear.outputs]),
    )
    expect(outputs).toMatchObject({ q: 1536, k: 256, v: 256, o: 1536, up: 8960, gate: 8960, down: 1536 })
    expect(hotShape(STELLA_EN_1_5B_V5.architecture)).toMatchObject({ inputs: 1536, outputs: 8960 })
  })
})

describe.each(['fp32', 'int8', 'int4'])('bare products in %s', (precision) => {
  const kind = gemmKind(precision)

  it('run for any number of tokens', async () => {
    if (kind === undefined) throw new Error(`no bare product for ${precision}`)
    const bare = await openBareGemms(STELLA_NANO.architecture, kind, 1)
    const hot = await openHotGemm(STELLA_NANO.architecture, kind, 1)
    expect(await bare.run([1, 64, 3])).toBeGreaterThan(0)
    expect(await hot.run([64])).toBeGreaterThan(0)
    await Promise.all([bare.close(), hot.close()])
  })
})

it('there is no bare product of a precision nobody knows', () => {
  expect(gemmKind('fp8')).toBeUndefined()
  expect(gemmKind('toString')).toBeUndefined()
})
