import { expect, it } from 'vitest'

import type { PrecisionRequest } from '../../../src/convert/recipe.js'
import { resolvePrecision } from '../../../src/convert/recipe.js'
import { failureOf } from '../../support/failure.js'

it('auto and fp32 are fp32', () => {
  expect(resolvePrecision('auto')).toBe('fp32')
  expect(resolvePrecision('fp32')).toBe('fp32')
})

it.each(['int8', 'int4', 'FP32', '', null, 8])('%j is refused, never taken for another', async (request) => {
  const error = await failureOf(() => resolvePrecision(request as PrecisionRequest))
  expect(error.code).toBe('OPTION_INVALID')
  expect(error.message).toContain('auto, fp32')
})
