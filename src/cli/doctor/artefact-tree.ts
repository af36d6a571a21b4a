/**
 * What lies in the folder of converted models:
 *
 *     artefacts/<model>/<revision>-<precision>/            an artefact
 *     artefacts/<model>/<revision>-<precision>.lock/       held while it is made
 *     artefacts/<model>/<name>.<uuid>.partial/             not finished, or on its way out
 *     artefacts/…/<artefact>/manifest.json.<uuid>.partial
 *     artefacts/…/<artefact>/packed/<engine-hash>/         weights as an engine on a processor wants them
 *     artefacts/…/<artefact>/packed/packing.lock/
 *     artefacts/…/<artefact>/packed/<name>.<uuid>.partial/
 *
 * Lists names, follows no link, and opens no file.
 */
import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { PACKED_FOLDER, PACKING_LOCK } from '../../convert/artefact-files.js'
import { ARTEFACTS_FOLDER } from '../../convert/artefact-folder.js'
import { PARTIAL_SUFFIX } from '../../files/atomic.js'
import { errnoOf } from '../../files/hub-cache.js'

/** Names looked at in one folder. A home has tens; whoever has more has pointed STELLA_HOME at something else. */
const MAX_NAMES = 10_000

const LOCK_SUFFIX = '.lock'

/** Something in the tree. */
export interface TreeEntry {
  readonly kind: 'artefact' | 'lock' | 'partial'
  /** Name of the model's folder. */
  readonly model: string
  readonly name: string
  readonly path: string
  /** Of a partial: the lock that is held while it is written. */
  readonly lock?: string
}

/** Everything under `home`, in a settled order. A folder that is not there holds nothing. */
export async function* readArtefactTree(home: string): AsyncGenerator<TreeEntry, void> {
  const root = join(home, ARTEFACTS_FOLDER)
  for (const model of await entriesOf(root)) {
    if (!model.isDirectory()) continue
    const folder = join(root, model.name)
    for (const entry of await entriesOf(folder)) {
      yield* entryOf(model.name, folder, entry)
      if (entry.isDirectory() && kindOf(entry.name) === 'artefact') {
        yield* insideOf(model.name, join(folder, entry.name))
      }
    }
  }
}

function* entryOf(model: string, folder: string, { name }: Dirent): Generator<TreeEntry, void> {
  const kind = kindOf(name)
  const path = join(folder, name)
  // `<name>.<uuid>.partial` is written under `<name>.lock`.
  const lock = `${path.replace(/\.[^.]+\.partial$/, '')}${LOCK_SUFFIX}`
  yield { kind, model, name, path, ...(kind === 'partial' ? { lock } : {}) }
}

/** Locks and partials inside an artefact. */
async function* insideOf(model: string, artefact: string): AsyncGenerator<TreeEntry, void> {
  for (const { name } of await entriesOf(artefact)) {
    const path = join(artefact, name)
    if (kindOf(name) === 'partial') yield { kind: 'partial', model, name, path, lock: `${artefact}${LOCK_SUFFIX}` }
  }
  const packed = join(artefact, PACKED_FOLDER)
  for (const { name } of await entriesOf(packed)) {
    const kind = kindOf(name)
    const path = join(packed, name)
    if (kind === 'lock') yield { kind, model, name, path }
    if (kind === 'partial') yield { kind, model, name, path, lock: join(packed, `${PACKING_LOCK}${LOCK_SUFFIX}`) }
  }
}

/** Names of packed forms in an artefact, of whatever engine and processor. */
export async function packedForms(artefact: string): Promise<readonly string[]> {
  const entries = await entriesOf(join(artefact, PACKED_FOLDER))
  return entries.filter((entry) => entry.isDirectory() && kindOf(entry.name) === 'artefact').map(({ name }) => name)
}

function kindOf(name: string): TreeEntry['kind'] {
  if (name.endsWith(PARTIAL_SUFFIX)) return 'partial'
  return name.endsWith(LOCK_SUFFIX) ? 'lock' : 'artefact'
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MAX_NAMES)
  } catch (error) {
    // A folder that is a file holds no artefacts either, and is told of by `home.folder`.
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}
