/** Decides whether a folder may be replaced by an artefact. Deletes nothing itself, and lets nothing of a user's go. */
import { lstat, readdir } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'

import { StellaError } from '../errors.js'
import { PARTIAL_SUFFIX } from '../files/atomic.js'
import { MANIFEST_FILE, readManifest } from '../files/manifest.js'
import { UsageError } from './usage-error.js'

/** What loading a model adds to its artefact. */
const MADE_BY_LOADING = 'packed'

/** Files named in a refusal. */
const MAX_NAMED = 5

/** How `replaceFolder` calls what it has not finished: the folder's name, a random UUID, the suffix. */
const UNFINISHED = /^\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/

/**
 * Refuses any folder but one that is not there, empty, or, under `force`, an artefact with nothing else in it.
 *
 * @throws {UsageError} saying why.
 */
export async function checkOutFolder(folder: string, force: boolean): Promise<void> {
  await checkSiblings(folder)
  const found = await lstat(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return
  if (!found.isDirectory()) throw refused(folder, 'is no folder')
  const files = await filesIn(folder)
  if (files.length === 0) return
  const manifest = await readManifest(folder).catch((error: unknown) => {
    if (error instanceof StellaError) return undefined
    throw error
  })
  if (manifest === undefined) throw refused(folder, 'is not empty and no artefact')
  const foreign = files.filter((file) => {
    return file !== MANIFEST_FILE && !file.startsWith(`${MADE_BY_LOADING}/`) && !Object.hasOwn(manifest.files, file)
  })
  if (foreign.length > 0) {
    throw refused(folder, `holds files that are not the artefact's: ${foreign.slice(0, MAX_NAMED).join(', ')}`)
  }
  if (!force) throw new UsageError(`${folder} holds an artefact already`, 'Replace it with --force')
}

/** What a conversion that was cut short left beside the folder is swept away; a file of the user's must not be. */
async function checkSiblings(folder: string): Promise<void> {
  const name = basename(folder)
  const siblings = await readdir(dirname(folder)).catch(() => [])
  const taken = siblings.find((sibling) => {
    return (
      sibling.startsWith(`${name}.`) && sibling.endsWith(PARTIAL_SUFFIX) && !UNFINISHED.test(sibling.slice(name.length))
    )
  })
  if (taken === undefined) return
  throw refused(folder, `has ${taken} beside it, a name that unfinished artefacts have; rename that file`)
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
}

function refused(folder: string, why: string): UsageError {
  return new UsageError(`\`--out\` will not replace ${folder}: it ${why}`, 'Name a folder that does not exist')
}
