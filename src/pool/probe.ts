/** Whether a loaded model still works: it runs one word. Knows no queue and no breaker. */
import { messageOf } from '../errors.js'
import type { EmbedInput } from '../inference/embed-texts.js'
import type { Logger } from '../inference/logger.js'
import { resolveEmbedOptions } from '../inference/options.js'
import { QueueBudget } from '../scheduler/queue-budget.js'
import { withDeadline } from './deadline.js'
import type { ServedModel } from './served-model.js'
import { surfaced } from './surfaced.js'

/** One word: a forward pass, and next to no work. */
const PROBE: readonly EmbedInput[] = ['health']

/** Runs it, and gives up after `timeoutMs`. What comes of it, the model's meters say. Never rejects. */
export async function probe(served: ServedModel, timeoutMs: number, logger: Logger): Promise<void> {
  const { info } = served
  // Beside the model's budget: that the queue is full says nothing of the model.
  const reservation = new QueueBudget().reserve({ texts: 1, bytes: 0 })
  try {
    await withDeadline(undefined, timeoutMs, (signal) => {
      const options = { ...resolveEmbedOptions(info), signal }
      return served.embed(PROBE, options, { reservation, lane: 'interactive', mode: 'all-or-none' })
    })
  } catch (error) {
    // That the probe failed is its answer: no success is noted.
    surfaced(() => {
      logger.debug({ model: info.key, error: messageOf(error) }, 'health probe failed')
    })
  }
}
