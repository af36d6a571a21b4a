/** Folders to keep artefacts in, and what is left in them. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Hands out folders under `parent` that do not exist yet. */
export function homesUnder(parent: string): () => string {
  let homes = 0
  return () => join(parent, `home-${homes++}`)
}

/** Everything under a model's artefact folder, sorted; nothing where there is none. */
export async function leftIn(home: string, key: string): Promise<readonly string[]> {
  return (await readdir(join(home, 'artefacts', key), { recursive: true }).catch(() => [])).sort()
}
