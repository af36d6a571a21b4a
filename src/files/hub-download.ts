/**
 * Fetches one file into the cache's `blobs/`: resumes what an earlier attempt left, verifies, then renames into place.
 * Knows no repository and no snapshot.
 */
import { constants } from 'node:fs'
import { mkdir, open, rename, rm, statfs, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { gitBlobSha1File, sha256File } from './hash.js'
import { errnoOf, sizeOf } from './hub-cache.js'
import type { HubAnswer, HubClient } from './hub-client.js'
import { HubFailure, diskFailure } from './hub-failure.js'
import type { ProgressMeter } from './hub-progress.js'
import type { RemoteFile } from './hub-remote.js'
import { withRetries } from './hub-retry.js'

/** Downloads from scratch after content that fails its check, the first included. */
const MAX_CONTENT_ATTEMPTS = 2

/** An attempt that brought the file this much further than any before it, in bytes, starts the count of retries anew. */
const HEADWAY_BYTES = 1024 * 1024

/** One file to fetch. */
export interface BlobRequest {
  readonly url: string
  /** The cache's `blobs/` of the repository. */
  readonly folder: string
  readonly file: RemoteFile
}

/** The content did not pass its check. What is on disk is of no use. */
class ContentMismatch extends HubFailure {
  constructor(message: string) {
    super(message, {
      retryable: false,
      remedy: 'A proxy or mirror may have changed the content: check HF_ENDPOINT and the network, and run again',
    })
  }
}

/**
 * Fetches `file` unless its blob is there. The part that has arrived is in `<blob>.incomplete`, the name
 * huggingface_hub uses, so either continues what the other left.
 *
 * @returns the blob's path, and whether it is new
 * @throws {HubFailure}
 * @throws {StellaError} ABORTED; the part stays for the next attempt
 */
export async function fetchBlob(
  client: HubClient,
  request: BlobRequest,
  meter: ProgressMeter,
  signal: AbortSignal | undefined,
): Promise<{ readonly path: string; readonly fresh: boolean }> {
  const { folder, file } = request
  const path = join(folder, file.blob)
  if ((await sizeOf(path)) === file.bytes) return { path, fresh: false }
  await mkdir(folder, { recursive: true })
  const partial = `${path}.incomplete`
  for (let attempt = 1; ; attempt++) {
    try {
      await fill(client, request, partial, meter, signal)
      meter.report(file.path, file.bytes, 'verifying')
      await verify(partial, file, signal)
      break
    } catch (error) {
      if (!(error instanceof ContentMismatch)) throw error
      await rm(partial, { force: true })
      error.attempts = attempt
      if (attempt === MAX_CONTENT_ATTEMPTS) throw error
    }
  }
  await rename(partial, path)
  return { path, fresh: true }
}

/** A file being filled. `offset` is both its size and where the next byte goes. */
interface Filling {
  readonly handle: FileHandle
  readonly file: RemoteFile
  readonly meter: ProgressMeter
  offset: number
}

async function fill(
  client: HubClient,
  { url, folder, file }: BlobRequest,
  partial: string,
  meter: ProgressMeter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const handle = await open(partial, constants.O_RDWR | constants.O_CREAT, 0o666)
  const filling: Filling = { handle, file, meter, offset: 0 }
  try {
    filling.offset = (await handle.stat()).size
    if (filling.offset > file.bytes) await restart(filling)
    if (filling.offset > 0) meter.report(file.path, filling.offset, 'resumed')
    let furthest = filling.offset
    const advanced = (): boolean => {
      if (filling.offset < furthest + HEADWAY_BYTES) return false
      furthest = filling.offset
      return true
    }
    if (filling.offset < file.bytes) {
      await withRetries(client.retry, signal, () => receive(client, url, filling, signal), advanced)
    }
    // After a power loss the renamed file must not be shorter than its name promises.
    await handle.datasync()
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    throw diskFailure(error, { bytesNeeded: file.bytes - filling.offset, bytesFree: await freeBytes(folder) })
  } finally {
    await handle.close()
  }
}

/** One request for what is missing. */
async function receive(
  client: HubClient,
  url: string,
  filling: Filling,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { file, handle, meter } = filling
  const { bytes } = file
  // No If-Range: the ETag it would name is the hub's, while the storage that the hub redirects to has its own, and would
  // send everything anew. The URL names a commit, so its content cannot change, and the whole file is hashed at the end.
  const headers = filling.offset === 0 ? {} : { range: `bytes=${filling.offset}-` }
  const answer = await client.send(url, { headers }, signal)
  await accept(answer, filling)
  for await (const chunk of answer.chunks()) {
    if (filling.offset + chunk.byteLength > bytes) {
      throw new ContentMismatch(`more than the expected ${bytes} bytes arrived`)
    }
    for (let written = 0; written < chunk.byteLength;) {
      const { bytesWritten } = await handle.write(chunk, written, chunk.byteLength - written, filling.offset)
      written += bytesWritten
      filling.offset += bytesWritten
    }
    meter.report(file.path, filling.offset, 'downloading')
  }
  if (filling.offset < bytes) throw broken(`the connection ended after ${filling.offset} of ${bytes} bytes`)
}

/** Brings the file in line with where the answer's body begins, or refuses the answer. */
async function accept(answer: HubAnswer, filling: Filling): Promise<void> {
  const { bytes } = filling.file
  const asked = filling.offset
  if (answer.status === 200) {
    const length = answer.headers.get('content-length')
    if (length !== null && Number(length) !== bytes) {
      await answer.discard()
      throw new ContentMismatch(`the file sent has ${length} bytes, not ${bytes} as the hub said`)
    }
    // The server ignores ranges and sends everything.
    if (asked > 0) await restart(filling)
    return
  }
  if (answer.status === 206 && asked > 0) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get('content-range') ?? '')
    if (range !== null && Number(range[1]) === asked && (range[2] === '*' || Number(range[2]) === bytes)) return
    await answer.discard()
    await restart(filling)
    throw broken(`bytes from ${asked} on were asked for, and other bytes were sent`)
  }
  await answer.discard()
  if (answer.status === 416 && asked > 0) {
    await restart(filling)
    throw broken(`the server has no bytes from ${asked} on`)
  }
  throw answer.failure()
}

async function restart(filling: Filling): Promise<void> {
  await filling.handle.truncate(0)
  filling.offset = 0
  filling.meter.report(filling.file.path, 0, 'downloading')
}

/** @throws {ContentMismatch} */
async function verify(partial: string, file: RemoteFile, signal: AbortSignal | undefined): Promise<void> {
  const bytes = await sizeOf(partial)
  if (bytes !== file.bytes) throw new ContentMismatch(`the file has ${bytes ?? 0} bytes, not ${file.bytes}`)
  if (file.sha256 !== undefined) {
    const { sha256 } = await sha256File(partial, { signal })
    if (sha256 !== file.sha256) throw new ContentMismatch(`its SHA-256 is ${sha256}, not ${file.sha256}`)
  }
  if (file.gitSha1 !== undefined) {
    const sha1 = await gitBlobSha1File(partial, bytes, { signal })
    if (sha1 !== file.gitSha1) throw new ContentMismatch(`its git SHA-1 is ${sha1}, not ${file.gitSha1}`)
  }
}

function broken(message: string): HubFailure {
  return new HubFailure(message, {
    retryable: true,
    remedy: 'Check the network and run again; what was downloaded is kept',
  })
}

/** Bytes this user may still write; undefined where the file system does not say. */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    // Only adds to a message about a disk that already failed.
    return undefined
  }
}
