/**
 * Reads the golden files of this folder: vectors that engines nobody here wrote made from the checkpoints beside them
 * (see tools/reference). Knows no product code.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The tiny checkpoints; each has `checkpoint/`, `candle.json` and `transformers.json` in its folder. */
export const GOLDEN_NAMES = ['new-tiny', 'new-wide', 'qwen2-tiny', 'qwen2-mqa', 'qwen2-mha'] as const

/** One text under one task through one head, run alone and unpadded. */
export interface GoldenCase {
  /** Text id and task, such as `fox/document`. */
  readonly id: string
  readonly text: string
  readonly task: 'document' | 's2p_query' | 's2s_query'
  /** Of prompt + text, special tokens included. */
  readonly tokenIds: readonly number[]
  readonly dimensions: number
  /** Mean of the hidden states, `[hidden]`; with the smallest head of a case only. */
  readonly pooled: Float32Array | undefined
  /** After the head, not normalised, `[dimensions]`. */
  readonly raw: Float32Array
  /** L2-normalised, `[dimensions]`. */
  readonly embedding: Float32Array
}

/** A golden file. */
export interface Golden {
  readonly engine: string
  readonly version: string
  readonly cases: readonly GoldenCase[]
}

interface StoredCase extends Omit<GoldenCase, 'pooled' | 'raw' | 'embedding'> {
  readonly pooled?: string
  readonly raw: string
  readonly embedding: string
}

/** Absolute path of a tiny checkpoint. */
export function goldenCheckpoint(name: (typeof GOLDEN_NAMES)[number]): string {
  return join(import.meta.dirname, name, 'checkpoint')
}

/** Reads a golden file by its path inside this folder, such as `new-tiny/candle.json`. */
export async function readGolden(path: string): Promise<Golden> {
  const stored = JSON.parse(await readFile(join(import.meta.dirname, path), 'utf8')) as Omit<Golden, 'cases'> & {
    readonly cases: readonly StoredCase[]
  }
  return {
    ...stored,
    cases: stored.cases.map((entry) => ({
      ...entry,
      pooled: entry.pooled === undefined ? undefined : decode(entry.pooled),
      raw: decode(entry.raw),
      embedding: decode(entry.embedding),
    })),
  }
}

/** Cosine of the angle between two vectors, in double precision. */
export function cosine(a: Float32Array, b: Float32Array): number {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

/** Largest absolute difference between two vectors of one length. */
export function maxAbs(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`Cannot compare ${a.length} numbers with ${b.length}`)
  return a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (b[index] ?? Number.NaN))), 0)
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0)
}

/** Base64 of little-endian float32, on a machine of either byte order. */
function decode(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64')
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(4 * index))
}
