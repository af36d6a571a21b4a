/** Which prompt goes before a kind of text. */
import { describe, expect, it } from 'vitest'

import { TASK_NAMES } from '../../../src/inference/task.js'
import { promptTypeOf } from '../../../src/provider/embedding-kind.js'
import { failureOf } from '../../support/failure.js'

const PROMPTS = Object.freeze({ discriminative: 'Instruct: Tell apart.\nQuery: ' })

describe('the prompt type', () => {
  it.each([
    ['query', 's2p'],
    ['similarity', 's2s'],
    ['document', 'document'],
  ])('of %s is %s, a task of the model', (kind, type) => {
    expect(promptTypeOf(kind, {})).toBe(type)
    expect(TASK_NAMES).toContain(type)
  })

  it('of a prompt of the user’s own is its name', () => {
    expect(promptTypeOf('discriminative', PROMPTS)).toBe('discriminative')
  })

  it('of a prompt that is named like a kind is the prompt', () => {
    expect(promptTypeOf('query', { query: 'Find: ' })).toBe('query')
  })

  it.each([['s2p'], ['Query'], [''], ['constructor'], ['__proto__'], [null], [5], [['query']]])(
    'of %j there is none, and the error says what there is',
    async (kind) => {
      const failure = await failureOf(() => promptTypeOf(kind as string, PROMPTS))
      expect(failure.code).toBe('TASK_UNKNOWN')
      expect(failure.details).toMatchObject({ accepted: ['discriminative', 'query', 'document', 'similarity'] })
      expect(failure.message).toContain('discriminative, query, document, similarity')
    },
  )
})
