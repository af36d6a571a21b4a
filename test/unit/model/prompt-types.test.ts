import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { TASK_NAMES } from '../../../src/inference/task.js'
import { checkPrompts, promptOption } from '../../../src/model/prompt-types.js'

describe('a prompt type', () => {
  it('is a task of the model', () => {
    for (const task of TASK_NAMES) expect(promptOption(task, {})).toEqual({ task })
  })

  it('is a prompt of one’s own, which goes before a task of that name', () => {
    const prompts = { discriminative: 'Instruct: Tell apart.\nQuery: ', s2s: 'mine: ' }
    expect(promptOption('discriminative', prompts)).toEqual({ prompt: prompts.discriminative })
    expect(promptOption('s2s', prompts)).toEqual({ prompt: 'mine: ' })
  })

  it('may be an empty prompt', () => {
    expect(promptOption('none', { none: '' })).toEqual({ prompt: '' })
  })

  it.each(['constructor', '__proto__', 'S2S', '', null, 3, ['s2s'], undefined])('is refused: %j', (type) => {
    expect(() => promptOption(type, { own: 'x' })).toThrow(
      expect.objectContaining({ code: 'TASK_UNKNOWN', message: expect.stringContaining('Accepted: own, ') as string }),
    )
  })
})

describe('prompts of one’s own', () => {
  it('are none by default, and a frozen copy', () => {
    expect(checkPrompts(undefined)).toEqual({})
    const given = { a: 'A' }
    const prompts = checkPrompts(given)
    given.a = 'B'
    expect(prompts).toEqual({ a: 'A' })
    expect(Object.isFrozen(prompts)).toBe(true)
  })

  it.each([[null], [[]], ['text'], [{ a: 1 }], [{ a: undefined }], [{ '': 'x' }], [{ ['n'.repeat(101)]: 'x' }]])(
    'are refused: %j',
    (given) => {
      expect(() => checkPrompts(given)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    },
  )

  it('are found again under any name', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), fc.string()), (given) => {
        const prompts = checkPrompts(given)
        for (const [name, prompt] of Object.entries(given)) expect(promptOption(name, prompts)).toEqual({ prompt })
      }),
    )
  })
})
