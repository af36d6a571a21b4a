import { describe, expect, it, vi } from 'vitest'

import { EvaluationMeter } from '../../../src/evaluation/evaluation-meter.js'
import { failed, succeeded } from './manual-model.js'

function setUp() {
  let now = 1000
  const meter = new EvaluationMeter(() => now)
  const work = (): { finish: () => void; done: Promise<void> } => {
    let finish: () => void = () => undefined
    const done = meter.measure(() => new Promise<void>((resolve) => (finish = resolve)))
    return { finish, done }
  }
  const pass = (milliseconds: number): void => {
    now += milliseconds
  }
  return { meter, work, pass }
}

describe('a meter', () => {
  it('begins at nothing, without dividing by it', () => {
    const { meter } = setUp()
    expect(meter.stats()).toMatchObject({ pairs: 0, running: 0, overloaded: 0, elapsedMs: 0, pairsPerSecond: 0 })
  })

  it('counts time with something under way, once, and none besides', async () => {
    const { meter, work, pass } = setUp()
    const [first, second] = [work(), work()]
    pass(100)
    first.finish()
    await first.done
    pass(50)
    expect(meter.stats()).toMatchObject({ elapsedMs: 150, running: 1 })
    second.finish()
    await second.done
    pass(10_000)
    expect(meter.stats()).toMatchObject({ elapsedMs: 150, running: 0 })
    const third = work()
    pass(350)
    third.finish()
    await third.done
    for (const result of [succeeded(0.5), failed('INTERNAL'), succeeded(1)]) meter.add(result)
    expect(meter.stats()).toMatchObject({ elapsedMs: 500, pairs: 3, pairsPerSecond: 6, scores: { mean: 0.75 } })
  })

  it('counts what was thrown as over, and throws it', async () => {
    const { meter, pass } = setUp()
    const error = new Error('broken')
    const done = meter.measure(() => {
      pass(5)
      return Promise.reject(error)
    })
    await expect(done).rejects.toBe(error)
    expect(meter.stats()).toMatchObject({ running: 0, elapsedMs: 5 })
  })

  it('tells when nothing is under way', async () => {
    const { meter, work } = setUp()
    await meter.idle()
    const [first, second] = [work(), work()]
    const told = vi.fn()
    void meter.idle().then(told)
    first.finish()
    await first.done
    expect(told).not.toHaveBeenCalled()
    second.finish()
    await second.done
    await Promise.resolve()
    expect(told).toHaveBeenCalledOnce()
  })
})
