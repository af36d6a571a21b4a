/** A folder for one test file, removed when the test says so. */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Made at once; `remove` deletes it with everything in it. */
export function temporaryFolder(): { readonly path: string; remove(): Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), 'stella-pool-test-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
