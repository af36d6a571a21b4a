/**
 * Turns whatever ended a pull into the error its caller gets. Decides nothing else.
 */
import { StellaError } from '../errors.js'
import { FileLockLost } from './file-lock.js'
import { errnoOf, localSnapshot, presentFiles, snapshotFolder, type RepoFolders } from './hub-cache.js'
import { HubFailure, diskFailure, downloadFailed } from './hub-failure.js'
import type { PullRequest } from './hub-names.js'
import { FileFailure } from './hub-remote.js'

/** Where a pull was when it ended. */
export interface PullSituation {
  readonly request: PullRequest
  readonly endpoint: string
  /** Where the files go. */
  readonly place: RepoFolders
  /** Undefined where the hub was not, or not yet, asked. */
  readonly commit: string | undefined
}

/**
 * `DOWNLOAD_FAILED` for everything that is about the hub, the network, the disk or the lock; anything else, such as
 * `ABORTED` or what a caller's callback threw, unchanged.
 */
export async function explain(error: unknown, situation: PullSituation): Promise<unknown> {
  const failure = failureOf(error)
  if (failure === undefined) return error
  const { request, endpoint } = situation
  const { folder, missing } = await whatIsMissing(situation)
  return downloadFailed(failure, {
    repo: request.repo,
    revision: request.revision,
    endpoint,
    cacheFolder: folder,
    missing,
    file: failure instanceof FileFailure ? failure.file : undefined,
  })
}

/** The failure of a pull that may not ask the hub. */
export function offlineFailure(): HubFailure {
  return new HubFailure('it is not in the cache, and HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids requests', {
    retryable: false,
    remedy: 'Unset that variable to allow the download',
    details: { offline: true },
  })
}

function failureOf(error: unknown): HubFailure | undefined {
  if (error instanceof HubFailure) return error
  if (error instanceof FileLockLost) {
    return new HubFailure(error.message, {
      retryable: false,
      remedy: 'What was downloaded is kept',
      details: { lock: error.lockPath },
      cause: error,
    })
  }
  if (error instanceof StellaError) return undefined
  return errnoOf(error) === undefined ? undefined : diskFailure(error, {})
}

async function whatIsMissing({
  request,
  place,
  commit,
}: PullSituation): Promise<{ folder: string; missing: string[] }> {
  const paths = request.files.map((file) => file.path)
  try {
    const folder = commit === undefined ? await localSnapshot(place, request.revision) : snapshotFolder(place, commit)
    const present = await presentFiles(folder, request.files)
    return { folder, missing: paths.filter((path) => !present.has(path)) }
  } catch {
    // The cache cannot be read, which may be what ended the pull: then everything counts as missing.
    return { folder: snapshotFolder(place, commit ?? request.revision), missing: paths }
  }
}
