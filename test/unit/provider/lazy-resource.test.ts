/** A resource that its first use loads: once, again after a failure, for as long as anybody waits, until it is closed. */
import { getEventListeners } from 'node:events'

import { describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { LazyResource } from '../../../src/provider/lazy-resource.js'
import { failureOf } from '../../support/failure.js'
import type { Gate } from '../../support/manual-engine.js'
import { gate, settled } from '../../support/manual-engine.js'
import { uncaughtDuring } from '../../support/uncaught.js'

/** A load that the test ends. */
interface Opening {
  readonly signal: AbortSignal
  readonly end: Gate<string>
}

/** A resource whose loads the test ends, and what became of them. */
function manual(): {
  readonly resource: LazyResource<string>
  readonly opened: Opening[]
  readonly disposed: string[]
  readonly unheard: unknown[]
} {
  const opened: Opening[] = []
  const disposed: string[] = []
  const unheard: unknown[] = []
  const resource = new LazyResource<string>({
    name: 'the thing',
    open: (signal) => {
      const end = gate<string>()
      opened.push({ signal, end })
      return end.promise
    },
    dispose: (value) => {
      disposed.push(value)
    },
    onUnheard: (error) => {
      unheard.push(error)
    },
  })
  return { resource, opened, disposed, unheard }
}

const itself = (value: string): string => value

describe('the first use', () => {
  it('loads, and nothing does before it', async () => {
    const { resource, opened } = manual()
    await settled()
    expect(opened).toHaveLength(0)
    const use = resource.use(itself)
    await settled()
    opened[0]?.end.open('one')
    expect(await use).toBe('one')
  })

  it('of many at once loads for all of them', async () => {
    const { resource, opened } = manual()
    const uses = Array.from({ length: 20 }, (_, index) => resource.use((value) => `${value} ${index}`))
    await settled()
    expect(opened).toHaveLength(1)
    opened[0]?.end.open('one')
    expect(await Promise.all(uses)).toEqual(Array.from({ length: 20 }, (_, index) => `one ${index}`))
  })

  it('is the only one that loads', async () => {
    const { resource, opened } = manual()
    const use = resource.use(itself)
    await settled()
    opened[0]?.end.open('one')
    await use
    expect(await resource.use(itself)).toBe('one')
    expect(opened).toHaveLength(1)
  })

  it('may give undefined, which is a resource like any other', async () => {
    const open = vi.fn(() => Promise.resolve(undefined))
    const dispose = vi.fn()
    const resource = new LazyResource({ name: 'nothing', open, dispose, onUnheard: vi.fn() })
    await resource.use(() => undefined)
    await resource.use(() => undefined)
    await resource.close()
    expect(open).toHaveBeenCalledTimes(1)
    expect(dispose).toHaveBeenCalledTimes(1)
  })

  it('from within the loading does not begin another', async () => {
    let inner: Promise<string> | undefined
    const open = vi.fn((): Promise<string> => {
      inner ??= resource.use(itself)
      return Promise.resolve('one')
    })
    const resource: LazyResource<string> = new LazyResource({
      ...{ name: 'the thing', open, dispose: () => undefined, onUnheard: () => undefined },
    })
    expect(await resource.use(itself)).toBe('one')
    expect(await inner).toBe('one')
    expect(open).toHaveBeenCalledTimes(1)
  })
})

describe('a load that fails', () => {
  it('fails everybody who waited, with its own error, and is told to nobody else', async () => {
    const { resource, opened, unheard } = manual()
    const uses = [resource.use(itself), resource.use(itself), resource.use(itself)]
    await settled()
    const reason = new Error('no disk')
    opened[0]?.end.fail(reason)
    const outcomes = await Promise.allSettled(uses)
    expect(outcomes).toEqual(Array.from({ length: 3 }, () => ({ status: 'rejected', reason })))
    expect(unheard).toEqual([])
  })

  it('is tried again by the next use, even by one that comes as soon as the failure is told', async () => {
    const { resource, opened } = manual()
    const retried = resource.use(itself).catch(() => resource.use(itself))
    await settled()
    opened[0]?.end.fail(new Error('no disk'))
    await settled()
    expect(opened).toHaveLength(2)
    opened[1]?.end.open('two')
    expect(await retried).toBe('two')
  })

  it('at once, by a throw, is a failure like any other', async () => {
    let attempts = 0
    const resource = new LazyResource<string>({
      name: 'the thing',
      open: () => {
        if (attempts++ === 0) throw new Error('at once')
        return Promise.resolve('two')
      },
      dispose: () => undefined,
      onUnheard: () => undefined,
    })
    await expect(resource.use(itself)).rejects.toThrow('at once')
    expect(await resource.use(itself)).toBe('two')
  })

  it('leaves nothing to dispose of', async () => {
    const { resource, opened, disposed } = manual()
    const use = failureOf(() => resource.use(itself))
    await settled()
    opened[0]?.end.fail(new StellaError('MODEL_LOAD_FAILED', 'no'))
    expect((await use).code).toBe('MODEL_LOAD_FAILED')
    await resource.close()
    expect(disposed).toEqual([])
  })
})

describe('one who gives up', () => {
  it('leaves alone: the load goes on for the others', async () => {
    const { resource, opened } = manual()
    const controller = new AbortController()
    const gone = failureOf(() => resource.use(itself, controller.signal))
    const stays = resource.use(itself)
    await settled()
    controller.abort('enough')
    expect(await gone).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect(opened[0]?.signal.aborted).toBe(false)
    opened[0]?.end.open('one')
    expect(await stays).toBe('one')
  })

  it('as the last ends the load', async () => {
    const { resource, opened } = manual()
    const controllers = [new AbortController(), new AbortController()]
    const gone = controllers.map(({ signal }) => failureOf(() => resource.use(itself, signal)))
    await settled()
    controllers[0]?.abort()
    await settled()
    expect(opened[0]?.signal.aborted).toBe(false)
    controllers[1]?.abort()
    await settled()
    expect(opened[0]?.signal.aborted).toBe(true)
    expect(opened[0]?.signal.reason).toMatchObject({ code: 'ABORTED' })
    expect((await Promise.all(gone)).map(({ code }) => code)).toEqual(['ABORTED', 'ABORTED'])
  })

  it('before asking loads nothing', async () => {
    const { resource, opened } = manual()
    const failure = await failureOf(() => resource.use(itself, AbortSignal.abort()))
    await settled()
    expect(failure.code).toBe('ABORTED')
    expect(opened).toHaveLength(0)
  })

  it('in the turn of the call leaves no load that nobody waits for', async () => {
    const { resource, opened } = manual()
    const controller = new AbortController()
    const gone = failureOf(() => resource.use(itself, controller.signal))
    controller.abort()
    expect((await gone).code).toBe('ABORTED')
    await settled()
    expect(opened.filter(({ signal }) => !signal.aborted)).toEqual([])
  })

  it('with a reason of ours gives that', async () => {
    const { resource } = manual()
    const reason = new StellaError('TIMEOUT', 'too long')
    expect(await failureOf(() => resource.use(itself, AbortSignal.abort(reason)))).toBe(reason)
  })

  it('once it is loaded gives nothing up: that is for the work to heed', async () => {
    const { resource, opened } = manual()
    const controller = new AbortController()
    const working = gate()
    const use = resource.use(async (value) => {
      await working.promise
      return value
    }, controller.signal)
    await settled()
    opened[0]?.end.open('one')
    await settled()
    controller.abort()
    working.open()
    expect(await use).toBe('one')
    expect(opened[0]?.signal.aborted).toBe(false)
  })

  it('leaves no listener behind, however many calls share the signal', async () => {
    const { resource, opened } = manual()
    const { signal } = new AbortController()
    const uses = Array.from({ length: 100 }, () => resource.use(itself, signal))
    await settled()
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    opened[0]?.end.open('one')
    await Promise.all(uses)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('a load that everybody gave up', () => {
  /** One that is on its way still, and nobody waits for. */
  async function abandoned(): Promise<ReturnType<typeof manual>> {
    const made = manual()
    const controller = new AbortController()
    const gone = failureOf(() => made.resource.use(itself, controller.signal))
    await settled()
    controller.abort()
    await gone
    return made
  }

  it('and comes all the same is disposed of, and the next use loads its own', async () => {
    const { resource, opened, disposed } = await abandoned()
    const next = resource.use(itself)
    await settled()
    expect(opened).toHaveLength(1)
    opened[0]?.end.open('unwanted')
    await settled()
    expect(disposed).toEqual(['unwanted'])
    opened[1]?.end.open('wanted')
    expect(await next).toBe('wanted')
    expect(disposed).toEqual(['unwanted'])
  })

  it('is waited for by the next use, which may give up, too', async () => {
    const { resource, opened } = await abandoned()
    const controller = new AbortController()
    const next = failureOf(() => resource.use(itself, controller.signal))
    await settled()
    controller.abort()
    expect((await next).code).toBe('ABORTED')
    opened[0]?.end.open('unwanted')
    await settled()
    expect(opened).toHaveLength(1)
  })

  it('is told of where it fails with more than having been given up', async () => {
    const { opened, unheard } = await abandoned()
    const reason = new Error('could not remove what it had written')
    opened[0]?.end.fail(reason)
    await settled()
    expect(unheard).toEqual([reason])
  })

  it('is not told of where it ends as it was asked to', async () => {
    const { opened, unheard } = await abandoned()
    opened[0]?.end.fail(opened[0].signal.reason)
    await settled()
    expect(unheard).toEqual([])
  })

  it('and cannot be disposed of is told of, and stops nobody', async () => {
    const unheard = vi.fn()
    const ends = [gate<string>(), gate<string>()]
    let loads = 0
    const resource = new LazyResource<string>({
      name: 'the thing',
      open: () => ends[loads++]?.promise ?? Promise.reject(new Error('a third load')),
      dispose: (value) => (value === 'unwanted' ? Promise.reject(new Error('stuck')) : Promise.resolve()),
      onUnheard: unheard,
    })
    const controller = new AbortController()
    const gone = failureOf(() => resource.use(itself, controller.signal))
    await settled()
    controller.abort()
    await gone
    ends[0]?.open('unwanted')
    ends[1]?.open('wanted')
    expect(await resource.use(itself)).toBe('wanted')
    expect(unheard).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'stuck' }))
    await resource.close()
  })

  it('of which telling throws surfaces that, and stops nobody', async () => {
    const end = gate<string>()
    const resource = new LazyResource<string>({
      name: 'the thing',
      open: (signal) => (signal.aborted ? Promise.reject(new Error('aborted')) : end.promise),
      dispose: () => undefined,
      onUnheard: () => {
        throw new Error('the listener is broken')
      },
    })
    const controller = new AbortController()
    const gone = failureOf(() => resource.use(itself, controller.signal))
    await settled()
    controller.abort()
    await gone
    const surfaced = await uncaughtDuring(async () => {
      end.fail(new Error('late'))
      await settled()
    })
    expect(surfaced).toMatchObject([{ message: 'the listener is broken' }])
    await resource.close()
  })
})

describe('closing', () => {
  it('what was never used does nothing', async () => {
    const { resource, opened, disposed } = manual()
    await resource.close()
    expect([opened, disposed]).toEqual([[], []])
  })

  it('disposes once, however often it is asked', async () => {
    const { resource, opened, disposed } = manual()
    const use = resource.use(itself)
    await settled()
    opened[0]?.end.open('one')
    await use
    await Promise.all([resource.close(), resource.close()])
    await resource[Symbol.asyncDispose]()
    expect(disposed).toEqual(['one'])
  })

  it('refuses new uses, from its call on', async () => {
    const { resource, opened } = manual()
    const closing = resource.close()
    expect(await failureOf(() => resource.use(itself))).toMatchObject({
      code: 'POOL_CLOSED',
      message: 'Expected the thing to be open; it was closed. Make another',
    })
    await closing
    expect((await failureOf(() => resource.use(itself))).code).toBe('POOL_CLOSED')
    expect(opened).toHaveLength(0)
  })

  it('while it loads waits for the load, serves who waited, and disposes of it', async () => {
    const { resource, opened, disposed } = manual()
    const uses = [resource.use(itself), resource.use(itself)]
    await settled()
    let closed = false
    const closing = resource.close().then(() => {
      closed = true
    })
    await settled()
    expect([closed, opened[0]?.signal.aborted]).toEqual([false, false])
    opened[0]?.end.open('one')
    expect(await Promise.all(uses)).toEqual(['one', 'one'])
    await closing
    expect(disposed).toEqual(['one'])
  })

  it('while it loads ends the load when those who wait give up', async () => {
    const { resource, opened } = manual()
    const controller = new AbortController()
    const gone = failureOf(() => resource.use(itself, controller.signal))
    await settled()
    const closing = resource.close()
    controller.abort()
    await gone
    await settled()
    expect(opened[0]?.signal.aborted).toBe(true)
    opened[0]?.end.fail(opened[0].signal.reason)
    await closing
  })

  it('waits for a load that everybody gave up, and disposes of what comes', async () => {
    const { resource, opened, disposed } = manual()
    const controller = new AbortController()
    const gone = failureOf(() => resource.use(itself, controller.signal))
    await settled()
    controller.abort()
    await gone
    let closed = false
    const closing = resource.close().then(() => {
      closed = true
    })
    await settled()
    expect(closed).toBe(false)
    opened[0]?.end.open('unwanted')
    await closing
    expect(disposed).toEqual(['unwanted'])
  })

  it('waits for the work that is done with it', async () => {
    const { resource, opened, disposed } = manual()
    const working = gate()
    const use = resource.use(() => working.promise)
    await settled()
    opened[0]?.end.open('one')
    await settled()
    const closing = resource.close()
    await settled()
    expect(disposed).toEqual([])
    working.fail(new Error('the work failed'))
    await expect(use).rejects.toThrow('the work failed')
    await closing
    expect(disposed).toEqual(['one'])
  })

  it('while a load fails fails nobody but those who waited', async () => {
    const { resource, opened } = manual()
    const use = failureOf(() => resource.use(itself))
    await settled()
    const closing = resource.close()
    opened[0]?.end.fail(new StellaError('MODEL_LOAD_FAILED', 'no'))
    expect((await use).code).toBe('MODEL_LOAD_FAILED')
    await closing
  })

  it('tells what disposing fails with', async () => {
    const resource = new LazyResource<string>({
      name: 'the thing',
      open: () => Promise.resolve('one'),
      dispose: () => {
        throw new Error('stuck')
      },
      onUnheard: () => undefined,
    })
    await resource.use(itself)
    await expect(resource.close()).rejects.toThrow('stuck')
    await expect(resource.close()).rejects.toThrow('stuck')
  })
})
