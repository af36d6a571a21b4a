/** Memory of the machine, a container's limit, and the budget that a pool takes. */
import { readMachineMemory } from '../../../pool/machine-memory.js'
import type { MemoryLimits } from '../../../pool/memory-budget.js'
import { readMemoryLimits, resolveMemoryBudget } from '../../../pool/memory-budget.js'
import { formatBytes } from '../../../pool/memory-ledger.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'

/** See above. */
export async function* checkMemory({ env }: CheckContext): AsyncGenerator<Finding, void> {
  const { available } = await readMachineMemory()
  yield memoryFinding(await readMemoryLimits(), available, env['STELLA_MEMORY'])
}

/**
 * @param free - Bytes that could be had now.
 * @param request - The variable that stands for `--memory`.
 */
export function memoryFinding(limits: MemoryLimits, free: number, request: string | undefined): Finding {
  const id = 'memory.limits'
  const { usable, total } = limits
  const own = request === undefined || request === '' ? undefined : request
  let budget: number
  try {
    budget = resolveMemoryBudget(own, limits)
  } catch (error) {
    const advice = 'Correct the variable STELLA_MEMORY, or unset it'
    return notOk('problem', id, `STELLA_MEMORY is no budget: ${lineOf(error)}`, advice, { facts: { usable, total } })
  }
  const facts = { total, usable, free, budget }
  const limit =
    usable < total ? `${formatBytes(usable)} by a container's limit, of ${formatBytes(total)}` : formatBytes(total)
  const from = own === undefined ? 'by default' : 'by STELLA_MEMORY'
  const summary = `${limit}; a pool's budget is ${formatBytes(budget)} ${from}`
  if (budget > usable) {
    return notOk('warning', id, `${summary}, more than there is`, 'Lower STELLA_MEMORY', { facts })
  }
  if (budget > free) {
    const advice = 'Give --memory, or end what holds the rest, where other programs stay as they are'
    return notOk('note', id, `${summary}, and ${formatBytes(free)} are free now`, advice, { facts })
  }
  return ok(id, summary, { facts })
}
