/** Full-size checkpoints with random weights, made once and kept in a folder, and what benches share. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { StellaModelInfo } from '../registry/types.js'
import { describeCheckpoint } from '../src/convert/describe-checkpoint.js'
import type { PackedTexts } from '../src/packed/packing.js'

/** A stand-in on disk. */
export interface StandIn {
  readonly info: StellaModelInfo
  readonly folder: string
  /** Where its artefact is kept. */
  readonly home: string
}

/**
 * The stand-in called `name`, made in `folder` unless it is there.
 *
 * @param folder - Default: under the system's temporary folder.
 */
export async function standIn(name: string, folder?: string): Promise<StandIn> {
  const path = folder ?? join(tmpdir(), 'stella-pool-bench', name)
  if (!existsSync(join(path, 'model.safetensors'))) {
    const maker = fileURLToPath(new URL('../tools/checkpoints/main.ts', import.meta.url))
    await promisify(execFile)(process.execPath, ['--import', 'tsx', maker, name, path])
  }
  return { info: await describeCheckpoint(path, { key: name }), folder: path, home: `${path}-home` }
}

/** Memory of this process by kind, in MB. Pss counts a shared page once over all processes. Linux only. */
export async function processMemory(): Promise<{ rss: number; pss: number; anonymous: number }> {
  const rollup = await readFile('/proc/self/smaps_rollup', 'utf8')
  // The kernel's kB are 1,024 bytes.
  const of = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? NaN) * 1024) / 1e6
  return { rss: of('Rss'), pss: of('Pss'), anonymous: of('Anonymous') }
}

/** Packed texts of these lengths; ids are any. */
export function someTexts(lengths: readonly number[]): PackedTexts {
  const tokens = lengths.reduce((sum, length) => sum + length, 0)
  return { ids: Int32Array.from({ length: tokens }, (_, i) => (i * 37) % 3000), lengths: Int32Array.from(lengths) }
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** Milliseconds that each of `works` takes: the median over rounds in which they take turns, so that drift cancels. */
export async function interleaved(
  works: readonly (() => Promise<unknown>)[],
  rounds: number,
): Promise<readonly number[]> {
  const times = works.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, work] of works.entries()) {
      const started = performance.now()
      await work()
      times[index]?.push(performance.now() - started)
    }
  }
  return times.map(median)
}
