import { describe, expect, it } from 'vitest'

import {
  MAX_HEADER_BYTES,
  MAX_TENSOR_NAME_LENGTH,
  MAX_TENSOR_RANK,
  MAX_TENSORS,
  parseHeaderLength,
  parseSafetensorsHeader,
} from '../../../../src/files/safetensors/header.js'
import { claiming, rawFile, refusal, tensor, type RawTensor } from './raw-file.js'

const FILE = 'model.safetensors'

const parse = (bytes: Uint8Array) => parseSafetensorsHeader(bytes, bytes.byteLength, FILE)

/** The refusal of a header with these members over `dataBytes` bytes of data. */
const refused = (header: string | Readonly<Record<string, unknown>>, dataBytes = 0) =>
  refusal(() => parse(rawFile(header, new Uint8Array(dataBytes))))

describe('parseHeaderLength', () => {
  const cases: readonly (readonly [string, Buffer, number, RegExp])[] = [
    ['an empty file', Buffer.alloc(0), 0, /0 bytes, too few/],
    ['a file shorter than the length field', Buffer.alloc(7), 7, /7 bytes, too few/],
    ['a file shorter than the bytes handed in', claiming(0n), 7, /7 bytes, too few/],
    ['a header longer than the file', claiming(13n, '{}'), 10, /announces a header of 13 bytes, but only 2 follow/],
    ['a header of 2^53 bytes', claiming(2n ** 53n, '{}'), 20, /9007199254740992 bytes, but only 12/],
    ['a header of 2^64-1 bytes', claiming(2n ** 64n - 1n, '{}'), 20, /18446744073709551615 bytes, but only 12/],
    ['a header over the limit', claiming(BigInt(MAX_HEADER_BYTES) + 1n), 2 ** 40, /at most 2097152 are accepted/],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), 43, /git lfs pull/],
  ]
  it.each(cases)('refuses %s', async (_, bytes, fileSize, message) => {
    const error = await refusal(() => parseHeaderLength(bytes, fileSize, FILE))
    expect(error.message).toMatch(message)
    expect(error.details).toMatchObject({ file: FILE })
  })

  it('takes a header of exactly the limit and of exactly the file', () => {
    expect(parseHeaderLength(claiming(BigInt(MAX_HEADER_BYTES)), 2 ** 40, FILE)).toBe(MAX_HEADER_BYTES)
    expect(parseHeaderLength(claiming(2n, '{}'), 10, FILE)).toBe(2)
  })
})

