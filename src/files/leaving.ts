/** Runs something when the process ends, by itself or by a signal. Knows nothing of what is run. */

/** Signals that end a process which does not listen to them, and whose sender expects that. */
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** Marks our listeners among those of others. */
const OURS = Symbol('stella-pool: leaving')

type Listener = ((signal: NodeJS.Signals) => void) & { readonly [OURS]: true }

/**
 * Has `clean` run when the process exits, and when a signal ends it that nobody else listens to. Signals still end the
 * process as they would have.
 *
 * signal-exit does the same, but looks for others' listeners after those have been called: a program that hears SIGTERM
 * `once`, to finish what it has under way, is then ended by it.
 *
 * @param clean - Synchronous; must not throw.
 * @returns what takes it back.
 */
export function whenLeaving(clean: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    // First in line, it sees those who listen `once`: whoever listens decides what becomes of the process.
    if (!process.listeners(signal).every(isOurs)) return
    takeBack()
    clean()
    // The last of ours to leave lets the signal have its way.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
  const listener: Listener = Object.assign(onSignal, { [OURS]: true as const })
  const takeBack = (): void => {
    process.off('exit', clean)
    for (const signal of SIGNALS) process.off(signal, listener)
  }
  process.on('exit', clean)
  for (const signal of SIGNALS) process.prependListener(signal, listener)
  return takeBack
}

function isOurs(listener: object): boolean {
  return OURS in listener
}
