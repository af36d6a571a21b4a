/**
 * Part of search-folder.ts: vectors in one block of memory that grows, and on disk. Knows no model and no folder.
 */
import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'

import type { EmbeddingMatrix } from 'stella-pool'

/** Where a row of the matrix came from. */
export interface Place {
  readonly file: string
  readonly line: number
  /** Its first words, to show. */
  readonly excerpt: string
}

/** What is searched: row `n` of the matrix is the vector of place `n`. */
export interface FolderIndex {
  readonly places: readonly Place[]
  readonly matrix: EmbeddingMatrix
}

/** Rows of vectors, one after the other in one array: a million objects would take more memory than their numbers. */
export class GrowingMatrix {
  readonly #dimensions: number
  #data: Float32Array
  #rows = 0

  constructor(dimensions: number) {
    this.#dimensions = dimensions
    this.#data = new Float32Array(1024 * dimensions)
  }

  add(vector: Float32Array): void {
    const end = (this.#rows + 1) * this.#dimensions
    if (end > this.#data.length) {
      const larger = new Float32Array(this.#data.length * 2)
      larger.set(this.#data)
      this.#data = larger
    }
    this.#data.set(vector, this.#rows * this.#dimensions)
    this.#rows++
  }

  take(): EmbeddingMatrix {
    const data = this.#data.subarray(0, this.#rows * this.#dimensions)
    return { data, rows: this.#rows, dimensions: this.#dimensions }
  }
}

/** The index at `path`, if it was made for `key`; undefined, having said why, if it is to be made. */
export async function loadIndex(path: string, key: string): Promise<FolderIndex | undefined> {
  try {
    const file = await readFile(path)
    const checksum = file.toString('latin1', 0, CHECKSUM_BYTES)
    const rest = file.subarray(CHECKSUM_BYTES)
    // Half a file is no index. What follows is as it was written.
    if (sha256(rest) !== checksum) throw new Error('it is damaged')
    const end = rest.indexOf('\n')
    const header = JSON.parse(rest.toString('utf8', 0, end)) as Header
    if (header.key !== key) throw new Error('the model or the folder has changed')
    // A copy: a Float32Array must begin at a multiple of four bytes.
    const { buffer } = Uint8Array.from(rest.subarray(end + 1))
    const { places, dimensions } = header
    return { places, matrix: { data: new Float32Array(buffer), rows: places.length, dimensions } }
  } catch (error) {
    console.error(`${path} is made anew: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

/** Writes the index beside `path` and puts it in place once it is whole: nobody ever reads half of it. */
export async function saveIndex(path: string, key: string, { places, matrix }: FolderIndex): Promise<void> {
  const { data, dimensions } = matrix
  const header: Header = { key, dimensions, places }
  const vectors = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), vectors])
  const temporary = `${path}.${process.pid}.tmp`
  await writeFile(temporary, [sha256(rest), rest])
  await rename(temporary, path)
}

/** What the file holds: a checksum of all that follows, a line of this as JSON, and the numbers. */
interface Header {
  readonly key: string
  readonly dimensions: number
  readonly places: readonly Place[]
}

/** SHA-256 in hexadecimal. */
const CHECKSUM_BYTES = 64

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
