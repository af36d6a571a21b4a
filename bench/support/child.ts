/** Runs a step in a process of its own, so that its memory and its peak are its own. Knows steps by name only. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** Resolved here: the child may start anywhere. */
const TSX = import.meta.resolve('tsx')

/**
 * Runs `node module <argument as JSON>` and reads the JSON it prints. What it says on stderr is passed on.
 *
 * @throws Error when it ends otherwise than well, or prints no JSON.
 */
export async function inChild(module: URL, argument: unknown): Promise<unknown> {
  const args = ['--import', TSX, fileURLToPath(module), JSON.stringify(argument)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve(signal ?? code)
    })
  })
  const [output, status] = await Promise.all([text(child.stdout), ended])
  if (status !== 0) throw new Error(`${module.pathname.split('/').pop() ?? ''} ended with ${String(status)}`)
  return JSON.parse(output)
}
