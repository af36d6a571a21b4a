import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { EmbedTexts, PublishedCheck } from '../../../src/evaluation/published/check.js'
import { compare } from '../../../src/evaluation/published/check.js'
import type { CheckResult } from '../../../src/evaluation/verify-model.js'
import { verifyModel } from '../../../src/evaluation/verify-model.js'

/** A model whose vectors follow the text, plus whatever `error` adds at a place of a batch. */
function model(error: (call: number, place: number, batch: number) => number = () => 0): EmbedTexts {
  let calls = 0
  return (inputs) => {
    const call = calls++
    return Promise.resolve({
      embeddings: inputs.map((input, place) => {
        const text = String(input)
        return Float32Array.of(0.6 + error(call, place, inputs.length), text.length / 1000, text.charCodeAt(0) / 1000)
      }),
      dimensions: 3,
      usage: { tokens: 1, tokensTotal: 1 },
      tokens: inputs.map(() => 1),
      truncated: inputs.map(() => false),
    })
  }
}

function statusOf(results: readonly CheckResult[]): Record<string, string> {
  return Object.fromEntries(results.map(({ name, status }) => [name, status]))
}

const PASSED = { 'the same call twice': 'passed', 'alone and in a batch': 'passed', 'equal texts in a batch': 'passed' }

function published(run: PublishedCheck['run']): PublishedCheck {
  return { name: 'a number', source: 'somebody', dimensions: 3, run }
}

describe('verifyModel', () => {
  it('passes a model that follows its texts', async () => {
    expect(statusOf(await verifyModel(model(), []))).toEqual(PASSED)
  })

  it('catches a model that answers differently each time', async () => {
    const results = await verifyModel(
      model((call) => call * 1e-7),
      [],
    )
    expect(results[0]).toMatchObject({ name: 'the same call twice', status: 'failed', expected: 0, tolerance: 0 })
  })

  it('catches vectors that depend on the batch', async () => {
    const results = await verifyModel(
      model((_call, _place, batch) => batch * 1e-6),
      [],
    )
    expect(statusOf(results)).toMatchObject({ 'alone and in a batch': 'failed', 'the same call twice': 'passed' })
  })

  it('catches vectors that depend on their place', async () => {
    const results = await verifyModel(
      model((_call, place) => place * 0.01),
      [],
    )
    expect(statusOf(results)).toMatchObject({ 'alone and in a batch': 'failed', 'equal texts in a batch': 'failed' })
  })

  it('catches vectors that are not numbers', async () => {
    const results = await verifyModel(
      model(() => Number.NaN),
      [],
    )
    expect(results.map((result) => result.status)).toEqual(['failed', 'failed', 'failed'])
  })

  it('reports published numbers with their source', async () => {
    const results = await verifyModel(model(), [
      published(() => Promise.resolve(compare(1, 1, 0.1))),
      published(() => Promise.resolve(compare(1, 2, 0.1))),
    ])
    expect(results.slice(3)).toEqual([
      { name: 'a number', source: 'somebody', status: 'passed', measured: 1, expected: 1, tolerance: 0.1 },
      { name: 'a number', source: 'somebody', status: 'failed', measured: 1, expected: 2, tolerance: 0.1 },
    ])
  })

  it('skips a number whose head was never fetched, fails on any other error, and goes on', async () => {
    const results = await verifyModel(model(), [
      published(() => Promise.reject(new StellaError('MODEL_NOT_DOWNLOADED', 'no head'))),
      published(() => Promise.reject(new StellaError('INTERNAL', 'broken'))),
      published(() => Promise.resolve(compare(1, 1, 0.1))),
    ])
    expect(results.slice(3).map(({ status, detail }) => [status, detail])).toEqual([
      ['skipped', 'no head'],
      ['failed', 'broken'],
      ['passed', undefined],
    ])
  })

  it('ends when it is aborted', async () => {
    const abort = published(() => Promise.reject(new StellaError('ABORTED', 'aborted')))
    await expect(verifyModel(model(), [abort])).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
