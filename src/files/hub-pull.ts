/**
 * The part of a pull that runs under the repository's lock: fetches what is missing and completes the snapshot.
 * Makes no decision about where; knows no environment.
 */
import { errnoOf, linkIntoSnapshot, presentFiles, snapshotFolder, snapshotPath, writeRef } from './hub-cache.js'
import type { MakeLink, RepoFolders } from './hub-cache.js'
import type { HubClient } from './hub-client.js'
import { fetchBlob } from './hub-download.js'
import { HubFailure, diskFailure } from './hub-failure.js'
import { isCommit, type PullRequest } from './hub-names.js'
import { createProgressMeter, type PullProgress } from './hub-progress.js'
import { FileFailure, fileUrl, type RemoteFile, type RemoteSnapshot } from './hub-remote.js'

/** One file of a finished pull. */
export interface PulledFile {
  readonly path: string
  readonly bytes: number
  /** `cached`: no byte of it was fetched by this call. */
  readonly state: 'cached' | 'downloaded'
}

/** What {@link completeSnapshot} works on. */
export interface SnapshotTask {
  readonly client: HubClient
  readonly request: PullRequest
  readonly remote: RemoteSnapshot
  /** Where the files go: the request's repository, or an alias that already holds some of them. */
  readonly place: RepoFolders
  readonly onProgress: ((progress: PullProgress) => void) | undefined
  readonly makeLink: MakeLink | undefined
}

/**
 * Fetches the files that are not there, in the order of the request, and records the branch last: a ref never points
 * to a snapshot that lacks a file of this pull.
 *
 * @throws {HubFailure} which is a {@link FileFailure} where one file is at fault
 * @throws {StellaError} ABORTED
 */
export async function completeSnapshot(
  task: SnapshotTask,
  signal: AbortSignal | undefined,
): Promise<readonly PulledFile[]> {
  const { request, remote, place } = task
  const snapshot = snapshotFolder(place, remote.commit)
  const meter = createProgressMeter(new Map(remote.files.map(({ path, bytes }) => [path, bytes])), task.onProgress)
  const present = await presentFiles(snapshot, remote.files)
  const files: PulledFile[] = []
  // What is here counts from the start, so that a bar does not jump at the end.
  for (const { path, bytes } of remote.files) if (present.has(path)) meter.report(path, bytes, 'cached')
  for (const file of remote.files) {
    const { path, bytes } = file
    let fresh = false
    if (!present.has(path)) {
      fresh = await named(path, async () => {
        const blob = await fetchBlob(task.client, blobRequest(task, file), meter, signal)
        await linkIntoSnapshot(blob.path, snapshotPath(snapshot, path), blob.fresh, task.makeLink)
        return blob.fresh
      })
      meter.report(path, bytes, fresh ? 'done' : 'cached')
    }
    files.push({ path, bytes, state: fresh ? 'downloaded' : 'cached' })
  }
  if (!isCommit(request.revision)) await writeRef(place, request.revision, remote.commit)
  return files
}

function blobRequest(
  { client, request, remote, place }: SnapshotTask,
  file: RemoteFile,
): Parameters<typeof fetchBlob>[1] {
  const url = fileUrl(client.endpoint, request.repo, remote.commit, file.path)
  return { url, folder: place.blobs, file }
}

/** Gives a failure the name of its file. */
async function named<T>(file: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof HubFailure) throw new FileFailure(file, error)
    if (errnoOf(error) !== undefined) throw new FileFailure(file, diskFailure(error, {}))
    throw error
  }
}
