import { describe, expect, it } from 'vitest'

import { WaitingLine } from '../../../src/pool/waiting-line.js'
import { failureOf } from '../../support/failure.js'

/** A promise to be settled by hand. */
function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('a line', () => {
  it('does one thing at a time, in the order they came', async () => {
    const line = new WaitingLine()
    const gates = [gate(), gate(), gate()]
    const log: string[] = []
    const all = gates.map(({ passed }, index) =>
      line.take(undefined, 'x', async () => {
        log.push(`begins ${index}`)
        await passed
        log.push(`ends ${index}`)
        return index
      }),
    )
    expect(line.length).toBe(3)
    for (const { open } of [...gates].reverse()) {
      open()
      await settled()
    }
    expect(await Promise.all(all)).toEqual([0, 1, 2])
    expect(log).toEqual([0, 1, 2].flatMap((index) => [`begins ${index}`, `ends ${index}`]))
    expect(line.length).toBe(0)
  })

  it('begins at once where nobody waits', async () => {
    let begun = false
    const done = new WaitingLine().take(undefined, 'x', () => {
      begun = true
      return Promise.resolve()
    })
    expect(begun).toBe(true)
    await done
  })

  it('goes on behind one who failed', async () => {
    const line = new WaitingLine()
    const failed = line.take(undefined, 'x', () => Promise.reject(new Error('no')))
    const next = line.take(undefined, 'x', () => Promise.resolve('yes'))
    await expect(failed).rejects.toThrow('no')
    expect(await next).toBe('yes')
  })

  it('lets one who gives up go at once, and none behind it through before those who came first', async () => {
    const line = new WaitingLine()
    const first = gate()
    const controller = new AbortController()
    const one = line.take(undefined, 'x', () => first.passed)
    let begun = 0
    const two = line.take(controller.signal, 'waiting for two', () => Promise.resolve(begun++))
    const three = line.take(undefined, 'x', () => Promise.resolve((begun += 10)))
    controller.abort()
    expect(await failureOf(() => two)).toMatchObject({
      code: 'ABORTED',
      message: expect.stringContaining('waiting for two') as string,
    })
    await settled()
    expect([begun, line.length]).toEqual([0, 2])
    first.open()
    await Promise.all([one, three])
    expect([begun, line.length]).toEqual([10, 0])
  })

  it('takes nobody who has given up before', async () => {
    const line = new WaitingLine()
    const error = await failureOf(() => line.take(AbortSignal.abort(), 'x', () => Promise.resolve()))
    expect([error.code, line.length]).toEqual(['ABORTED', 0])
  })
})
