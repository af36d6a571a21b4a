/** The ONNX element types this package writes, with their numbers in `TensorProto.DataType` and their sizes. */

const DTYPES = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
} as const

/** Name of an element type. */
export type OnnxDtype = keyof typeof DTYPES

/** The type's number in `TensorProto.DataType`. */
export function dtypeCode(dtype: OnnxDtype): number {
  return DTYPES[dtype].code
}

/** Bytes of a dense tensor of these dimensions. */
export function tensorBytes(dtype: OnnxDtype, dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, DTYPES[dtype].bytes)
}
