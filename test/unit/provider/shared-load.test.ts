/** One load that many wait for. What a resource makes of it is tested in lazy-resource.test.ts. */
import { describe, expect, it } from 'vitest'

import { SharedLoad } from '../../../src/provider/shared-load.js'
import { failureOf } from '../../support/failure.js'
import { gate, settled } from '../../support/manual-engine.js'

describe('a shared load', () => {
  it('begins after the turn that asks for it', async () => {
    let opened = 0
    const load = new SharedLoad('the thing', () => Promise.resolve(++opened))
    expect(opened).toBe(0)
    expect(await load.join(undefined)).toBe(1)
  })

  it('aborts its signal when the last who waits has gone', async () => {
    const signals: AbortSignal[] = []
    const load = new SharedLoad('the thing', (signal) => {
      signals.push(signal)
      return gate<string>().promise
    })
    const controllers = [new AbortController(), new AbortController()]
    const joined = controllers.map(({ signal }) => failureOf(() => load.join(signal)))
    await settled()
    controllers[0]?.abort()
    await joined[0]
    expect([load.abandoned, signals[0]?.aborted]).toEqual([false, false])
    controllers[1]?.abort()
    await joined[1]
    expect([load.abandoned, signals[0]?.aborted]).toEqual([true, true])
    expect(signals[0]?.reason).toMatchObject({ code: 'ABORTED', message: 'Nobody waits for the thing any more' })
  })

  it('is not abandoned by whoever leaves after its end', async () => {
    const end = gate<string>()
    const load = new SharedLoad('the thing', () => end.promise)
    const controller = new AbortController()
    const joined = load.join(controller.signal)
    await settled()
    end.open('one')
    expect(await joined).toBe('one')
    controller.abort()
    await settled()
    expect(load.abandoned).toBe(false)
  })

  it('fails as `open` does, also where that throws', async () => {
    const load = new SharedLoad<string>('the thing', () => {
      throw new Error('at once')
    })
    await expect(load.join(undefined)).rejects.toThrow('at once')
    expect(load.abandoned).toBe(false)
  })
})
