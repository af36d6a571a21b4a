/** Virtual time passes when nobody has anything to do, and in order. */
import { afterEach, beforeEach, expect, it } from 'vitest'

import { VirtualTime } from './virtual-time.js'

let time: VirtualTime

beforeEach(() => {
  time = new VirtualTime()
  time.start()
})
afterEach(() => {
  time.restore()
})

it('an hour takes no time', async () => {
  const began = Date.now()
  await time.rest(3_600_000)
  expect(performance.now()).toBeGreaterThanOrEqual(3_600_000)
  expect(Date.now() - began).toBeLessThan(10_000)
})

it('timers go off in their order, and not at all once they are cleared', async () => {
  const order: string[] = []
  setTimeout(() => order.push('late'), 20)
  setTimeout(() => order.push('early'), 10)
  const cleared = setTimeout(() => order.push('cleared'), 15)
  clearTimeout(cleared)
  await time.rest(30)
  expect(order).toEqual(['early', 'late'])
})

it('no timer goes off while there is work, however many turns it takes', async () => {
  let isDone = false
  let wasDone: boolean | undefined
  setTimeout(() => (wasDone = isDone), 2)
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  isDone = true
  await time.rest(5)
  expect(wasDone).toBe(true)
})

it('work that is withdrawn holds up nothing', async () => {
  clearImmediate(setImmediate(() => undefined))
  await time.rest(1)
  expect(time.now).toBeGreaterThanOrEqual(1)
})
