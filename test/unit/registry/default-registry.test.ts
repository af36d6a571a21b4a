/** The one registry of the process; a file of its own, because what it registers stays. */
import { expect, it } from 'vitest'

import { STELLA_NANO, getDefaultRegistry, getModel, listModels, registerModel } from '../../../registry/index.js'
import { failureOf } from '../../support/failure.js'

it('registerModel returns what getModel finds from then on', async () => {
  const mine = registerModel({ ...structuredClone(STELLA_NANO), key: 'mine', aliases: ['me/mine'] })
  expect(getModel('Me/Mine')).toBe(mine)
  expect(listModels().at(-1)).toBe(mine)
  expect(getDefaultRegistry().get('mine')).toBe(mine)
  expect(Object.isFrozen(mine.heads)).toBe(true)
  expect((await failureOf(() => registerModel(mine))).code).toBe('MODEL_DUPLICATE')
})
