/**
 * NumPy's array file, version 1.0 (numpy.lib.format): magic, a header that states type and shape, then the numbers row
 * after row. Knows its bytes and nothing of where they go.
 */
import { endianness } from 'node:os'

import { StellaError } from '../../errors.js'
import type { EncodedEmbedding, Encoding } from '../../vectors/codes.js'
import { encodedLength } from '../../vectors/codes.js'
import type { ByteSink } from '../output.js'
import type { MakeSink, ResultSink } from './sink.js'

/** Bytes before the numbers. A multiple of 64, as the format asks, with room for any shape. */
export const NPY_HEADER_BYTES = 128

/** `\x93NUMPY`, then version 1.0. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]

/** Bytes of the header's own length, after the magic. */
const LENGTH_BYTES = 2

/** NumPy's names of the types: little-endian float32, int8, uint8. */
const DESCRIPTIONS = {
  float32: '<f4',
  int8: '|i1',
  uint8: '|u1',
  binary: '|i1',
  ubinary: '|u1',
} as const satisfies Record<Encoding, string>

/** Bytes gathered for an output whose beginning cannot be written last. */
export const MAX_COLLECTED_BYTES = 2 ** 31

/** A target whose first bytes can be written again. */
export interface RewritableSink extends ByteSink {
  /** Replaces the bytes at the beginning. */
  rewriteStart(data: Uint8Array): Promise<void>
}

/** The header of an array `[rows, columns]`. */
export function npyHeader(encoding: Encoding, rows: number, columns: number): Uint8Array {
  const text = `{'descr': '${DESCRIPTIONS[encoding]}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`
  const header = Buffer.alloc(NPY_HEADER_BYTES, ' ')
  header.set(MAGIC)
  header.writeUInt16LE(NPY_HEADER_BYTES - MAGIC.length - LENGTH_BYTES, MAGIC.length)
  header.write(text, MAGIC.length + LENGTH_BYTES, 'latin1')
  header.writeUInt8(0x0a, NPY_HEADER_BYTES - 1)
  return header
}

/** Streams to a target whose header can be corrected at the end; for any other, gathers first. */
export const npySink: MakeSink = (target, { dimensions, encoding }) => {
  const columns = encodedLength(dimensions, encoding)
  const header = (rows: number): Uint8Array => npyHeader(encoding, rows, columns)
  return isRewritable(target) ? streaming(target, header) : collecting(target, header)
}

function streaming(target: RewritableSink, header: (rows: number) => Uint8Array): ResultSink {
  let begun = false
  const begin = async (): Promise<void> => {
    if (!begun) await target.write(header(0))
    begun = true
  }
  return {
    write: async (rows) => {
      await begin()
      await target.write(Buffer.concat(rows.map(({ embedding }) => bytesOf(embedding))))
    },
    finish: async ({ texts }) => {
      await begin()
      await target.rewriteStart(header(texts))
    },
  }
}

function collecting(target: ByteSink, header: (rows: number) => Uint8Array): ResultSink {
  const rows: Uint8Array[] = []
  let bytes = 0
  return {
    write: (more) => {
      for (const { embedding } of more) {
        bytes += embedding.byteLength
        rows.push(bytesOf(embedding))
      }
      if (bytes <= MAX_COLLECTED_BYTES) return Promise.resolve()
      const problem = `An npy file begins with its length, so standard output gathers it in memory, at most ${MAX_COLLECTED_BYTES} bytes`
      return Promise.reject(new StellaError('OPTION_INVALID', `${problem}. Write to a file with --out`))
    },
    finish: async ({ texts }) => {
      await target.write(header(texts))
      for (const row of rows) await target.write(row)
    },
  }
}

function isRewritable(target: ByteSink): target is RewritableSink {
  return 'rewriteStart' in target
}

/** The numbers in little-endian order. */
function bytesOf(embedding: EncodedEmbedding): Uint8Array {
  const bytes = Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength)
  if (endianness() === 'LE' || embedding.BYTES_PER_ELEMENT === 1) return bytes
  return Buffer.from(bytes).swap32()
}
