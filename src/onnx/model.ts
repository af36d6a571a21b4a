/**
 * An ONNX model as plain data: the part of the format this package writes, free of protobuf.
 * Field names follow the ONNX specification; `wire.ts` knows the field numbers.
 */
import type { OnnxDtype } from './dtype.js'

/** A node attribute; the kind decides the protobuf field. */
export type AttributeValue =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'ints'; readonly values: readonly number[] }
  | { readonly kind: 'graph'; readonly value: GraphData }

/** One operator call. An empty input name is an omitted optional input. */
export interface NodeData {
  readonly name: string
  readonly operator: string
  /** Empty: the default ONNX domain. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, AttributeValue>>
}

/** Where an initialiser's bytes are. */
export type TensorStorage =
  | { readonly kind: 'inline'; readonly data: Uint8Array }
  | { readonly kind: 'external'; readonly file: string; readonly offset: number; readonly bytes: number }

/** A constant tensor. */
export interface InitializerData {
  readonly name: string
  readonly dtype: OnnxDtype
  readonly dims: readonly number[]
  readonly storage: TensorStorage
}

/** A graph input or output; a dimension is a size or the name of a free one. */
export interface ValueData {
  readonly name: string
  readonly dtype: OnnxDtype
  readonly dims: readonly (number | string)[]
}

/** A graph, or the branch of an `If`. */
export interface GraphData {
  readonly name: string
  readonly nodes: readonly NodeData[]
  readonly initializers: readonly InitializerData[]
  readonly inputs: readonly ValueData[]
  readonly outputs: readonly ValueData[]
}

/** A whole model file. */
export interface ModelData {
  /** Version of the ONNX file format. */
  readonly irVersion: number
  /** Operator set version per domain; `''` is the default domain. */
  readonly opsets: Readonly<Record<string, number>>
  readonly producer: { readonly name: string; readonly version: string }
  readonly metadata: Readonly<Record<string, string>>
  readonly graph: GraphData
}
