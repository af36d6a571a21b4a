/**
 * Asks a mirror that serves no API about single files, by the headers huggingface_hub uses.
 * Knows no cache.
 */
import type { HubAnswer, HubClient } from './hub-client.js'
import { HubFailure } from './hub-failure.js'
import { isCommit, isFileSize, isSha256, type PullFile, type PullRequest } from './hub-names.js'
import { FileFailure, fileUrl, matchPinned, notUnderstood, type RemoteFile, type RemoteSnapshot } from './hub-remote.js'
import { withRetries } from './hub-retry.js'

/** Redirects followed within the hub, such as that of a renamed repository. */
const MAX_REDIRECTS = 5

/** Names a blob may have: an ETag becomes a file name. The hub's are 40 or 64 hex digits; mirrors make their own. */
const BLOB_NAME = /^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/

/** @throws {FileFailure} */
export async function describeThroughHeaders(
  client: HubClient,
  request: PullRequest,
  signal: AbortSignal | undefined,
): Promise<RemoteSnapshot> {
  const files: RemoteFile[] = []
  let { revision } = request
  for (const file of request.files) {
    const found = await headFile(client, request.repo, revision, file, signal)
    // All files after the first are asked at its commit: a branch may move in between.
    revision = found.commit
    files.push(matchPinned(file, found.file))
  }
  return { commit: revision, files }
}

/** @throws {FileFailure} */
export async function headFile(
  client: HubClient,
  repo: string,
  revision: string,
  file: PullFile,
  signal: AbortSignal | undefined,
): Promise<{ readonly commit: string; readonly file: RemoteFile }> {
  try {
    const answer = await headWithinHub(client, fileUrl(client.endpoint, repo, revision, file.path), signal)
    return readHeaders(client, answer, revision, file)
  } catch (error) {
    throw error instanceof HubFailure ? new FileFailure(file.path, error) : error
  }
}

function readHeaders(
  { endpoint }: HubClient,
  { status, headers }: HubAnswer,
  revision: string,
  { path, bytes: pinnedBytes }: PullFile,
): { readonly commit: string; readonly file: RemoteFile } {
  const commit = headers.get('x-repo-commit') ?? revision
  const blob = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\//, '').replace(/^"|"$/g, '')
  // A redirect's own length is that of the redirect.
  const size = headers.get('x-linked-size') ?? (status < 300 ? headers.get('content-length') : null)
  const bytes = size === null ? pinnedBytes : /^\d+$/.test(size) ? Number(size) : undefined
  if (!isCommit(commit) || !BLOB_NAME.test(blob) || !isFileSize(bytes)) {
    const missing = !isCommit(commit) ? 'X-Repo-Commit' : !BLOB_NAME.test(blob) ? 'ETag' : 'X-Linked-Size'
    throw notUnderstood(endpoint, `header ${missing} is missing or malformed`)
  }
  const sha256 = isSha256(blob) ? blob : undefined
  const gitSha1 = isCommit(blob) ? blob : undefined
  return { commit, file: { path, bytes, blob, sha256, gitSha1 } }
}

/** The hub's own answer: the storage it redirects to knows nothing of commits and hashes. */
async function headWithinHub(client: HubClient, start: string, signal: AbortSignal | undefined): Promise<HubAnswer> {
  let url = start
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await withRetries(client.retry, signal, async () => {
      const got = await client.send(url, { method: 'HEAD', redirect: 'manual' }, signal)
      await got.discard()
      if (got.status >= 400) throw got.failure()
      return got
    })
    const location = answer.status >= 300 ? answer.headers.get('location') : null
    if (location === null || !URL.canParse(location, url)) return answer
    const next = new URL(location, url)
    if (next.origin !== new URL(url).origin) return answer
    url = next.href
  }
  throw notUnderstood(client.endpoint, `more than ${MAX_REDIRECTS} redirects`)
}
