import { describe, expect, it } from 'vitest'

import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5 } from '../../../registry/index.js'
import type { TaskName } from '../../../src/inference/task.js'
import { TASK_NAMES, promptFor } from '../../../src/inference/task.js'
import { failureOf } from '../../support/failure.js'

const S2P = 'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: '
const S2S = 'Instruct: Retrieve semantically similar text.\nQuery: '

const PROMPT_OF: Readonly<Record<TaskName, string>> = {
  s2p_query: S2P,
  s2p: S2P,
  search_query: S2P,
  retrieval: S2P,
  s2s_query: S2S,
  s2s: S2S,
  classification: S2S,
  clustering: S2S,
  document: '',
  // The origin gave search_document the query prompt (bug 28). A document takes none.
  search_document: '',
}

describe.each([STELLA_EN_400M_V5, STELLA_EN_1_5B_V5])('the prompt of $key', (info) => {
  it.each(Object.entries(PROMPT_OF))('for %s is %j', (task, prompt) => {
    expect(promptFor(info, task)).toBe(prompt)
  })
})

it('all task names are these', () => {
  expect([...TASK_NAMES].sort()).toEqual(Object.keys(PROMPT_OF).sort())
  expect(Object.isFrozen(TASK_NAMES)).toBe(true)
})

describe('an unknown task', () => {
  it.each([
    '',
    ' ',
    'search',
    'S2P',
    's2p_query ',
    'query',
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    null,
    undefined,
    7,
    ['document'],
    {},
    Symbol('document'),
    () => 'document',
    Object.create(null),
  ])('such as %s is refused and never becomes a default', async (task) => {
    const error = await failureOf(() => promptFor(STELLA_EN_400M_V5, task))
    expect(error.code).toBe('TASK_UNKNOWN')
    for (const name of TASK_NAMES) expect(error.message).toContain(name)
    expect(error.details.accepted).toEqual(TASK_NAMES)
    expect(JSON.parse(JSON.stringify(error.details))).toEqual(error.details)
  })

  it('is shown with its start only when it is long', async () => {
    const error = await failureOf(() => promptFor(STELLA_EN_400M_V5, 'x'.repeat(100_000)))
    expect(error.message.length).toBeLessThan(500)
  })
})

describe('a model without a prompt', () => {
  const info = {
    ...STELLA_EN_400M_V5,
    key: 'bare',
    prompts: { s2p_query: null, s2s_query: 'same: ', document: '' } as const,
  }

  it('refuses the tasks it defines no prompt for, and says which it does', async () => {
    const error = await failureOf(() => promptFor(info, 'retrieval'))
    expect(error.code).toBe('TASK_UNKNOWN')
    expect(error.message).toContain('bare defines no prompt for the task `retrieval`; pass `prompt` instead')
    expect(error.details.accepted).toEqual(TASK_NAMES.filter((name) => PROMPT_OF[name] !== S2P))
  })

  it('serves the others', () => {
    expect(promptFor(info, 's2s')).toBe('same: ')
    expect(promptFor(info, 'document')).toBe('')
  })
})
