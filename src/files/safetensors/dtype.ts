/**
 * The element types a safetensors file may hold, their sizes, and which of them are read as float32.
 * Knows no file.
 */

/**
 * Bits of one element of every dtype of the format, from the reference implementation's `Dtype::bitsize`
 * (safetensors, `safetensors/src/tensor.rs`).
 */
const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ['F64', 64],
  ['F32', 32],
  ['F16', 16],
  ['BF16', 16],
  ['F8_E4M3', 8],
  ['F8_E5M2', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['F4', 4],
  ['C64', 64],
  ['I64', 64],
  ['I32', 32],
  ['I16', 16],
  ['I8', 8],
  ['U64', 64],
  ['U32', 32],
  ['U16', 16],
  ['U8', 8],
  ['BOOL', 8],
])

/** Floating dtypes that can be read as float32 without loss. */
export type TensorDtype = 'F32' | 'F16' | 'BF16' | 'F8_E4M3'

/** Bytes of one stored element of each readable dtype. */
export const TENSOR_DTYPE_BYTES = { F32: 4, F16: 2, BF16: 2, F8_E4M3: 1 } as const satisfies Record<TensorDtype, number>

/** Bits of one element of `dtype`; undefined where the format has no such dtype. */
export function dtypeBits(dtype: string): number | undefined {
  return DTYPE_BITS.get(dtype)
}

/** Every dtype of the format, for messages. */
export function knownDtypes(): string {
  return [...DTYPE_BITS.keys()].join(', ')
}

/** Whether tensors of `dtype` can be read as float32. */
export function isTensorDtype(dtype: string): dtype is TensorDtype {
  return Object.hasOwn(TENSOR_DTYPE_BYTES, dtype)
}
