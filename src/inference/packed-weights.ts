/**
 * One copy of a backbone's weights for all threads and processes of a machine. The engine rearranges matrices for its
 * kernels, in memory of each session's own; the result is kept on disk, in `packed/<engine and processor>/` of the
 * artefact, and mapped from there by every later load. What stands in the way of that costs memory, never a load.
 */
import { rm, readdir, statfs, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import { MIN_SHARED_BYTES } from '../../registry/memory.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { PackOrder } from '../../workers/pack-protocol.js'
import { BACKBONE_FILE, PACKED_FOLDER, PACKING_LOCK } from '../convert/artefact-files.js'
import { FLASH_MIN_TOKENS } from '../convert/layers/attention.js'
import { messageOf } from '../errors.js'
import { replaceFolder } from '../files/atomic.js'
import { throwIfAborted } from '../files/cancellation.js'
import { withFileLock } from '../files/file-lock.js'
import type { Manifest } from '../files/manifest.js'
import { RAW_DATA } from './compact-packed-weights.js'
import type { Logger } from './logger.js'
import type { PackedRecord } from './packed-weights-record.js'
import { RECORD_FILE, packedName, readPackedRecord, writePackedRecord, writeRefusal } from './packed-weights-record.js'
import { PackingEnded, packInProcess } from './packing-process.js'
import { removeStalePacked } from './stale-packed-weights.js'

export { PACKED_FOLDER, PACKING_LOCK } from '../convert/artefact-files.js'

/**
 * Disk space that packing takes at its height, in raw weights. What the engine saves is the raw tensors and the packed
 * ones, which are at most 1.3 times as large (4-bit blocks).
 */
const PACKING_FACTOR = 2.5

/** Disk space that packing leaves free, in bytes. */
const RESERVE_BYTES = 1e9

/**
 * Largest difference between a packed and a plain vector, relative to the vector's largest number. The same kernels on
 * the same blobs give the same bits; this leaves room for sums in another order (float32 rounds at 1.2e-7). A blob that
 * is misplaced is off by whole numbers.
 */
const MAX_DIFFERENCE = 1e-6

/** Texts a packed form is checked with, run by run, in tokens: kernels differ for one row, few and many. */
const CHECK_RUNS: readonly (readonly number[])[] = [[1], [8], [3, 17, 41], [FLASH_MIN_TOKENS]]

/** Where a backbone is opened, and whose memory its weights are in. */
export interface BackboneWeights {
  /** Path of the graph. */
  readonly graph: string
  /** `shared`: mapped, one copy for the whole machine. `own`: a copy for each session. */
  readonly weights: 'shared' | 'own'
}

/** How to share. */
export interface ShareOptions {
  /** Threads inside one run, for the check. */
  readonly threads: number
  readonly logger: Logger
  readonly signal?: AbortSignal | undefined
  /** @default MIN_SHARED_BYTES */
  readonly minBytes?: number
}

/** The artefact's own backbone. */
export function ownWeights(folder: string): BackboneWeights {
  return { graph: join(folder, BACKBONE_FILE), weights: 'own' }
}

/**
 * The packed form of the artefact's backbone, made now where there is none; its own form where that cannot be, which
 * the logger is told.
 *
 * @throws {StellaError} ABORTED
 */
export async function shareWeights(
  info: StellaModelInfo,
  folder: string,
  manifest: Manifest,
  options: ShareOptions,
): Promise<BackboneWeights> {
  const { logger, signal, minBytes = MIN_SHARED_BYTES } = options
  const bytes = manifest.files[RAW_DATA]?.bytes ?? 0
  if (bytes < minBytes) return ownWeights(folder)
  const facts = { model: info.key, artefact: folder }
  try {
    const place = join(folder, PACKED_FOLDER, await packedName(manifest))
    const record = (await readPackedRecord(place)) ?? (await packOnce(info, { folder, place, bytes }, options))
    if (record.refused === null) {
      // Tells when it was last used. Where nothing may be written, nothing is removed either.
      await utimes(join(place, RECORD_FILE), new Date(), new Date()).catch(() => undefined)
      return { graph: join(place, BACKBONE_FILE), weights: 'shared' }
    }
    logger.warn({ ...facts, reason: record.refused }, 'weights are not shared: their packed form was refused')
  } catch (error) {
    throwIfAborted(signal, `packing the weights of ${info.key}`)
    logger.warn({ ...facts, reason: messageOf(error) }, 'weights are not shared: they could not be packed')
  }
  return ownWeights(folder)
}

interface Packing {
  /** Of the artefact. */
  readonly folder: string
  /** Of the packed form. */
  readonly place: string
  /** Of the raw weights. */
  readonly bytes: number
}

/** Packs under the lock, unless somebody else has by then. */
function packOnce(info: StellaModelInfo, packing: Packing, options: ShareOptions): Promise<PackedRecord> {
  const { logger } = options
  const { folder, place, bytes } = packing
  const onWait = (lock: string): void => {
    logger.info({ model: info.key, lock }, 'waiting for another process to pack the weights')
  }
  const lock = { signal: options.signal, onWait }
  return withFileLock(join(folder, PACKED_FOLDER, PACKING_LOCK), lock, async (signal) => {
    const found = await readPackedRecord(place)
    if (found !== undefined) return found
    const started = performance.now()
    logger.info({ model: info.key, artefact: folder, bytes }, 'packing the weights, once for this machine')
    await removeStalePacked(join(folder, PACKED_FOLDER), place, logger)
    await requireRoom(folder, bytes)
    await replaceFolder(place, (partial) => pack(info, { folder, place: partial, bytes }, options.threads, signal))
    const made = await readPackedRecord(place)
    if (made === undefined) throw new Error(`${place} is not what was just written there`)
    const { difference, files } = made
    const facts = { model: info.key, artefact: folder, difference, files, packingMs: performance.now() - started }
    if (made.refused === null) logger.info(facts, 'weights packed')
    return made
  })
}

/** Fills the folder of a packed form: files and record, or the record of a refusal. */
async function pack(
  { architecture, tokens }: StellaModelInfo,
  { folder, place }: Packing,
  threads: number,
  signal: AbortSignal,
): Promise<void> {
  const runs = CHECK_RUNS.filter((lengths) => lengths.every((length) => length <= tokens.max))
  const order: PackOrder = { artefact: folder, out: place, threads, vocab: architecture.vocab, runs }
  try {
    const { difference, vectors } = await packInProcess(order, signal)
    if (difference !== null && difference <= MAX_DIFFERENCE) {
      await writePackedRecord(place, difference)
      return
    }
    const found = difference === null ? 'numbers that are not finite' : `a difference of ${difference}`
    await refuse(place, `${vectors} vectors against the plain ones: ${found}; at most ${MAX_DIFFERENCE} is accepted`)
  } catch (error) {
    if (!(error instanceof PackingEnded) || !error.crashed) throw error
    await refuse(place, error.message)
  }
}

async function refuse(place: string, reason: string): Promise<void> {
  for (const name of await readdir(place)) await rm(join(place, name), { recursive: true })
  await writeRefusal(place, reason)
}

/** @throws Error when the disk has too little room to pack weights of so many bytes. */
async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const needed = bytes * PACKING_FACTOR + RESERVE_BYTES
  if (bavail * bsize >= needed) return
  throw new Error(
    `the disk has ${bavail * bsize} bytes free; packing takes ${needed}, ${RESERVE_BYTES} of them in reserve`,
  )
}
