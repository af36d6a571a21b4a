/**
 * Builds safetensors bytes and temporary folders for tests, well formed or not. Uses none of the code under test.
 */
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { onTestFinished } from 'vitest'

import { isStellaError, type StellaError } from '../../../../src/errors.js'

/** One member of a header as the format has it. */
export interface RawTensor {
  readonly dtype: unknown
  readonly shape: unknown
  readonly data_offsets: unknown
}

/** A member of a header, well formed or not. */
export function tensor(dtype: unknown, shape: unknown, begin: unknown, end: unknown): RawTensor {
  return { dtype, shape, data_offsets: [begin, end] }
}

/** Length field + header + data. A string header is taken as it is. */
export function rawFile(
  header: string | Readonly<Record<string, unknown>>,
  data: Uint8Array = new Uint8Array(),
): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.byteLength))
  return Buffer.concat([length, json, data])
}

/** A length field that claims `length`, then `rest`. */
export function claiming(length: bigint, rest: string | Uint8Array = ''): Buffer {
  const field = Buffer.alloc(8)
  field.writeBigUInt64LE(length)
  return Buffer.concat([field, Buffer.from(rest)])
}

/** Little-endian float32 bytes. */
export function f32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => bytes.writeFloatLE(value, i * 4))
  return bytes
}

/** A file of one-dimensional F32 tensors. */
export function shard(tensors: Readonly<Record<string, readonly number[]>>): Buffer {
  let offset = 0
  const header = Object.entries(tensors).map(([name, values]) => {
    const begin = offset
    offset += values.length * 4
    return [name, { dtype: 'F32', shape: [values.length], data_offsets: [begin, offset] }] as const
  })
  return rawFile(Object.fromEntries(header), f32(...Object.values(tensors).flat()))
}

/** A fresh folder holding `files`, removed after the test. */
export async function folderWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-safetensors-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return folder
}

/** The `CHECKPOINT_INVALID` that `action` fails with; anything else is thrown on. */
export async function refusal(action: () => unknown): Promise<StellaError> {
  try {
    await action()
  } catch (error) {
    if (isStellaError(error) && error.code === 'CHECKPOINT_INVALID') return error
    throw error
  }
  throw new Error('expected CHECKPOINT_INVALID, but nothing was thrown')
}

/** Descriptors that this process holds on files below `folder`; undefined where the platform cannot tell. */
export async function openDescriptors(folder: string): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return links.filter((link) => link.startsWith(folder)).length
}
