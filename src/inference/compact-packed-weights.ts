/**
 * Turns what the engine saved, each tensor with its packed form behind it, into a packed form that can be trusted and
 * that holds nothing twice:
 *
 * ```
 * saved graph ── references changed ───────▶ backbone.onnx
 * saved data ─── packed forms only ────────▶ packed.data          each blob on a page
 * the artefact's backbone.onnx.data ───────▶ backbone.onnx.data   a hard link
 * ```
 *
 * The engine packs every matrix again when it opens a packed form, compares the hash, throws its own away and maps the
 * saved one. So it needs the raw tensors, too, and takes them from the artefact's own file.
 */
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { copyFile, link, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { BACKBONE_FILE } from '../convert/artefact-files.js'
import { writeFileDurably } from '../files/atomic.js'
import { ExternalData } from '../onnx/external-data.js'
import type { ByteRange, ExternalTensor } from '../onnx/external-tensors.js'
import { readExternalTensors, relocateExternalTensors } from '../onnx/external-tensors.js'

/** Names that the engine saves under. No tensor, node or operator is called like them. */
export const SAVED_GRAPH = 'saved-by-the-engine.onnx'
export const SAVED_DATA = `${SAVED_GRAPH}.data`

/** Weights of the artefact and of its packed form: the same file. */
export const RAW_DATA = `${BACKBONE_FILE}.data`

/** Packed forms, and tensors that the artefact does not have because the engine made them while it optimised. */
export const PACKED_DATA = 'packed.data'

/** Bytes read at a time. */
const CHUNK_BYTES = 4 * 1024 ** 2

/**
 * Writes the packed form of `artefact` into `out`, from what the engine saved into `saved`. The saved data is eaten up
 * from its end, so that the disk never holds it twice.
 *
 * @throws Error when the saved graph refers to its data in a way that is not known here.
 */
export async function compactSavedWeights(artefact: string, saved: string, out: string): Promise<void> {
  const graph = await readFile(join(saved, SAVED_GRAPH))
  const tensors = readExternalTensors(graph)
  const foreign = tensors.find((tensor) => tensor.file !== SAVED_DATA)
  if (foreign !== undefined) throw new Error(`the engine saved ${foreign.name} to ${foreign.file}`)
  const data = await open(join(saved, SAVED_DATA), 'r+')
  try {
    const unchanged = await findUnchanged(tensors, data, artefact)
    // Packed forms lie in the file of the tensor they are entered at, and the engine looks them up by key alone. So the
    // smallest tensor moves to their file, and carries them all.
    const carrier = [...tensors].sort((a, b) => a.bytes - b.bytes)[0]
    const blobs = tensors.flatMap((tensor) => tensor.packed.flatMap((form) => form.blobs))
    const moving = tensors.filter((tensor) => tensor === carrier || !unchanged.has(tensor.name))
    const { places, packed } = layOut([...blobs, ...moving], data)
    const compact = relocateExternalTensors(graph, (tensor) => {
      const original = tensor.name === carrier?.name ? undefined : unchanged.get(tensor.name)
      if (original !== undefined) return { ...original, file: RAW_DATA, packed: [] }
      const forms = tensor.name === carrier?.name ? tensors.flatMap((one) => one.packed) : []
      const moved = forms.map(({ key, blobs }) => ({ key, blobs: blobs.map(places) }))
      return { name: tensor.name, file: PACKED_DATA, ...places(tensor), packed: moved }
    })
    // Tensors within a branch of an `If` are not read above; the graphs of this package have none.
    if (Buffer.from(compact).includes(SAVED_DATA)) throw new Error('the saved graph has external tensors in a branch')
    await packed.write(join(out, PACKED_DATA), () => undefined)
    await writeFileDurably(join(out, BACKBONE_FILE), compact)
  } finally {
    await data.close()
  }
  await linkOrCopy(join(artefact, RAW_DATA), join(out, RAW_DATA))
}

/** The artefact's own tensors that the engine saved as they are, by name: compared, not believed. */
async function findUnchanged(
  tensors: readonly ExternalTensor[],
  saved: FileHandle,
  artefact: string,
): Promise<ReadonlyMap<string, ExternalTensor>> {
  const originals = readExternalTensors(await readFile(join(artefact, BACKBONE_FILE)))
  const byName = new Map(originals.map((tensor) => [tensor.name, tensor]))
  const unchanged = new Map<string, ExternalTensor>()
  const raw = await open(join(artefact, RAW_DATA))
  try {
    for (const tensor of tensors) {
      const original = byName.get(tensor.name)
      if (original === undefined || original.file !== RAW_DATA || original.bytes !== tensor.bytes) continue
      if (await isEqual(saved, tensor, raw, original.offset)) unchanged.set(tensor.name, original)
    }
  } finally {
    await raw.close()
  }
  return unchanged
}

/**
 * Lays stretches of the saved data out in a file of their own, the last one first.
 *
 * @returns that file, yet to be written, and where in it each stretch is.
 */
function layOut(
  stretches: readonly ByteRange[],
  saved: FileHandle,
): { readonly packed: ExternalData; readonly places: (stretch: ByteRange) => ByteRange } {
  const packed = new ExternalData(PACKED_DATA)
  const keyOf = ({ offset, bytes }: ByteRange): string => `${offset}+${bytes}`
  const places = new Map<string, ByteRange>()
  for (const stretch of [...stretches].sort((a, b) => b.offset - a.offset)) {
    const { storage } = packed.add(keyOf(stretch), 'uint8', [stretch.bytes], () => cutOff(saved, stretch))
    if (storage.kind === 'external') places.set(keyOf(stretch), { offset: storage.offset, bytes: storage.bytes })
  }
  return {
    packed,
    places: (stretch) => {
      const place = places.get(keyOf(stretch))
      if (place === undefined) throw new Error(`nothing was laid out for ${keyOf(stretch)}`)
      return place
    },
  }
}

/** The bytes of a stretch, which end the file; afterwards the file ends before them. */
async function* cutOff(file: FileHandle, stretch: ByteRange): AsyncGenerator<Uint8Array> {
  yield* read(file, stretch)
  await file.truncate(stretch.offset)
}

async function* read(file: FileHandle, { offset, bytes }: ByteRange): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(Math.min(bytes, CHUNK_BYTES))
  for (let done = 0; done < bytes; done += chunk.byteLength) {
    const piece = chunk.subarray(0, bytes - done)
    await fill(file, piece, offset + done)
    yield piece
  }
}

/** Whether the stretch of `a` is what `b` holds from `offset`. */
async function isEqual(a: FileHandle, stretch: ByteRange, b: FileHandle, offset: number): Promise<boolean> {
  const other = new Uint8Array(Math.min(stretch.bytes, CHUNK_BYTES))
  let done = 0
  for await (const piece of read(a, stretch)) {
    const against = other.subarray(0, piece.byteLength)
    await fill(b, against, offset + done)
    if (Buffer.compare(piece, against) !== 0) return false
    done += piece.byteLength
  }
  return true
}

/** Fills `buffer` from `position`. */
async function fill(file: FileHandle, buffer: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < buffer.byteLength;) {
    const { bytesRead } = await file.read(buffer, done, buffer.byteLength - done, position + done)
    if (bytesRead === 0) throw new Error(`the file ends before byte ${position + buffer.byteLength}`)
    done += bytesRead
  }
}

/** A hard link takes no room and shares the page cache. Where the disk knows none, a copy, cloned if it can be. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch {
    await copyFile(from, to, constants.COPYFILE_FICLONE)
    const copy = await open(to, 'r+')
    try {
      await copy.sync()
    } finally {
      await copy.close()
    }
  }
}
