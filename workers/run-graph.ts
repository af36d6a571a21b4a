/**
 * The entry of a process that runs one graph for a conversion and ends. A process of its own, because runs block, hold
 * gigabytes that only a process gives back, and cannot be cancelled but by ending it.
 */
import { runGraph } from '../src/convert/run-graph.js'
import type { GraphMessage, GraphOrder } from './graph-protocol.js'
import { encodeError } from './protocol.js'

// Whoever asked is gone.
process.once('disconnect', () => process.exit())

process.once('message', (order) => {
  void answer(order as GraphOrder)
})

async function answer(order: GraphOrder): Promise<void> {
  try {
    const outputs = await runGraph(order, (done) => {
      tell({ kind: 'progress', done })
    })
    tell({ kind: 'done', outputs }, () => {
      process.disconnect()
    })
  } catch (error) {
    tell({ kind: 'failed', error: encodeError(error, 'INTERNAL') }, () => {
      process.disconnect()
    })
  }
}

function tell(message: GraphMessage, sent?: () => void): void {
  process.send?.(message, undefined, {}, sent)
}
