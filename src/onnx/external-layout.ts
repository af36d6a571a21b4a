/**
 * Lays out the weights file beside an `.onnx` file. Each tensor starts on a page, so that ONNX Runtime can map it
 * instead of copying it. Knows names, sizes and offsets; who writes the bytes, and which, is not its concern.
 */
import type { OnnxDtype } from './dtype.js'
import { tensorBytes } from './dtype.js'
import type { InitializerData, TensorStorage } from './model.js'

/** Alignment of a tensor in the file; a memory page. Misaligned packed blobs have read as garbage in the engine. */
const ALIGNMENT_BYTES = 4096

/** An initialiser in a weights file. */
export interface ExternalInitializer extends InitializerData {
  readonly storage: Extract<TensorStorage, { readonly kind: 'external' }>
}

/** The layout of one weights file. */
export class ExternalLayout {
  readonly #file: string
  #end = 0

  /** @param file - Name of the weights file, beside the `.onnx` file. */
  constructor(file: string) {
    this.#file = file
  }

  /** Size of the file in bytes. What no tensor covers is zeros. */
  get bytes(): number {
    return this.#end
  }

  /** Reserves room for a tensor, behind the last one, and returns the initialiser that points at it. */
  reserve(name: string, dtype: OnnxDtype, dims: readonly number[]): ExternalInitializer {
    const offset = Math.ceil(this.#end / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    const bytes = tensorBytes(dtype, dims)
    this.#end = offset + bytes
    return { name, dtype, dims, storage: { kind: 'external', file: this.#file, offset, bytes } }
  }
}
