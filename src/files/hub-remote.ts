/**
 * A repository's files as the hub describes them, and the checks on such a description.
 * Makes no request.
 */
import { HubFailure } from './hub-failure.js'
import type { PullFile } from './hub-names.js'

/** A file as the hub describes it. */
export interface RemoteFile {
  readonly path: string
  readonly bytes: number
  /** Its name in the cache's `blobs/`: the hub's ETag. */
  readonly blob: string
  /** Of the content: what the request pins, else what the hub says of a file in LFS. */
  readonly sha256: string | undefined
  /** Of a file that is not in LFS. */
  readonly gitSha1: string | undefined
}

/** The files of a pull at one commit. */
export interface RemoteSnapshot {
  readonly commit: string
  /** In the order of the request. */
  readonly files: readonly RemoteFile[]
}

/** A {@link HubFailure} that is about one file. */
export class FileFailure extends HubFailure {
  readonly file: string

  constructor(file: string, failure: HubFailure) {
    super(failure.message, { ...failure.facts, cause: failure })
    this.file = file
    this.attempts = failure.attempts
  }
}

/** Where the hub serves a file's content. */
export function fileUrl(endpoint: string, repo: string, revision: string, path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  return `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${encoded}`
}

/**
 * Holds what the hub says against what the request knows, before anything large is fetched.
 *
 * @returns `remote`, with the pinned hash where the hub names none
 * @throws {FileFailure} where they differ
 */
export function matchPinned(pinned: PullFile, remote: RemoteFile): RemoteFile {
  const { path, bytes, sha256 } = pinned
  if (bytes !== undefined && bytes !== remote.bytes) {
    throw new FileFailure(path, differs(`has ${remote.bytes} bytes, not ${bytes} as expected`))
  }
  if (sha256 === undefined) return remote
  if (remote.sha256 !== undefined && remote.sha256 !== sha256) {
    throw new FileFailure(path, differs(`has SHA-256 ${remote.sha256}, not ${sha256} as expected`))
  }
  return { ...remote, sha256 }
}

function differs(how: string): HubFailure {
  return new HubFailure(`the hub's file ${how}`, {
    retryable: false,
    remedy: 'It is not the file this model was registered with: check repository and revision',
  })
}

/** The failure of an answer that is no hub's. */
export function notUnderstood(endpoint: string, reason: string): HubFailure {
  return new HubFailure(`${endpoint} does not answer as a Hugging Face hub does: ${reason}`, {
    retryable: false,
    remedy: 'Check that HF_ENDPOINT names a Hugging Face hub or a mirror of one',
  })
}
