/**
 * The forms a checkpoint's tensor can be stored in, and how each lies in the weights file. Plain data, which crosses
 * threads; `tensor-encoder.ts` makes the bytes.
 */
import type { OnnxDtype } from '../onnx/dtype.js'
import { tensorBytes } from '../onnx/dtype.js'
import type { BlockSize } from './quantize/blocks.js'
import { blockLayout } from './quantize/blocks.js'
import type { Hessian } from './quantize/hessian-factor.js'

/** How a weight `[out, in]` is quantised. */
export type QuantScheme =
  /** int8, one scale per output channel, transposed to `[in, out]`: what `MatMulIntegerToFloat` wants. */
  | { readonly kind: 'row8' }
  /** 8 bits, one scale per block of inputs: what `MatMulNBits` wants. */
  | { readonly kind: 'block8'; readonly block: BlockSize }
  /** 4 bits, one scale per block of inputs; with `hessian` rounded with error feedback. */
  | { readonly kind: 'block4'; readonly block: BlockSize; readonly hessian?: Hessian | undefined }

/** What is made of a tensor's rows. */
export type TensorTransform =
  | { readonly kind: 'float32' }
  /** IEEE half: an embedding table. */
  | { readonly kind: 'float16' }
  /** int8, one scale per row, in the tensor's own layout: an embedding table. */
  | { readonly kind: 'table8' }
  | QuantScheme

/** One of the tensors that a transform makes. */
export interface TransformOutput {
  readonly dtype: OnnxDtype
  readonly dims: readonly number[]
  /** Bytes that a row of the source becomes, where rows follow one another; undefined where they interleave. */
  readonly rowBytes: number | undefined
}

/** What a transform makes of `rows` rows of `columns` elements: the values first, then the scales if there are any. */
export function outputsOf(transform: TensorTransform, rows: number, columns: number): readonly TransformOutput[] {
  switch (transform.kind) {
    case 'float32':
    case 'float16':
      return [rowwise(transform.kind, [rows, columns])]
    case 'table8':
      return [rowwise('int8', [rows, columns]), rowwise('float32', [rows])]
    case 'row8':
      return [{ dtype: 'int8', dims: [columns, rows], rowBytes: undefined }, rowwise('float32', [rows])]
    case 'block8':
    case 'block4': {
      const { blocks, codeBytes } = blockLayout(columns, transform.block, transform.kind === 'block8' ? 8 : 4)
      return [rowwise('uint8', [rows, blocks, codeBytes / blocks]), rowwise('float32', [rows, blocks])]
    }
  }
}

/** Whether rows can be made apart from one another, without doing work twice. */
export function isDivisible(transform: TensorTransform): boolean {
  if (transform.kind === 'row8') return false
  return transform.kind !== 'block4' || transform.hessian === undefined
}

function rowwise(dtype: OnnxDtype, dims: readonly number[]): TransformOutput {
  return { dtype, dims, rowBytes: tensorBytes(dtype, dims.slice(1)) }
}
