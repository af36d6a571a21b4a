/** Runs a backbone over packed batches and combines what each gives. Blocks its thread while the engine works. */
import type { Combine, GraphOrder, GraphOutputs } from '../../workers/graph-protocol.js'
import { backboneFeeds } from '../packed/run-graphs.js'
import { GraphSession } from '../runtime/session.js'

/** @param onRun - Called after each run with the number done. */
export async function runGraph(order: GraphOrder, onRun?: (done: number) => void): Promise<GraphOutputs> {
  const session = await GraphSession.open(order.graph, { threads: order.threads, weights: { kind: order.weights } })
  try {
    const names = Object.keys(order.outputs)
    const combined = new Map<string, Combined>(names.map((name) => [name, new Combined(order.outputs[name] ?? 'rows')]))
    for (const [index, run] of order.runs.entries()) {
      const outputs = await session.runAll(backboneFeeds(run), names)
      for (const [name, values] of Object.entries(outputs)) combined.get(name)?.add(values)
      onRun?.(index + 1)
    }
    return Object.fromEntries(names.map((name) => [name, combined.get(name)?.values() ?? new Float32Array()]))
  } finally {
    await session.close()
  }
}

/** One output over all runs. */
class Combined {
  readonly #how: Combine
  #parts: Float32Array[] = []

  constructor(how: Combine) {
    this.#how = how
  }

  add(values: Float32Array): void {
    const [total] = this.#parts
    if (this.#how === 'rows' || total === undefined) this.#parts.push(values)
    else if (this.#how === 'max') values.forEach((value, i) => (total[i] = Math.max(total[i] ?? value, value)))
    else values.forEach((value, i) => (total[i] = (total[i] ?? 0) + value))
  }

  values(): Float32Array {
    const [first] = this.#parts
    if (first !== undefined && this.#parts.length === 1) return first
    const joined = new Float32Array(this.#parts.reduce((sum, part) => sum + part.length, 0))
    let start = 0
    for (const part of this.#parts) {
      joined.set(part, start)
      start += part.length
    }
    return joined
  }
}
