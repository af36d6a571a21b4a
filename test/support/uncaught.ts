/** Catches what surfaces as an uncaught exception, which the test runner would fail the test for. */

/** Uncaught exceptions of `work`, and of the moments after it. */
export async function uncaughtDuring(work: () => Promise<unknown>): Promise<readonly unknown[]> {
  const uncaught: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => uncaught.push(error))
  try {
    await work()
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
  }
  return uncaught
}
