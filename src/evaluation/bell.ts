/** Wakes loops that wait for something to change, and look for themselves whether it has. */

/** See the head of this file. */
export class Bell {
  #waiting: (() => void)[] = []

  /** Wakes all who wait. */
  ring(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Settles when the bell rings next. */
  heard(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
