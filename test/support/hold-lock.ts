/**
 * A process that takes the lock named by its first argument, says so, and holds it until it is killed. With a third
 * argument it hears SIGTERM, once, and leaves by itself.
 */
import { withFileLock } from '../../src/files/file-lock.js'

const [, , path = '', staleMs = '', listening] = process.argv
if (listening !== undefined) {
  process.once('SIGTERM', () => {
    // After all listeners of the signal have been called.
    setImmediate(() => process.exit(7))
  })
}
await withFileLock(path, { staleMs: Number(staleMs) }, () => {
  process.stdout.write('held\n')
  return new Promise(() => setInterval(() => undefined, 1000))
})
