/**
 * Finds a pull's files in the cache, under the repository's name or an alias, without a request.
 * Knows the layout through `hub-cache` only.
 */
import { localSnapshot, presentFiles, repoFolders, snapshotFolder, type RepoFolders } from './hub-cache.js'
import type { PullRequest } from './hub-names.js'
import type { RemoteSnapshot } from './hub-remote.js'

/** Folders of a request's repository, and after it of its aliases. */
export type Places = readonly [RepoFolders, ...RepoFolders[]]

/** A snapshot that holds every file of a request. */
export interface FoundSnapshot {
  readonly place: RepoFolders
  readonly folder: string
  /** Bytes by path. */
  readonly sizes: ReadonlyMap<string, number>
}

/** Where a request's files may be under `cacheDir`. */
export function placesOf(request: PullRequest, cacheDir: string): Places {
  const aliases = (request.aliases ?? []).filter((alias) => alias !== request.repo)
  return [repoFolders(cacheDir, request.repo), ...aliases.map((alias) => repoFolders(cacheDir, alias))]
}

/** The first place with a complete snapshot of the request's revision. */
export async function findSnapshot(places: Places, request: PullRequest): Promise<FoundSnapshot | undefined> {
  for (const place of places) {
    const folder = await localSnapshot(place, request.revision)
    const sizes = await presentFiles(folder, request.files)
    if (sizes.size === request.files.length) return { place, folder, sizes }
  }
  return undefined
}

/** The place that holds most bytes of the snapshot already, and whether it holds all; the repository's own in a tie. */
export async function fullestPlace(
  places: Places,
  remote: RemoteSnapshot,
): Promise<{ readonly place: RepoFolders; readonly complete: boolean }> {
  let best = { place: places[0], bytes: -1, complete: false }
  for (const place of places) {
    const sizes = await presentFiles(snapshotFolder(place, remote.commit), remote.files)
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    if (bytes > best.bytes) best = { place, bytes, complete: sizes.size === remote.files.length }
  }
  return best
}
