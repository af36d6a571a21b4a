import { expect, it } from 'vitest'

import type { PrecisionRequest } from '../../../src/convert/recipe.js'
import { checkPrecision } from '../../../src/convert/recipe.js'
import { failureOf } from '../../support/failure.js'

it.each(['auto', 'fp32', 'int8', 'int4'] as const)('%s is accepted', (request) => {
  expect(checkPrecision(request)).toBe(request)
})

it.each(['fp16', 'FP32', '', null, 8])('%j is refused, never taken for another', async (request) => {
  const error = await failureOf(() => checkPrecision(request as PrecisionRequest))
  expect(error.code).toBe('OPTION_INVALID')
  expect(error.message).toContain('auto, fp32, int8, int4')
})
