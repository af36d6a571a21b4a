/** What a long stream holds: as much at its end as near its beginning. */
import v8 from 'node:v8'
import vm from 'node:vm'

import { describe, expect, it } from 'vitest'

import type { EmbedInput } from '../../../src/inference/embed-texts.js'
import type { EmbedEach } from '../../../src/pool/text-outcome.js'
import { embedded, open } from '../../support/streams.js'

/** Texts of the long streams; one that held a number for each would grow by more than what is allowed. */
const TEXTS = 200_000

/** What the heap may grow by between a tenth and the end, in bytes; a live text with its vector takes some 300. */
const ALLOWED_GROWTH = 1_000_000

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

async function* asyncTexts(): AsyncGenerator<EmbedInput> {
  for (let index = 0; index < TEXTS; index++) {
    // As a file does: most are there, some have to be waited for.
    if (index % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    yield `t${index}`
  }
}

function* syncTexts(): Generator<EmbedInput> {
  for (let index = 0; index < TEXTS; index++) yield `t${index}`
}

/** Answers after a turn of the event loop, and every seventh call after the next. */
function uneven(): EmbedEach {
  let calls = 0
  let released: () => void = () => undefined
  return async (inputs) => {
    const call = calls++
    await new Promise((resolve) => setImmediate(resolve))
    released()
    if (call % 7 === 3) await Promise.race([new Promise<void>((resolve) => (released = resolve)), turns(3)])
    return inputs.map(embedded)
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('the heap', () => {
  it.each([
    ['ordered, from a slow source', true, asyncTexts],
    ['unordered, from a slow source', false, asyncTexts],
    ['ordered, from a source that is always ready', true, syncTexts],
  ] as const)('stays flat over 200,000 texts: %s', async (_, ordered, texts) => {
    const { signal } = new AbortController()
    let first = 0
    let last = 0
    let sum = 0
    for await (const { embedding, position } of open(texts(), { ordered, signal }, uneven())) {
      sum += embedding[0] ?? 0
      if (first === 0 && position >= TEXTS / 10) first = heapUsed()
      if (last === 0 && position >= TEXTS - 2000) last = heapUsed()
    }
    expect(sum).toBe((TEXTS * (TEXTS - 1)) / 2)
    expect(Math.min(first, last)).toBeGreaterThan(0)
    expect(last - first).toBeLessThan(ALLOWED_GROWTH)
  })
})
