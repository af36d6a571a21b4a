/** A process that takes the lock named by its first argument, says so, and holds it until it is killed. */
import { withFileLock } from '../../src/files/file-lock.js'

const [, , path = '', staleMs = ''] = process.argv
await withFileLock(path, { staleMs: Number(staleMs) }, () => {
  process.stdout.write('held\n')
  return new Promise(() => setInterval(() => undefined, 1000))
})
