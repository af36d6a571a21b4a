/** What `tools/nano` has kept from training: texts, pairs of glosses, and the teacher's vectors. Reads files. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Vectors in rows: `[rows, dimensions]`. */
export interface Vectors {
  readonly data: Float32Array
  readonly rows: number
  readonly dimensions: number
}

/** Two glosses, of one meaning or of two at random. */
export interface GlossPair {
  readonly a: string
  readonly b: string
  readonly same: boolean
}

/** See the head of this file. */
export interface HeldOut {
  readonly texts: readonly string[]
  /** The teacher's, of `texts`. */
  readonly teacher: Vectors
  readonly pairs: readonly GlossPair[]
  /** The teacher's, of `a` and `b` of each pair in turn. */
  readonly pairTeacher: Vectors
  /** Texts that were trained on, for word frequencies. */
  readonly trained: readonly string[]
}

/** Reads at most so many of each. */
export async function readHeldOut(work: string, texts: number, trained: number): Promise<HeldOut> {
  const lines = async (name: string): Promise<string[]> =>
    (await readFile(join(work, name), 'utf8')).trimEnd().split('\n')
  const all = await readNpy(join(work, 'held-out.npy'))
  const rows = Math.min(texts, all.rows)
  return {
    texts: (await lines('held-out.txt')).slice(0, rows),
    teacher: { ...all, data: all.data.subarray(0, rows * all.dimensions), rows },
    pairs: (await lines('pairs.jsonl')).map((line) => JSON.parse(line) as GlossPair),
    pairTeacher: await readNpy(join(work, 'pairs.npy')),
    trained: (await lines('train.txt')).slice(0, trained),
  }
}

/** A float32 array in NumPy's file format, version 1, taken as rows of its last axis. */
async function readNpy(path: string): Promise<Vectors> {
  const bytes = await readFile(path)
  const length = bytes.readUInt16LE(8)
  const header = bytes.toString('latin1', 10, 10 + length)
  const shape = /'shape': \(([\d, ]+)\)/
    .exec(header)?.[1]
    ?.split(',')
    .filter((size) => size.trim() !== '')
    .map(Number)
  if (!header.includes("'<f4'") || shape === undefined) throw new Error(`${path} is no float32 array: ${header}`)
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 10 + length, bytes.byteOffset + bytes.byteLength))
  const dimensions = shape.at(-1) ?? 1
  return { data, rows: data.length / dimensions, dimensions }
}
