/**
 * Asks the hub what a pull consists of: the commit, and each file's size and hash. Knows no cache.
 */
import type { PathInfo } from '@huggingface/hub'

import { isStellaError } from '../errors.js'
import type { HubClient } from './hub-client.js'
import { HubFailure } from './hub-failure.js'
import { describeThroughHeaders, headFile } from './hub-headers.js'
import { isCommit, isFileSize, isSha256, type PullFile, type PullRequest } from './hub-names.js'
import { FileFailure, matchPinned, notUnderstood, type RemoteFile, type RemoteSnapshot } from './hub-remote.js'

/**
 * Describes the requested files through the hub's API: two requests, however many files. Where a mirror serves no
 * API, each file's own headers are asked instead.
 *
 * @throws {HubFailure} which is a {@link FileFailure} where one file is at fault
 * @throws {StellaError} ABORTED
 */
export async function describeRemote(
  client: HubClient,
  request: PullRequest,
  signal: AbortSignal | undefined,
): Promise<RemoteSnapshot> {
  try {
    return await describeThroughApi(client, request, signal)
  } catch (error) {
    if (!(error instanceof HubFailure) || error instanceof FileFailure || !isApiMissing(error)) throw error
    return describeThroughHeaders(client, request, signal)
  }
}

/** The hub gives every 404 of its own an `X-Error-Code`; a server without the API does not. */
function isApiMissing({ facts: { status, hubCode } }: HubFailure): boolean {
  return status === 405 || status === 501 || (status === 404 && hubCode === undefined)
}

async function describeThroughApi(
  client: HubClient,
  request: PullRequest,
  signal: AbortSignal | undefined,
): Promise<RemoteSnapshot> {
  const { repo, revision } = request
  const api = { hubUrl: client.endpoint, fetch: client.apiFetch(signal) }
  // Imported here: it takes as long to load as Node to start, and most runs download nothing.
  const { modelInfo, pathsInfo } = await import('@huggingface/hub')
  const commit = isCommit(revision)
    ? revision
    : await understood(client, async () => {
        return (await modelInfo({ ...api, name: repo, revision, additionalFields: ['sha'] })).sha
      })
  if (!isCommit(commit)) throw notUnderstood(client.endpoint, '`sha` of the revision is not a commit')
  const found = await understood(client, async () => {
    const paths = request.files.map((file) => file.path)
    const infos = await pathsInfo({ ...api, repo, revision: commit, paths })
    return new Map(infos.map((info) => [info.path, info]))
  })
  const files: RemoteFile[] = []
  for (const file of request.files) {
    const info = found.get(file.path)
    if (info?.type !== 'file') throw new FileFailure(file.path, absent(commit, info?.type))
    // Without `lfs`, the oid of a file in Xet storage is that of its pointer.
    const pointerOnly = info.xetHash !== undefined && info.lfs === undefined
    const described = pointerOnly
      ? (await headFile(client, repo, commit, file, signal)).file
      : fromPathInfo(client, file, info)
    files.push(matchPinned(file, described))
  }
  return { commit, files }
}

/** The library's types are the hub's promise; what came is parsed here. */
function fromPathInfo(client: HubClient, { path }: PullFile, info: PathInfo): RemoteFile {
  const bytes: unknown = info.lfs?.size ?? info.size
  const sha256: unknown = info.lfs?.oid
  const gitSha1: unknown = info.lfs === undefined ? info.oid : undefined
  if (isFileSize(bytes)) {
    if (typeof sha256 === 'string' && isSha256(sha256)) return { path, bytes, blob: sha256, sha256, gitSha1: undefined }
    if (typeof gitSha1 === 'string' && isCommit(gitSha1)) {
      return { path, bytes, blob: gitSha1, sha256: undefined, gitSha1 }
    }
  }
  throw new FileFailure(path, notUnderstood(client.endpoint, '`size` or `oid` is missing or malformed'))
}

/** Errors of the library itself are about the shape of an answer; those of `apiFetch` pass through. */
async function understood<T>(client: HubClient, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof HubFailure || isStellaError(error)) throw error
    // Not its message: that of a parser repeats what the server sent, which may repeat the token.
    const kind = error instanceof Error ? error.name : typeof error
    throw notUnderstood(client.endpoint, `the answer of its API has another form (${kind})`)
  }
}

function absent(commit: string, type: string | undefined): HubFailure {
  const message = type === undefined ? 'the repository has no such file' : `it is a ${type}, not a file`
  return new HubFailure(`${message} at commit ${commit}`, {
    retryable: false,
    remedy: 'Check the names of repository, revision and file',
    status: 404,
  })
}
