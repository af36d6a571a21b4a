/** What a test tells a fake engine to fail is what fails: those runs, those loads, that text, and no other. */
import { describe, expect, it } from 'vitest'

import { STELLA_EN_400M_V5, STELLA_NANO } from '../../../registry/index.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import type { StellaError } from '../../../src/errors.js'
import type { FailureScope } from '../../../src/fake/fake-controls.js'
import { FakeScript } from '../../../src/fake/fake-controls.js'
import type { FakeFailure, FakeRun } from '../../../src/fake/fake-options.js'
import { checkFakeOptions } from '../../../src/fake/fake-options.js'
import { FakeTokenizer } from '../../../src/fake/fake-tokenizer.js'
import { encodeAll } from '../../../src/text/encode-all.js'
import { failureOf } from '../../support/failure.js'

const EMPTY: FakeRun = { model: 'm', worker: -1, texts: [], tokens: 0, dimensions: 256, normalize: true }

/** A run of these texts. */
async function runOf(texts: readonly string[], prompt = '', info: StellaModelInfo = STELLA_NANO): Promise<FakeRun> {
  const tokenizer = new FakeTokenizer(info.architecture.vocab)
  const tokens = await encodeAll(tokenizer, texts, { prompt, maxLength: 512, overflow: 'truncate-right' })
  return { ...EMPTY, model: info.key, texts: tokens.map(({ ids }) => ids) }
}

const codeOf = (script: FakeScript, run: FakeRun, info: StellaModelInfo = STELLA_NANO): string | undefined =>
  script.runFailure(info, run)?.code

describe('failText', () => {
  it.each([
    ['poison', true],
    ['a POISON, dear', true],
    ['sweet poison', true],
    ['poisonous', false],
    ['po ison', false],
    ['a cure', false],
  ])('fails a run with the text %j: %s', async (text, fails) => {
    const script = new FakeScript()
    script.failText('poison')
    expect(codeOf(script, await runOf(['first', text, 'last']))).toBe(fails ? 'INTERNAL' : undefined)
  })

  it('wants all the words, one after the other, and counts a prompt', async () => {
    const script = new FakeScript()
    script.failText('rotten apple', 'INPUT_INVALID')
    expect(codeOf(script, await runOf(['one rotten rotten apple a day']))).toBe('INPUT_INVALID')
    expect(codeOf(script, await runOf(['apple rotten', 'rotten', 'apple', 'rotten red apple']))).toBeUndefined()
    expect(codeOf(script, await runOf(['apple pie'], 'find rotten '))).toBe('INPUT_INVALID')
  })

  it('fails every such run of every model, until it is taken back', async () => {
    const script = new FakeScript()
    const takeBack = script.failText('poison')
    const other = script.failText('poison', 'TIMEOUT')
    const run = await runOf(['poison'], '', STELLA_EN_400M_V5)
    for (let again = 0; again < 3; again++) expect(codeOf(script, run, STELLA_EN_400M_V5)).toBe('INTERNAL')
    takeBack()
    takeBack()
    expect(codeOf(script, run, STELLA_EN_400M_V5)).toBe('TIMEOUT')
    other()
    expect(codeOf(script, run, STELLA_EN_400M_V5)).toBeUndefined()
  })

  it.each(['', '  ', 5, undefined])('refuses a text without a word: %j', async (text) => {
    const error = await failureOf(() => new FakeScript().failText(text as string))
    expect(error.code).toBe('OPTION_INVALID')
  })
})

describe('failRuns', () => {
  it('fails so many runs, in the order it was told', () => {
    const script = new FakeScript()
    script.failRuns('INTERNAL', { count: 2 })
    script.failRuns('TIMEOUT')
    const codes = Array.from({ length: 4 }, () => codeOf(script, EMPTY))
    expect(codes).toEqual(['INTERNAL', 'INTERNAL', 'TIMEOUT', undefined])
  })

  it('fails those of one model, by any of its names', () => {
    const script = new FakeScript()
    script.failRuns('INTERNAL', { model: ` ${STELLA_EN_400M_V5.aliases[0]?.toUpperCase() ?? ''} ` })
    expect(codeOf(script, EMPTY)).toBeUndefined()
    expect(codeOf(script, EMPTY, STELLA_EN_400M_V5)).toBe('INTERNAL')
    expect(codeOf(script, EMPTY, STELLA_EN_400M_V5)).toBeUndefined()
  })

  it('fails all of them until it is reset', () => {
    const script = new FakeScript()
    script.failRuns('INTERNAL', { count: Number.POSITIVE_INFINITY })
    for (let again = 0; again < 100; again++) expect(codeOf(script, EMPTY)).toBe('INTERNAL')
    script.reset()
    expect(codeOf(script, EMPTY)).toBeUndefined()
  })

  it.each([
    ['NO_SUCH_CODE', {}],
    [new Error('plain'), {}],
    [undefined, {}],
    ['INTERNAL', { count: 0 }],
    ['INTERNAL', { count: 1.5 }],
    ['INTERNAL', { times: 2 }],
    ['INTERNAL', { model: STELLA_NANO }],
  ])('refuses %j with %j', async (failure, scope) => {
    const error = await failureOf(() => {
      new FakeScript().failRuns(failure as FakeFailure, scope as FailureScope)
    })
    expect(error.code).toBe('OPTION_INVALID')
  })
})

