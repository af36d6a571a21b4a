/**
 * Does the work of conversion jobs: reads the checkpoint, encodes, and writes each output to its place in the weights
 * file. The same in a worker thread as in the caller's.
 */
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

import { StellaError, messageOf } from '../errors.js'
import { READ_CHUNK_BYTES, TensorReader } from '../files/safetensors.js'
import { quote } from '../show.js'
import { FLOAT16_OVERFLOW } from './quantize/float16.js'
import { largestMagnitude } from './quantize/rounding.js'
import { applyScales, firstNonFinite } from './quantize/weight-scales.js'
import type { EncodedPiece, TensorEncoder } from './tensor-encoder.js'
import { createEncoder } from './tensor-encoder.js'
import type { TensorJob } from './tensor-job.js'

/**
 * Runs `jobs` one after another.
 *
 * @param target - The weights file, which exists.
 * @throws {StellaError} CHECKPOINT_INVALID naming the tensor, when it cannot be read or its values cannot be stored so.
 * @throws the file system's own error where `target` cannot be written.
 */
export async function runJobs(jobs: readonly TensorJob[], target: string): Promise<void> {
  const readers = new Map<string, TensorReader>()
  const out = await open(target, 'r+')
  try {
    for (const job of jobs) {
      const key = `${job.folder}\0${job.file}`
      const reader = readers.get(key) ?? (await TensorReader.open(job.folder, { file: job.file }))
      readers.set(key, reader)
      await runJob(job, reader, out)
    }
  } finally {
    await out.close()
    for (const reader of readers.values()) await reader.close()
  }
}

async function runJob(job: TensorJob, reader: TensorReader, out: FileHandle): Promise<void> {
  const { tensor, rows, columns, scales } = job
  const encoder = encoderOf(job)
  let position = 0
  for await (const values of reader.stream(tensor, rows)) {
    applyScales(values, position, columns, scales)
    checkValues(job, values, position)
    await write(job, encoder.encode(values, position), out)
    position += values.length
  }
  // A file that was replaced since the plan was made; one that was merely cut has failed before.
  if (position !== (rows.end - rows.start) * columns) {
    throw refusal(job, `gave ${position} values, ${(rows.end - rows.start) * columns} expected; something changed it`)
  }
  await write(job, encoder.finish(), out)
}

function encoderOf(job: TensorJob): TensorEncoder {
  const { tensor, file, rows, columns, transform } = job
  let encoder: TensorEncoder
  try {
    encoder = createEncoder(transform, rows.end - rows.start, columns)
  } catch (error) {
    throw new Error(`Tensor ${quote(tensor)} in ${file}: ${messageOf(error)}`, { cause: error })
  }
  if (encoder.wholeRows && columns * Float32Array.BYTES_PER_ELEMENT > READ_CHUNK_BYTES) {
    const most = READ_CHUNK_BYTES / Float32Array.BYTES_PER_ELEMENT
    throw refusal(job, `has rows of ${columns} values; at most ${most} can be quantised`)
  }
  return encoder
}

/** What is stored as it is may hold anything; every other form needs numbers that it can hold. */
function checkValues(job: TensorJob, values: Float32Array, position: number): void {
  const { inputScale, outputScale } = job.scales
  if (job.transform.kind === 'float32' && inputScale === undefined && outputScale === undefined) return
  const bad = firstNonFinite(values)
  if (bad !== -1) throw refusedValue(job, values, bad, position, 'only finite numbers can be scaled or quantised')
  if (job.transform.kind !== 'float16' || largestMagnitude(values, 0, values.length) < FLOAT16_OVERFLOW) return
  const large = values.findIndex((value) => Math.abs(value) >= FLOAT16_OVERFLOW)
  throw refusedValue(job, values, large, position, 'the largest float16 is 65504')
}

function refusedValue(job: TensorJob, values: Float32Array, at: number, position: number, why: string): StellaError {
  const row = job.rows.start + Math.floor((position + at) / job.columns)
  const column = (position + at) % job.columns
  return refusal(job, `holds ${values[at] ?? 0} in row ${row}, column ${column} (scales applied); ${why}`)
}

function refusal({ folder, file, tensor, transform }: TensorJob, problem: string): StellaError {
  return new StellaError('CHECKPOINT_INVALID', `Tensor ${quote(tensor)} in ${file} ${problem}`, {
    details: { folder, file, tensor, transform: transform.kind },
  })
}

async function write(job: TensorJob, pieces: readonly EncodedPiece[], out: FileHandle): Promise<void> {
  for (const { output, at, bytes } of pieces) {
    const slot = job.slots[output]
    if (slot === undefined || at + bytes.byteLength > slot.bytes) {
      throw new Error(`${job.tensor}: output ${output} does not fit its place in the weights file`)
    }
    // A full disk can take a part and report it as success.
    for (let done = 0; done < bytes.byteLength;) {
      done += (await out.write(bytes, done, bytes.byteLength - done, slot.offset + at + done)).bytesWritten
    }
  }
}
