/**
 * Digests of files, streamed in constant memory. Knows no hub and no checkpoint.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'

import { abortedError, throwIfAborted } from './cancellation.js'

/** Bytes read and hashed at a time: large enough for full disk speed, about a millisecond of hashing. */
const HASH_CHUNK_BYTES = 1024 * 1024

/** How to hash a file. */
export interface HashFileOptions {
  /** Stops between two chunks. */
  readonly signal?: AbortSignal | undefined
  /** Called after each chunk with the bytes hashed so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** SHA-256 and size of a file. */
export interface FileDigest {
  /** Lower-case hex. */
  readonly sha256: string
  /** Bytes read, which is the file's size if nobody wrote meanwhile. */
  readonly bytes: number
}

/**
 * SHA-256 of a file's content.
 *
 * @throws {StellaError} ABORTED
 * @throws the file system's own error where the file cannot be read
 */
export async function sha256File(path: string, options: HashFileOptions = {}): Promise<FileDigest> {
  const hash = createHash('sha256')
  const bytes = await feed(hash, path, options)
  return { sha256: hash.digest('hex'), bytes }
}

/**
 * The name git gives a file's content, which is also the hub's ETag of a file that is not in LFS:
 * SHA-1 over `blob <size>\0` and the content (git book, "Git Internals - Git Objects").
 *
 * @param bytes - The file's size, which git hashes first.
 * @throws {StellaError} ABORTED
 * @throws the file system's own error where the file cannot be read
 */
export async function gitBlobSha1File(path: string, bytes: number, options: HashFileOptions = {}): Promise<string> {
  const hash = createHash('sha1').update(`blob ${bytes}\0`)
  await feed(hash, path, options)
  return hash.digest('hex')
}

async function feed(hash: Hash, path: string, options: HashFileOptions): Promise<number> {
  const { signal, onBytes } = options
  const what = `hashing ${path}`
  throwIfAborted(signal, what)
  const stream = createReadStream(path, {
    highWaterMark: HASH_CHUNK_BYTES,
    ...(signal === undefined ? {} : { signal }),
  })
  let bytes = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.byteLength
      onBytes?.(bytes)
    }
  } catch (error) {
    if (signal?.aborted === true) throw abortedError(signal, what)
    throw error
  }
  return bytes
}
