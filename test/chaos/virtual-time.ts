/**
 * Time that passes as fast as the work allows: timers go off as soon as nobody has anything else to do, in their order,
 * and each turn of the event loop takes a moment. With it, a minute's wait costs nothing and a seed plays the same again.
 * Knows no pool.
 */

/** What a turn of the event loop takes, in virtual milliseconds. */
const TURN_MS = 0.05

/** Turns without work after which time may pass: promises may still be on their way through a few. */
const IDLE_TURNS = 2

interface Timer {
  readonly at: number
  readonly order: number
  readonly run: () => void
  /** Undefined: once. */
  readonly everyMs: number | undefined
}

/** What `setTimeout` gives. */
class Handle {
  readonly id: number

  constructor(id: number) {
    this.id = id
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  [Symbol.toPrimitive](): number {
    return this.id
  }
}

/** See the head of this file. Replaces the timers of the process when it is made. */
export class VirtualTime {
  /** As they were. */
  readonly real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    setImmediate: globalThis.setImmediate,
    clearImmediate: globalThis.clearImmediate,
  } as const
  readonly #realNow = performance.now.bind(performance)
  readonly #timers = new Map<number, Timer>()
  #now = 0
  #ids = 0
  /** Immediates that have not run. */
  readonly #work = new Set<NodeJS.Immediate>()
  #running = false

  constructor() {
    const set = (
      run: (...args: unknown[]) => void,
      ms: number | undefined,
      args: unknown[],
      repeats: boolean,
    ): Handle => {
      const delayMs = Math.max(1, ms ?? 1)
      const id = ++this.#ids
      const call = (): void => {
        run(...args)
      }
      this.#timers.set(id, { at: this.#now + delayMs, order: id, run: call, everyMs: repeats ? delayMs : undefined })
      return new Handle(id)
    }
    const clear = (handle: unknown): void => {
      if (handle instanceof Handle) this.#timers.delete(handle.id)
    }
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms?: number, ...args: unknown[]) => set(run, ms, args, false),
      setInterval: (run: () => void, ms?: number, ...args: unknown[]) => set(run, ms, args, true),
      clearTimeout: clear,
      clearInterval: clear,
      setImmediate: (run: (...args: unknown[]) => void, ...args: unknown[]) => {
        const immediate = this.real.setImmediate(() => {
          this.#work.delete(immediate)
          this.#now += TURN_MS
          run(...args)
        })
        this.#work.add(immediate)
        return immediate
      },
      clearImmediate: (immediate: NodeJS.Immediate) => {
        this.#work.delete(immediate)
        this.real.clearImmediate(immediate)
      },
    })
    performance.now = () => this.#now
  }

  /** Milliseconds since it was made. */
  get now(): number {
    return this.#now
  }

  /** Ends after so many milliseconds of this time. */
  rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds))
  }

  /** Lets time pass from now on. */
  start(): void {
    this.#running = true
    void this.#run()
  }

  stop(): void {
    this.#running = false
  }

  /** Stops it, and has the process use its own timers again. */
  restore(): void {
    this.stop()
    Object.assign(globalThis, this.real)
    performance.now = this.#realNow
  }

  async #run(): Promise<void> {
    let idle = 0
    while (this.#running) {
      await new Promise<void>((resolve) => this.real.setImmediate(resolve))
      idle = this.#work.size > 0 ? 0 : idle + 1
      if (idle < IDLE_TURNS) continue
      idle = 0
      this.#next()
    }
  }

  /** The next timer goes off, if there is one. */
  #next(): void {
    let next: [number, Timer] | undefined
    for (const entry of this.#timers) if (next === undefined || isBefore(entry[1], next[1])) next = entry
    if (next === undefined) return
    const [id, { at, order, run, everyMs }] = next
    if (everyMs === undefined) this.#timers.delete(id)
    else this.#timers.set(id, { at: at + everyMs, order, run, everyMs })
    this.#now = Math.max(this.#now, at)
    run()
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
