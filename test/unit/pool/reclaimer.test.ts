import { describe, expect, it, vi } from 'vitest'

import { SILENT } from '../../../src/inference/logger.js'
import { MemoryLedger } from '../../../src/pool/memory-ledger.js'
import { Reclaimer } from '../../../src/pool/reclaimer.js'
import { failureOf } from '../../support/failure.js'
import { ANY_PARTS, ReclaimableModel } from '../../support/reclaimable-model.js'

const quiet = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** A reclaimer beside one model that holds all of 100 bytes, and how many listen to the ledger. */
function full() {
  const ledger = new MemoryLedger(100)
  const model = new ReclaimableModel('holder')
  model.grant = ledger.grant('holder', 100, ANY_PARTS)
  const listening = new Set<() => void>()
  const onChange = ledger.onChange.bind(ledger)
  vi.spyOn(ledger, 'onChange').mockImplementation((listener) => {
    const stop = onChange(listener)
    listening.add(stop)
    return () => {
      stop()
      listening.delete(stop)
    }
  })
  const reclaimer = new Reclaimer({ ledger, logger: SILENT, models: () => [model] })
  const want = (signal?: AbortSignal) =>
    reclaimer.makeRoom({
      ...{ requester: new ReclaimableModel('m'), bytes: 50, arithmetic: ANY_PARTS, mine: undefined },
      signal,
    })
  return { model, want, listeners: () => listening.size }
}

describe('making room', () => {
  it('listens to the ledger for as long as it waits, and no longer', async () => {
    const { model, want, listeners } = full()
    const room = want()
    await quiet()
    expect(listeners()).toBe(1)
    model.settle()
    await room
    expect(listeners()).toBe(0)
  })

  it('stops listening also where it was given up', async () => {
    const { model, want, listeners } = full()
    const controller = new AbortController()
    const room = failureOf(() => want(controller.signal))
    await quiet()
    controller.abort()
    expect((await room).code).toBe('ABORTED')
    model.settle()
    await quiet()
    expect(listeners()).toBe(0)
  })

  it('fails nobody where a logger throws: that surfaces by itself', async () => {
    const uncaught = vi.fn()
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', uncaught)
    try {
      const ledger = new MemoryLedger(100)
      const model = new ReclaimableModel('holder')
      model.grant = ledger.grant('holder', 100, ANY_PARTS)
      const error = (): void => {
        throw new Error('a logger')
      }
      const reclaimer = new Reclaimer({ ledger, logger: { ...SILENT, error }, models: () => [model] })
      const relieved = reclaimer.relieve(10)
      model.settle(new Error('no'))
      await relieved
      await quiet()
      expect(uncaught.mock.calls.map(([thrown]) => (thrown as Error).message)).toEqual(['a logger'])
    } finally {
      for (const listener of before) process.on('uncaughtException', listener)
    }
  })
})
