/** Which errors a circuit breaker counts. */
import { describe, expect, it } from 'vitest'

import { countsAgainstModel } from '../../../src/pool/model-failure.js'

describe('an error counts against the model', () => {
  it.each(['MODEL_LOAD_FAILED', 'ARTEFACT_INVALID', 'WORKER_LOST', 'INTERNAL'] as const)('when it is %s', (code) => {
    expect(countsAgainstModel(code)).toBe(true)
  })
})

describe('an error does not count against the model', () => {
  it.each(['INPUT_INVALID', 'INPUT_TOO_LONG', 'TASK_UNKNOWN', 'DIMENSIONS_UNSUPPORTED', 'OPTION_INVALID'] as const)(
    'when the caller asked wrongly: %s',
    (code) => {
      expect(countsAgainstModel(code)).toBe(false)
    },
  )

  it.each(['ABORTED', 'TIMEOUT'] as const)('when the caller gave up, or it would shut out all others: %s', (code) => {
    expect(countsAgainstModel(code)).toBe(false)
  })

  it.each(['OVERLOADED', 'MEMORY_EXHAUSTED', 'POOL_CLOSED', 'BREAKER_OPEN', 'DOWNLOAD_FAILED'] as const)(
    'when the pool or the machine could not: %s',
    (code) => {
      expect(countsAgainstModel(code)).toBe(false)
    },
  )
})
