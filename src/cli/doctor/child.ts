/** The process of a check: an order comes in, findings and signs of life go out. */
import type { CheckContext } from './check.js'
import { CHECKS, isCheckName } from './checks.js'
import type { CheckMessage, CheckOrder } from './child-protocol.js'
import { isMissing } from './child-protocol.js'
import { lineOf } from './finding.js'

/** Least time between two signs of life, in milliseconds: a disk is read in thousands of pieces a second. */
const DOING_INTERVAL_MS = 100

function send(message: CheckMessage): void {
  process.send?.(message)
}

async function answer({ check, subject }: CheckOrder): Promise<void> {
  let saidAt = Number.NEGATIVE_INFINITY
  let said = ''
  const context: CheckContext = {
    ...subject,
    env: process.env,
    signal: new AbortController().signal,
    doing: (what, done, total) => {
      const now = performance.now()
      if (what === said && now - saidAt < DOING_INTERVAL_MS) return
      saidAt = now
      said = what
      send({ doing: what, done, total })
    },
  }
  if (!isCheckName(check)) throw new Error(`there is no check called ${check}`)
  const run = await CHECKS[check].load()
  for await (const finding of run(context)) send({ finding })
}

// Whoever asked is gone.
process.once('disconnect', () => process.exit())
process.once('message', (order) => {
  answer(order as CheckOrder).then(
    () => {
      send({ end: 'done' })
    },
    (error: unknown) => {
      send({ end: 'failed', message: lineOf(error), missing: isMissing(error) })
    },
  )
})