describe('parseSafetensorsHeader refuses', () => {
  const headers: readonly (readonly [string, string | Readonly<Record<string, unknown>>, RegExp])[] = [
    ['an empty header', '', /does not begin with "{"/],
    ['a header that is an array', '[]', /does not begin with "{"/],
    ['a header after white space', ' {}', /does not begin with "{"/],
    ['half a JSON object', '{"w":', /not UTF-8 JSON/],
    ['text after the object', '{}x', /not UTF-8 JSON/],
    ['metadata that is no object', { __metadata__: [] }, /"__metadata__" .* is an array of 0/],
    ['metadata that is null', { __metadata__: null }, /"__metadata__" .* is null/],
    ['metadata with a number', { __metadata__: { a: 1 } }, /holds 1 under "a"/],
    ['metadata with an object', { __metadata__: { a: {} } }, /holds an object under "a"/],
  ]
  it.each(headers)('%s', async (_, header, message) => {
    const error = await refused(header)
    expect(error.message).toMatch(message)
    expect(error.details).toMatchObject({ file: FILE })
  })

  it('bytes that are not UTF-8', async () => {
    const bytes = rawFile({ ab: tensor('U8', [0], 0, 0) })
    bytes[bytes.indexOf('a')] = 0xff
    expect((await refusal(() => parse(bytes))).message).toContain('not UTF-8 JSON')
  })

  it('a header of which only the beginning was handed in', async () => {
    const bytes = rawFile({ w: tensor('U8', [0], 0, 0) })
    const error = await refusal(() => parseSafetensorsHeader(bytes.subarray(0, 20), bytes.byteLength, FILE))
    expect(error.message).toContain('ended within its header, at byte 20')
  })

  // Each over 8 bytes of data.
  const tensors: readonly (readonly [string, unknown, RegExp])[] = [
    ['that is null', null, /is null; expected an object/],
    ['that is an array', [1], /is an array of 1; expected an object/],
    ['without members', {}, /has dtype nothing/],
    ['of unknown dtype', tensor('F33', [2], 0, 8), /has dtype "F33"; the format knows F64, F32/],
    ['of a dtype that is an Object.prototype name', tensor('toString', [2], 0, 8), /has dtype "toString"/],
    ['of a lower-case dtype', tensor('f32', [2], 0, 8), /has dtype "f32"/],
    ['of a dtype that is a number', tensor(32, [2], 0, 8), /has dtype 32/],
    ['without shape', { dtype: 'F32', data_offsets: [0, 8] }, /has shape nothing/],
    ['whose shape is a number', tensor('F32', 2, 0, 8), /has shape 2/],
    ['with a negative dimension', tensor('F32', [-1, -2], 0, 8), /has dimension -1/],
    ['with a fractional dimension', tensor('F32', [0.5, 4], 0, 8), /has dimension 0.5/],
    ['with a dimension of 2^53', tensor('F32', [2 ** 53], 0, 8), /has dimension 9007199254740992/],
    ['with a dimension that is text', tensor('F32', ['2'], 0, 8), /has dimension "2"/],
    ['with a dimension that is null', tensor('F32', [null], 0, 8), /has dimension null/],
    ['whose elements overflow', tensor('F32', [2 ** 52, 2 ** 52], 0, 8), /more elements than fit 2\^53/],
    ['whose bytes overflow', tensor('F64', [2 ** 52], 0, 8), /more elements than fit 2\^53/],
    ['whose elements overflow by far', tensor('U8', Array(16).fill(2 ** 52), 0, 8), /more elements than fit/],
    ['of too high a rank', tensor('F32', Array(MAX_TENSOR_RANK + 1).fill(1), 0, 8), /has 17 dimensions; at most 16/],
    ['without offsets', { dtype: 'F32', shape: [2] }, /data_offsets nothing/],
    ['with one offset', { dtype: 'F32', shape: [2], data_offsets: [0] }, /data_offsets an array of 1/],
    ['with three offsets', { dtype: 'F32', shape: [2], data_offsets: [0, 8, 8] }, /data_offsets an array of 3/],
    ['with offsets that are an object', { dtype: 'F32', shape: [2], data_offsets: {} }, /data_offsets an object/],
    ['with text for an offset', tensor('F32', [2], '0', 8), /data_offsets \["0",8\]/],
    ['with a fractional offset', tensor('F32', [2], 0, 7.5), /data_offsets \[0,7.5\]/],
    ['with a negative offset', tensor('F32', [2], -8, 0), /data_offsets \[-8,0\]/],
    [
      'that ends before it begins',
      tensor('F32', [2], 8, 0),
      /data_offsets \[8,0\]; expected \[begin, end\], integers with 0 ≤ begin ≤ end/,
    ],
    ['past the end of the file', tensor('F32', [3], 0, 12), /ends at byte 12 of the data, but the file has only 8/],
    ['with more bytes than its shape takes', tensor('F32', [1], 0, 8), /has 8 bytes .* takes 4/],
    ['with fewer bytes than its shape takes', tensor('F32', [2, 2], 0, 8), /has 8 bytes .* takes 16/],
    ['whose sub-byte elements do not fill its bytes', tensor('F4', [15], 0, 8), /takes 7.5/],
  ]
  it.each(tensors)('a tensor %s', async (_, value, message) => {
    const error = await refused({ 'layers.0.weight': value }, 8)
    expect(error.message).toMatch(message)
    expect(error.message).toContain('"layers.0.weight"')
    expect(error.details).toMatchObject({ file: FILE, tensor: 'layers.0.weight' })
  })

  it('minus zero as an offset', async () => {
    const error = await refused('{"w":{"dtype":"F32","shape":[2],"data_offsets":[-0,8]}}', 8)
    expect(error.message).toContain('expected [begin, end]')
  })

  const layouts: readonly (readonly [string, Readonly<Record<string, RawTensor>>, RegExp, string | undefined])[] = [
    ['a hole before the first', { a: tensor('U8', [4], 4, 8) }, /"a" .* hole of 4 bytes after the header/, 'a'],
    [
      'a hole between two',
      { a: tensor('U8', [2], 0, 2), b: tensor('U8', [4], 4, 8) },
      /"b" .* hole of 2 bytes after tensor "a"/,
      'b',
    ],
    [
      'an overlap',
      { a: tensor('U8', [6], 0, 6), b: tensor('U8', [4], 4, 8) },
      /"b" .* overlaps tensor "a" by 2 bytes/,
      'b',
    ],
    [
      'two tensors on the same bytes',
      { a: tensor('U8', [8], 0, 8), b: tensor('U8', [8], 0, 8) },
      /overlaps tensor "a" by 8/,
      'b',
    ],
    [
      'a tensor within another',
      { a: tensor('U8', [8], 0, 8), b: tensor('U8', [2], 2, 4) },
      /overlaps tensor "a" by 6/,
      'b',
    ],
    [
      'an empty tensor within another',
      { a: tensor('U8', [8], 0, 8), b: tensor('U8', [0], 3, 3) },
      /overlaps tensor "a"/,
      'b',
    ],
    ['bytes left over', { a: tensor('U8', [6], 0, 6) }, /2 bytes after tensor "a" that belong to no tensor/, undefined],
    ['data without a tensor', {}, /8 bytes after the header that belong to no tensor/, undefined],
  ]
  it.each(layouts)('%s', async (_, header, message, name) => {
    const error = await refused(header, 8)
    expect(error.message).toMatch(message)
    expect(error.details).toMatchObject(name === undefined ? { file: FILE } : { file: FILE, tensor: name })
  })

  it('a tensor name over the limit, repeating only its beginning', async () => {
    const longest = 'x'.repeat(MAX_TENSOR_NAME_LENGTH)
    expect(parse(rawFile({ [longest]: tensor('U8', [0], 0, 0) })).tensors).toHaveLength(1)
    const error = await refused({ [`${longest}x`]: tensor('U8', [0], 0, 0) })
    expect(error.message).toContain('at most 512')
    expect(error.message.length).toBeLessThan(400)
  })

  it('more tensors than the limit', async () => {
    const some = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, tensor('U8', [0], 0, 0)]))
    expect(parse(rawFile(some(MAX_TENSORS))).tensors).toHaveLength(MAX_TENSORS)
    expect((await refused(some(MAX_TENSORS + 1))).message).toContain('lists 16385 tensors; at most 16384')
  })

  it.each([
    ['arrays', '['],
    ['objects', '{"":'],
  ])('%s nested as deep as the header limit allows', async (_, open) => {
    const depth = Math.floor((MAX_HEADER_BYTES - 100) / (open.length + 1))
    const nested = `${open.repeat(depth)}0${(open === '[' ? ']' : '}').repeat(depth)}`
    expect((await refused(`{"w":${nested}}`)).details).toMatchObject({ file: FILE, tensor: 'w' })
    expect((await refused(`{"w":{"dtype":${nested}}}`)).message).toMatch(/has dtype an (array|object)/)
  })
})
