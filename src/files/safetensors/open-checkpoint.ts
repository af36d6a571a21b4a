/**
 * Finds the files of a checkpoint, opens them and gathers what tensors they hold: one file, or an index and its shards.
 * Reads no tensor.
 */
import { stat } from 'node:fs/promises'

import type { StellaError } from '../../errors.js'
import { openDataFile, readExactly, type DataFile } from './data-file.js'
import {
  LENGTH_FIELD_BYTES,
  MAX_TENSORS,
  parseHeaderLength,
  parseSafetensorsHeader,
  type TensorEntry,
} from './header.js'
import { MAX_INDEX_BYTES, parseSafetensorsIndex, requireIndexMatches, type SafetensorsIndex } from './index-file.js'
import { quote } from '../../show.js'
import { checkpointInvalid } from './invalid.js'

/** The names a checkpoint is looked for under, the index first. */
const INDEX_FILE = 'model.safetensors.index.json'
const SINGLE_FILE = 'model.safetensors'

/** A checkpoint whose headers have been checked. Whoever holds it closes the files. */
export interface OpenCheckpoint {
  readonly files: readonly DataFile[]
  /** File by file, in the order of their bytes. */
  readonly entries: ReadonlyMap<string, TensorEntry>
}

/**
 * Opens `folder/file`, or without `file` what the folder's index names, or its `model.safetensors`.
 *
 * @throws {StellaError} CHECKPOINT_INVALID; no file stays open then.
 */
export async function openCheckpoint(folder: string, file: string | undefined): Promise<OpenCheckpoint> {
  const index = file === undefined ? await readIndex(folder) : undefined
  const files: DataFile[] = []
  try {
    const entries = new Map<string, TensorEntry>()
    for (const name of index?.shards ?? [file ?? SINGLE_FILE]) {
      const opened = await openDataFile(folder, name)
      if (opened === undefined) {
        throw await missing(folder, file === undefined && index === undefined ? [INDEX_FILE, SINGLE_FILE] : [name])
      }
      files.push(opened)
      addTensors(entries, await readHeader(opened))
    }
    if (index !== undefined) requireIndexMatches(index, entries, INDEX_FILE)
    return { files, entries }
  } catch (error) {
    await closeFiles(files)
    throw error
  }
}

/** Closes every file. */
export async function closeFiles(files: readonly DataFile[]): Promise<void> {
  await Promise.all(files.map(({ handle }) => handle.close()))
}

/** The index of the folder, or undefined where it has none. */
async function readIndex(folder: string): Promise<SafetensorsIndex | undefined> {
  const file = await openDataFile(folder, INDEX_FILE)
  if (file === undefined) return undefined
  try {
    if (file.size > MAX_INDEX_BYTES) {
      throw checkpointInvalid(`${INDEX_FILE} has ${file.size} bytes; at most ${MAX_INDEX_BYTES} are accepted`, {
        file: INDEX_FILE,
        size: file.size,
        limit: MAX_INDEX_BYTES,
      })
    }
    const bytes = new Uint8Array(file.size)
    await readExactly(file, bytes, 0)
    return parseSafetensorsIndex(bytes, INDEX_FILE)
  } finally {
    await file.handle.close()
  }
}

/** Allocates the header only once its length is known to fit the file and the limit. */
async function readHeader(file: DataFile): Promise<readonly TensorEntry[]> {
  const prefix = new Uint8Array(Math.min(LENGTH_FIELD_BYTES, file.size))
  await readExactly(file, prefix, 0)
  const bytes = new Uint8Array(LENGTH_FIELD_BYTES + parseHeaderLength(prefix, file.size, file.name))
  bytes.set(prefix)
  await readExactly(file, bytes.subarray(LENGTH_FIELD_BYTES), LENGTH_FIELD_BYTES)
  return parseSafetensorsHeader(bytes, file.size, file.name).tensors
}

function addTensors(entries: Map<string, TensorEntry>, tensors: readonly TensorEntry[]): void {
  for (const entry of tensors) {
    const other = entries.get(entry.name)
    if (other !== undefined) {
      throw checkpointInvalid(`Tensor ${quote(entry.name)} is in two files, ${other.file} and ${entry.file}`, {
        file: entry.file,
        tensor: entry.name,
        otherFile: other.file,
      })
    }
    entries.set(entry.name, entry)
  }
  if (entries.size > MAX_TENSORS) {
    const file = tensors[0]?.file ?? ''
    throw checkpointInvalid(
      `The shards up to ${file} hold ${entries.size} tensors; at most ${MAX_TENSORS} are accepted`,
      {
        file,
        limit: MAX_TENSORS,
      },
    )
  }
}

/** @param names - what was looked for. */
async function missing(folder: string, names: readonly string[]): Promise<StellaError> {
  const exists = await stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
  const what = names.join(' or ')
  const message = exists
    ? `Found no ${what} in ${folder}; expected a whole checkpoint in the Hugging Face layout`
    : `Found no ${what}: there is no folder ${folder}`
  return checkpointInvalid(message, { file: names.at(-1) ?? '', folder, searched: names })
}
