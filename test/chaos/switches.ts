/** The switches of `saboteur.cjs`, as the main thread sees them. Knows no pool. */
import type { Worker } from 'node:worker_threads'

/** What a switch does once it is thrown; as `saboteur.cjs` has them. */
export type SwitchName =
  | 'run: exit'
  | 'run: throw'
  | 'run: terminate'
  | 'load: exit'
  | 'load: throw'
  | 'tokenizer: exit'
  | 'tokenizer: throw'
  | 'disk: low'
  | 'disk: full'
  | 'memory: none'

interface Shared {
  readonly names: readonly string[]
  readonly values: Int32Array
  readonly diskVariable: string
}

/** Throws switches, and counts what came of them. */
export class Switches {
  readonly #shared: Shared

  /** @throws Error in a process without the preload. */
  constructor() {
    const shared = (globalThis as Record<symbol, unknown>)[Symbol.for('stella-chaos')] as Shared | undefined
    if (shared === undefined) throw new Error('saboteur.cjs is not preloaded: start this through test/chaos/main.ts')
    this.#shared = shared
    process.on('worker', (thread: Worker) => {
      thread.on('message', (message: unknown) => {
        if (typeof message === 'object' && message !== null && 'chaos' in message) void thread.terminate()
      })
    })
  }

  /** Lets it happen once more. */
  add(name: SwitchName): void {
    Atomics.add(this.#shared.values, this.#place(name), 1)
  }

  /** Turns it on until {@link Switches.clear}; it tells child processes that are started from now on, too. */
  turnOn(name: 'disk: low' | 'disk: full' | 'memory: none'): void {
    Atomics.store(this.#shared.values, this.#place(name), 1)
    if (name === 'disk: full') process.env[this.#shared.diskVariable] = 'full'
  }

  /** Nothing is to happen any more. */
  clear(): void {
    for (let at = 0; at < this.#shared.names.length; at++) Atomics.store(this.#shared.values, at, 0)
    Reflect.deleteProperty(process.env, this.#shared.diskVariable)
  }

  /** How often each was met, by name; without those that never were. */
  hits(): Readonly<Record<string, number>> {
    const { names, values } = this.#shared
    const counts = names.map((name, at) => [name, Atomics.load(values, names.length + at)] as const)
    return Object.fromEntries(counts.filter(([, count]) => count > 0))
  }

  #place(name: SwitchName): number {
    const at = this.#shared.names.indexOf(name)
    if (at === -1) throw new Error(`saboteur.cjs has no switch ${name}`)
    return at
  }
}