describe('failLoads', () => {
  it('fails the part of the load that such an error comes from', () => {
    const script = new FakeScript()
    script.failLoads('MODEL_LOAD_FAILED')
    script.failLoads('MODEL_NOT_DOWNLOADED')
    expect(script.loadFailure(STELLA_NANO, 'artefact')?.code).toBe('MODEL_NOT_DOWNLOADED')
    expect(script.loadFailure(STELLA_NANO, 'artefact')).toBeUndefined()
    expect(script.loadFailure(STELLA_NANO, 'worker')?.code).toBe('MODEL_LOAD_FAILED')
    expect(script.loadFailure(STELLA_NANO, 'worker')).toBeUndefined()
  })

  it('fails no run, as failRuns fails no load; reset takes both back', () => {
    const script = new FakeScript()
    script.failLoads('STORAGE_FAILED')
    expect(codeOf(script, EMPTY)).toBeUndefined()
    script.reset()
    expect(script.loadFailure(STELLA_NANO, 'artefact')).toBeUndefined()
    script.failRuns('INTERNAL')
    expect(script.loadFailure(STELLA_NANO, 'artefact')).toBeUndefined()
  })
})

describe('functions in the options', () => {
  it('come first, and stay after a reset', () => {
    const script = new FakeScript({ fail: ({ dimensions }) => (dimensions === 256 ? 'TIMEOUT' : undefined) })
    script.failRuns('INTERNAL')
    expect(codeOf(script, EMPTY)).toBe('TIMEOUT')
    expect(codeOf(script, { ...EMPTY, dimensions: 512 })).toBe('INTERNAL')
    script.reset()
    expect(codeOf(script, EMPTY)).toBe('TIMEOUT')
  })

  it('are told what is loaded', () => {
    const seen: unknown[] = []
    const script = new FakeScript({ failLoad: (load) => void seen.push(load) })
    script.loadFailure(STELLA_NANO, 'artefact')
    script.loadFailure(STELLA_NANO, 'worker')
    expect(seen).toEqual([
      { model: 'stella-nano', step: 'artefact' },
      { model: 'stella-nano', step: 'worker' },
    ])
  })

  it('that give no failure are a mistake, not a success', async () => {
    const script = new FakeScript({ fail: () => 'OOPS' as FakeFailure })
    expect((await failureOf(() => script.runFailure(STELLA_NANO, EMPTY))).code).toBe('OPTION_INVALID')
  })
})

describe('loseWorker', () => {
  const workerThat = (state: string, info = STELLA_NANO) => {
    const errors: StellaError[] = []
    const lose = (error: StellaError): void => void errors.push(error)
    return { info, state, lose, errors }
  }

  it('takes one that runs something, of the model named', () => {
    const script = new FakeScript()
    const workers = [
      workerThat('processing', STELLA_EN_400M_V5),
      workerThat('loading'),
      workerThat('ready'),
      workerThat('processing'),
    ]
    for (const worker of workers) script.workers.add(worker)
    script.loseWorker('Stella-Nano')
    expect(workers.map(({ errors }) => errors.map(({ code }) => code))).toEqual([[], [], [], ['WORKER_LOST']])
  })

  it('says so where there is none', async () => {
    const script = new FakeScript()
    script.workers.add(workerThat('loading'))
    const error = await failureOf(() => {
      script.loseWorker('stella-nano')
    })
    expect(error).toMatchObject({ code: 'MODEL_NOT_LOADED', details: { model: 'stella-nano' } })
  })
})

describe('options', () => {
  it('are taken as they are', () => {
    const options = { latencyMs: 5, loadMs: 0, fail: () => undefined, failLoad: () => undefined }
    expect(checkFakeOptions(options)).toBe(options)
    expect(checkFakeOptions({ latencyMs: () => 3 })).toBeDefined()
  })

  it.each([
    { latency: 5 },
    { latencyMs: -1 },
    { latencyMs: Number.NaN },
    { latencyMs: '5' },
    { loadMs: 2 ** 31 },
    { fail: 'INTERNAL' },
    { failLoad: true },
    5,
    null,
  ])('that are none are refused: %j', async (options) => {
    expect((await failureOf(() => checkFakeOptions(options as object))).code).toBe('OPTION_INVALID')
  })
})
