/** Writes a weights file whose tensors stream in one after another. Knows bytes and offsets, not what they mean. */
import { open } from 'node:fs/promises'

import type { OnnxDtype } from './dtype.js'
import { ExternalLayout } from './external-layout.js'
import type { InitializerData } from './model.js'

/** Yields a tensor's bytes in order, little-endian, in pieces of any size. A yielded piece may be reused. */
export type ByteSource = () => AsyncIterable<Uint8Array>

interface Slot {
  readonly name: string
  readonly offset: number
  readonly bytes: number
  readonly source: ByteSource
}

/** The plan of one weights file: names, offsets, and where each tensor's bytes will come from. */
export class ExternalData {
  readonly #layout: ExternalLayout
  readonly #slots: Slot[] = []

  /** @param file - Name of the weights file, beside the `.onnx` file. */
  constructor(file: string) {
    this.#layout = new ExternalLayout(file)
  }

  /** Size of the finished file in bytes. */
  get bytes(): number {
    return this.#layout.bytes
  }

  /** Reserves room for a tensor and returns the initialiser that points at it. */
  add(name: string, dtype: OnnxDtype, dims: readonly number[], source: ByteSource): InitializerData {
    const initializer = this.#layout.reserve(name, dtype, dims)
    const { offset, bytes } = initializer.storage
    this.#slots.push({ name, offset, bytes, source })
    return initializer
  }

  /**
   * Streams every tensor into `path`, which must not exist.
   *
   * @param observe - Sees the file's bytes in order, padding included: for hashing and progress.
   * @throws Error when a source yields more or fewer bytes than its tensor has: a fault of the caller, not of input.
   */
  async write(path: string, observe: (bytes: Uint8Array) => void): Promise<void> {
    const file = await open(path, 'wx')
    try {
      let position = 0
      const append = async (bytes: Uint8Array): Promise<void> => {
        observe(bytes)
        // A full disk can take a part and report it as success.
        for (let done = 0; done < bytes.byteLength;) {
          done += (await file.write(bytes, done, bytes.byteLength - done)).bytesWritten
        }
        position += bytes.byteLength
      }
      for (const slot of this.#slots) {
        if (position < slot.offset) await append(new Uint8Array(slot.offset - position))
        for await (const piece of slot.source()) {
          if (position + piece.byteLength > slot.offset + slot.bytes) {
            throw new Error(`${slot.name}: more than the expected ${slot.bytes} bytes`)
          }
          await append(piece)
        }
        if (position !== slot.offset + slot.bytes) {
          throw new Error(`${slot.name}: ${position - slot.offset} bytes, ${slot.bytes} expected`)
        }
      }
      await file.sync()
    } finally {
      await file.close()
    }
  }
}
