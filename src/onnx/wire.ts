/**
 * Serialises a model to the protobuf wire format. The numbers are the field numbers of `onnx.proto` (ONNX 1.19,
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Writes only: nothing here reads untrusted bytes.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

import { dtypeCode } from './dtype.js'
import type { AttributeValue, GraphData, InitializerData, ModelData, NodeData, ValueData } from './model.js'

/** The model as the bytes of an `.onnx` file. */
export function encodeModel(model: ModelData): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Varint).int64(model.irVersion)
  writer.tag(2, WireType.LengthDelimited).string(model.producer.name)
  writer.tag(3, WireType.LengthDelimited).string(model.producer.version)
  message(writer, 7, () => {
    writeGraph(writer, model.graph)
  })
  for (const [domain, version] of Object.entries(model.opsets)) {
    message(writer, 8, () => {
      writer.tag(1, WireType.LengthDelimited).string(domain)
      writer.tag(2, WireType.Varint).int64(version)
    })
  }
  for (const [key, value] of Object.entries(model.metadata)) writeEntry(writer, 14, key, value)
  return writer.finish()
}

function message(writer: BinaryWriter, field: number, body: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  body()
  writer.join()
}

function writeEntry(writer: BinaryWriter, field: number, key: string, value: string): void {
  message(writer, field, () => {
    writer.tag(1, WireType.LengthDelimited).string(key)
    writer.tag(2, WireType.LengthDelimited).string(value)
  })
}

function writeGraph(writer: BinaryWriter, graph: GraphData): void {
  for (const node of graph.nodes) {
    message(writer, 1, () => {
      writeNode(writer, node)
    })
  }
  writer.tag(2, WireType.LengthDelimited).string(graph.name)
  for (const initializer of graph.initializers) {
    message(writer, 5, () => {
      writeTensor(writer, initializer)
    })
  }
  for (const input of graph.inputs) writeValue(writer, 11, input)
  for (const output of graph.outputs) writeValue(writer, 12, output)
}

function writeNode(writer: BinaryWriter, node: NodeData): void {
  for (const input of node.inputs) writer.tag(1, WireType.LengthDelimited).string(input)
  for (const output of node.outputs) writer.tag(2, WireType.LengthDelimited).string(output)
  writer.tag(3, WireType.LengthDelimited).string(node.name)
  writer.tag(4, WireType.LengthDelimited).string(node.operator)
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, () => {
      writer.tag(1, WireType.LengthDelimited).string(name)
      writeAttribute(writer, value)
    })
  }
  if (node.domain !== '') writer.tag(7, WireType.LengthDelimited).string(node.domain)
}

/** Field of the value, and its number in `AttributeProto.AttributeType` (field 20). */
function writeAttribute(writer: BinaryWriter, attribute: AttributeValue): void {
  const type = (code: number) => writer.tag(20, WireType.Varint).int32(code)
  switch (attribute.kind) {
    case 'float':
      writer.tag(2, WireType.Bit32).float(attribute.value)
      type(1)
      return
    case 'int':
      writer.tag(3, WireType.Varint).int64(attribute.value)
      type(2)
      return
    case 'ints':
      for (const value of attribute.values) writer.tag(8, WireType.Varint).int64(value)
      type(7)
      return
    case 'graph':
      message(writer, 6, () => {
        writeGraph(writer, attribute.value)
      })
      type(5)
      return
  }
}

function writeTensor(writer: BinaryWriter, tensor: InitializerData): void {
  for (const dim of tensor.dims) writer.tag(1, WireType.Varint).int64(dim)
  writer.tag(2, WireType.Varint).int32(dtypeCode(tensor.dtype))
  writer.tag(8, WireType.LengthDelimited).string(tensor.name)
  if (tensor.storage.kind === 'inline') {
    writer.tag(9, WireType.LengthDelimited).bytes(tensor.storage.data)
    return
  }
  writeEntry(writer, 13, 'location', tensor.storage.file)
  writeEntry(writer, 13, 'offset', String(tensor.storage.offset))
  writeEntry(writer, 13, 'length', String(tensor.storage.bytes))
  writer.tag(14, WireType.Varint).int32(1)
}

function writeValue(writer: BinaryWriter, field: number, value: ValueData): void {
  message(writer, field, () => {
    writer.tag(1, WireType.LengthDelimited).string(value.name)
    message(writer, 2, () => {
      message(writer, 1, () => {
        writer.tag(1, WireType.Varint).int32(dtypeCode(value.dtype))
        message(writer, 2, () => {
          for (const dim of value.dims) writeDimension(writer, dim)
        })
      })
    })
  })
}

function writeDimension(writer: BinaryWriter, dim: number | string): void {
  message(writer, 1, () => {
    if (typeof dim === 'number') writer.tag(1, WireType.Varint).int64(dim)
    else writer.tag(2, WireType.LengthDelimited).string(dim)
  })
}
