/** Workers of the embedded model, and batches for them. Workers run from `dist`. */
import type { Worker } from 'node:worker_threads'

import { STELLA_NANO } from '../../registry/index.js'
import { prepareArtefact } from '../../src/convert/prepare.js'
import type { PackedTexts } from '../../src/packed/packing.js'
import { packTexts } from '../../src/packed/packing.js'
import type { EmbeddingWorkerSetup } from '../../src/pool/embedding-worker.js'
import { EmbeddingWorker } from '../../src/pool/embedding-worker.js'

/** What every batch of these tests asks for. */
export const VARIANT = { dimensions: 256, normalize: true } as const

/** What a worker of the embedded model is told, once its artefact is there. */
export async function nanoSetup(home: string): Promise<EmbeddingWorkerSetup> {
  const { folder, manifest } = await prepareArtefact(STELLA_NANO, { home })
  return { artefact: folder, fingerprint: manifest.fingerprint, threads: 1, device: 'cpu', sharedWeights: false }
}

/** A worker of the embedded model, and what was said of its loss. */
export function nanoWorker(setup: EmbeddingWorkerSetup): {
  readonly worker: EmbeddingWorker
  readonly losses: readonly unknown[]
} {
  const losses: unknown[] = []
  return { worker: new EmbeddingWorker(STELLA_NANO, setup, { onLost: (error) => losses.push(error) }), losses }
}

/** A batch of so many texts of so many tokens; another seed gives other texts. */
export function nanoBatch(texts: number, tokens: number, seed = 0): PackedTexts {
  const { vocab } = STELLA_NANO.architecture
  const idsOf = (text: number) =>
    Int32Array.from({ length: tokens }, (_, i) => (i * 37 + text * 101 + seed * 7) % vocab)
  return packTexts(Array.from({ length: texts }, (_, text) => idsOf(text)))
}

/** A batch that takes the worker some tens of milliseconds. */
export function longBatch(seed = 0): PackedTexts {
  return nanoBatch(200, 64, seed)
}

/** Collects the threads that this process starts from now on. */
export function watchThreads(): readonly Worker[] {
  const threads: Worker[] = []
  process.on('worker', (thread) => threads.push(thread))
  return threads
}

/** The code of what `work` rejects with, or `ok`. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return 'ok'
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error ? error.code : String(error)
  }
}
