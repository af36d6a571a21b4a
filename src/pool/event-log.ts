/** What a log says of a pool's events, and how loudly. Batches and calls are for events, not for logs. */
import type { PoolEvents } from '../events.js'
import type { Logger } from '../inference/logger.js'
import type { EventFacts } from './tell.js'

/** Logs an event of a model, if it is one for a log. Throws what the logger throws. */
export function logEvent<E extends keyof PoolEvents>(
  logger: Logger,
  model: string,
  event: E,
  facts: EventFacts<E>,
): void {
  const message = MESSAGES[event]
  if (message !== undefined) logger[LEVELS[event] ?? 'debug']({ model, ...facts }, message)
}

const MESSAGES: Readonly<Partial<Record<keyof PoolEvents, string>>> = {
  workerSpawning: 'worker starting',
  workerReady: 'worker ready',
  workerLost: 'worker lost',
  workerEvicted: 'idle worker stopped',
  modelLoaded: 'model loaded',
  modelEvicted: 'model evicted',
  requestRejected: 'call refused',
  breakerOpened: 'breaker opened',
  breakerClosed: 'breaker closed',
}

const LEVELS: Readonly<Partial<Record<keyof PoolEvents, 'info' | 'warn'>>> = {
  workerLost: 'warn',
  modelLoaded: 'info',
  modelEvicted: 'info',
  breakerOpened: 'warn',
  breakerClosed: 'info',
}
