/** Calls what callers have handed in, such as loggers and listeners, where a throw of theirs must not do harm. */

/** Calls `tell`. What it throws fails nothing here: it surfaces as the uncaught exception it is. */
export function surfaced(tell: () => unknown): void {
  try {
    tell()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
