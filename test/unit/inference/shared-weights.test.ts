import { describe, expect, it } from 'vitest'

import { resolveSharedWeights } from '../../../src/inference/shared-weights.js'

describe('weights are shared', () => {
  it('on the CPU unless the caller says no', () => {
    expect(resolveSharedWeights('cpu', undefined)).toBe(true)
    expect(resolveSharedWeights('cpu', true)).toBe(true)
    expect(resolveSharedWeights('cpu', false)).toBe(false)
  })

  it('on no other device', () => {
    expect(resolveSharedWeights('webgpu', undefined)).toBe(false)
    expect(resolveSharedWeights('cuda', false)).toBe(false)
  })

  it('and asking for it on another device is refused, not forgotten', () => {
    expect(() => resolveSharedWeights('webgpu', true)).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringContaining('on the device `webgpu`') as string,
      }),
    )
  })

  it.each([1, 'yes', null])('and %j is no answer', (requested) => {
    expect(() => resolveSharedWeights('cpu', requested as unknown as boolean)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('true or false') as string }),
    )
  })
})
