/**
 * The Hugging Face cache on disk, in the layout Python's huggingface_hub reads and writes:
 *
 *     models--owner--name/refs/main              the commit a branch was last seen at
 *     models--owner--name/blobs/<etag>           content: SHA-256 of an LFS file, git SHA-1 of another
 *     models--owner--name/snapshots/<commit>/…   the repository's paths, as relative links to blobs
 *
 * Knows no network. Source of the layout: huggingface_hub, "Understand caching".
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, lstat, mkdir, open, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

import { isCommit, type PullFile } from './hub-names.js'
import { isError, systemCode } from '../realm.js'

/** Most bytes read of a file in `refs/`; a commit has 40. */
const MAX_REF_BYTES = 256

/** Folders of one repository in the cache. */
export interface RepoFolders {
  readonly repo: string
  readonly root: string
  readonly blobs: string
  /** Handed to `withFileLock`. Not one of Python's lock names: those are files, and a lock here is a folder. */
  readonly lock: string
}

/** Where `repo` (`owner/name`) is kept under `cacheDir`. */
export function repoFolders(cacheDir: string, repo: string): RepoFolders {
  const name = `models--${repo.replace('/', '--')}`
  const root = join(cacheDir, name)
  return { repo, root, blobs: join(root, 'blobs'), lock: join(cacheDir, '.locks', name, 'stella-pool') }
}

/** The folder with the repository's files at `commit`. */
export function snapshotFolder(folders: RepoFolders, commit: string): string {
  return join(folders.root, 'snapshots', commit)
}

/** A file's path inside a snapshot, with the platform's separators. */
export function snapshotPath(snapshot: string, path: string): string {
  return join(snapshot, ...path.split('/'))
}

/**
 * The snapshot a revision names without asking the hub: a commit itself, else what `refs/` recorded.
 * A branch nobody recorded is looked for under its own name: that is where one copies files by hand.
 */
export async function localSnapshot(folders: RepoFolders, revision: string): Promise<string> {
  const commit = isCommit(revision) ? revision : await readRef(folders, revision)
  return commit === undefined
    ? snapshotPath(join(folders.root, 'snapshots'), revision)
    : snapshotFolder(folders, commit)
}

/**
 * Sizes in bytes of those `files` that `snapshot` holds: there, not empty, and of the right size where that is known.
 * Contents are not read; they were verified when they were downloaded.
 */
export async function presentFiles(snapshot: string, files: readonly PullFile[]): Promise<ReadonlyMap<string, number>> {
  const present = new Map<string, number>()
  for (const file of files) {
    // Follows links, so a link whose blob is gone counts as missing.
    const bytes = await sizeOf(snapshotPath(snapshot, file.path))
    if (bytes === undefined || (file.bytes === undefined ? bytes === 0 : bytes !== file.bytes)) continue
    present.set(file.path, bytes)
  }
  return present
}

/** Size in bytes of the file at `path`; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? found.size : undefined
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

/** Records that `revision` (a branch or tag) is at `commit`. */
export async function writeRef(folders: RepoFolders, revision: string, commit: string): Promise<void> {
  if ((await readRef(folders, revision)) === commit) return
  const path = snapshotPath(join(folders.root, 'refs'), revision)
  await mkdir(dirname(path), { recursive: true })
  const temporary = temporaryName(path)
  await writeFile(temporary, commit)
  await rename(temporary, path)
}

/** How {@link linkIntoSnapshot} makes a link; tests put in one that cannot. */
export type MakeLink = (target: string, path: string) => Promise<void>

/**
 * Puts a blob into a snapshot as a relative link. Where the file system or the user's rights allow no links (Windows
 * without developer mode), the blob itself is moved there if it is `fresh`, else copied: others may link to it.
 */
export async function linkIntoSnapshot(
  blob: string,
  pointer: string,
  fresh: boolean,
  makeLink: MakeLink = symlink,
): Promise<void> {
  const target = relative(dirname(pointer), blob)
  if (await isLinkTo(pointer, target)) return
  await mkdir(dirname(pointer), { recursive: true })
  const temporary = temporaryName(pointer)
  try {
    await makeLink(target, temporary)
  } catch {
    // Whatever the reason, the way without links serves too, and reports what fails then.
    if (fresh) {
      await rename(blob, pointer)
      return
    }
    await copyInto(blob, temporary)
  }
  // Renamed over what may be there: a link to a blob that is gone, or a file of the wrong size.
  await rename(temporary, pointer)
}

async function copyInto(blob: string, temporary: string): Promise<void> {
  try {
    await copyFile(blob, temporary, constants.COPYFILE_FICLONE)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function isLinkTo(pointer: string, target: string): Promise<boolean> {
  try {
    return (await lstat(pointer)).isSymbolicLink() && (await readlink(pointer)) === target
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

/** The commit recorded for a branch or tag; undefined where none is, or where the file holds something else. */
async function readRef(folders: RepoFolders, revision: string): Promise<string | undefined> {
  try {
    await using file = await open(snapshotPath(join(folders.root, 'refs'), revision), 'r')
    const buffer = Buffer.alloc(MAX_REF_BYTES)
    const { bytesRead } = await file.read(buffer, 0, MAX_REF_BYTES, 0)
    const commit = buffer.toString('latin1', 0, bytesRead).trim()
    return isCommit(commit) ? commit : undefined
  } catch (error) {
    // EISDIR: `refs/pr` is a folder where `refs/pr/1` was recorded.
    if (isAbsent(error) || errnoOf(error) === 'EISDIR') return undefined
    throw error
  }
}

/** Beside `path`, so that a rename stays on one file system; not made from its name, which may be as long as allowed. */
function temporaryName(path: string): string {
  return join(dirname(path), `.stella-pool-${randomUUID()}.tmp`)
}

function isAbsent(error: unknown): boolean {
  const code = errnoOf(error)
  // ELOOP: a link that points to itself leads to no file either.
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP'
}

/** The code of a file system error, such as `ENOSPC`; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  return isError(error) && 'syscall' in error ? systemCode(error) : undefined
}
