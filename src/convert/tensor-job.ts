/**
 * A piece of work of a conversion: rows of one checkpoint tensor, what to make of them, and where its bytes go. Plain
 * data, which crosses threads.
 */
import type { RowRange } from '../files/safetensors.js'
import type { WeightScales } from './quantize/weight-scales.js'
import type { TensorTransform } from './tensor-transform.js'
import { isDivisible } from './tensor-transform.js'

/** Where one output of the transform goes. */
export interface JobSlot {
  /** Byte of the weights file. */
  readonly offset: number
  readonly bytes: number
  /** Bytes that a row becomes; undefined where rows interleave. */
  readonly rowBytes: number | undefined
}

/** Rows of a tensor to turn into bytes of the weights file. */
export interface TensorJob {
  /** Folder of the checkpoint. */
  readonly folder: string
  /** The safetensors file that holds the tensor, relative to `folder`. */
  readonly file: string
  /** Name in that file. */
  readonly tensor: string
  readonly rows: RowRange
  /** Elements of a row. */
  readonly columns: number
  readonly scales: WeightScales
  readonly transform: TensorTransform
  /** One for each output of the transform, in their order, each behind the one before. */
  readonly slots: readonly JobSlot[]
}

/**
 * Bytes of float32 that are converted without a look at anything else: a batch's progress is told, its abort heeded,
 * and its share of a core given out, when it is done. A job that cannot be divided may be larger.
 */
export const BATCH_BYTES = 16 * 1024 * 1024

/** Bytes of the tensor's rows as float32: what reading and converting them costs. */
export function jobBytes({ rows, columns }: TensorJob): number {
  return (rows.end - rows.start) * columns * Float32Array.BYTES_PER_ELEMENT
}

/** The same work in batches near {@link BATCH_BYTES}: large jobs cut by rows, small ones put together. In file order. */
export function batchesOf(jobs: readonly TensorJob[]): readonly (readonly TensorJob[])[] {
  const batches: TensorJob[][] = []
  let room = 0
  for (const job of jobs.flatMap(cut)) {
    const bytes = jobBytes(job)
    if (bytes > room) {
      batches.push([])
      room = BATCH_BYTES
    }
    batches.at(-1)?.push(job)
    room -= bytes
  }
  return batches
}

function cut(job: TensorJob): readonly TensorJob[] {
  const { rows, columns, scales, slots, transform } = job
  if (jobBytes(job) <= BATCH_BYTES || !isDivisible(transform)) return [job]
  const step = Math.max(1, Math.floor(BATCH_BYTES / Float32Array.BYTES_PER_ELEMENT / columns))
  const pieces: TensorJob[] = []
  for (let start = rows.start; start < rows.end; start += step) {
    const end = Math.min(rows.end, start + step)
    const [from, to] = [start - rows.start, end - rows.start]
    pieces.push({
      ...job,
      rows: { start, end },
      scales: { ...scales, outputScale: scales.outputScale?.slice(from, to) },
      slots: slots.map(({ offset, rowBytes = 0 }) => {
        return { offset: offset + from * rowBytes, bytes: (to - from) * rowBytes, rowBytes }
      }),
    })
  }
  return pieces
}
