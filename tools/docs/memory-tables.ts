/**
 * What models take on disk and in memory, as tables of `docs/models-and-memory.md`: `npx tsx tools/docs/memory-tables.ts`.
 * All of it is computed from descriptors. A test fails while the page says something else.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5, STELLA_NANO } from '../../registry/index.js'
import type { MemoryEstimate, WeightPrecision } from '../../registry/memory.js'
import { backboneBytes, estimateMemory } from '../../registry/memory.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { table } from '../../bench/support/markdown.js'
import { PRECISIONS } from '../../src/convert/recipe.js'
import { packageRoot } from '../../src/files/package-root.js'
import { RUN_TOKENS } from '../../src/packed/packing.js'
import { resolveMemoryBudget } from '../../src/pool/memory-budget.js'
import { formatBytes } from '../../src/pool/memory-ledger.js'
import { betweenMarkers } from './between-markers.js'

/** The page. */
export const MEMORY_PAGE = join(packageRoot(), 'docs/models-and-memory.md')

/** Models that are of use, and the embedded one, which is for trying. */
const USEFUL = [STELLA_EN_400M_V5, STELLA_EN_1_5B_V5] as const
const MODELS = [...USEFUL, STELLA_NANO] as const

/** Longest texts that pools are opened for, in tokens: what the models were trained for, and their limit. */
const LENGTHS = ({ tokens }: StellaModelInfo): readonly number[] => [tokens.recommended, tokens.max]

/** Workers that a machine is named for: the least, and the most that a pool takes by itself. */
const [LEAST_WORKERS, MOST_WORKERS] = [1, 4]

/** Sizes that machines and containers come in, in GiB. */
const MACHINES = [0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64] as const

const GIB = 1024 ** 3

/** Bytes of a float32. */
const FLOAT = 4

/** `page` with all tables as they are now. */
export function withMemoryTables(page: string): string {
  const tables = [
    ['memory:disk', diskTable()],
    ['memory:held', memoryTable()],
    ['memory:gpu', deviceTable()],
  ] as const
  return tables.reduce((text, [name, content]) => betweenMarkers(text, name, content), page)
}

/**
 * The smallest of the usual machines, or container limits, in which a pool without `memory` takes so much, in GiB.
 *
 * @param bytes - What the model is charged.
 * @throws Error when it fits in none: then the list is too short.
 */
export function machineFor(bytes: number): number {
  const found = MACHINES.find((size) => {
    const usable = size * GIB
    return resolveMemoryBudget(undefined, { usable, total: usable }) >= bytes
  })
  if (found === undefined) throw new Error(`no machine of the list holds ${formatBytes(bytes)}`)
  return found
}

function diskTable(): string {
  const head = ['checkpoint', 'each further head', 'artefact', 'packed', 'converting, for a while']
  const rows = USEFUL.flatMap((info) =>
    PRECISIONS.map((precision) => [info.key, precision, ...diskCells(info, precision)]),
  )
  return table(['model', 'precision', ...head], rows)
}

function diskCells(info: StellaModelInfo, precision: WeightPrecision): readonly string[] {
  const floats = backboneBytes(info, 'fp32')
  const { table: embedding, layers, packed } = backboneBytes(info, precision)
  const checkpoint = weightFileBytes(info) + headBytes(info, [info.defaultDimensions])
  const others = info.heads
    .map(({ dimensions }) => dimensions)
    .filter((dimensions) => dimensions !== info.defaultDimensions)
  const sizes = others.map((dimensions) => headBytes(info, [dimensions]))
  return [
    formatBytes(checkpoint),
    [Math.min(...sizes), Math.max(...sizes)].map(formatBytes).join(' to '),
    formatBytes(embedding + layers + headBytes(info, [info.defaultDimensions])),
    formatBytes(packed),
    // The float32 model that a quantised one is measured against.
    precision === 'fp32' ? 'nothing' : `${formatBytes(floats.table + floats.layers)} more`,
  ]
}

function memoryTable(): string {
  const workers = `${MOST_WORKERS} workers`
  const head = ['longest text', 'shared', 'once', 'each worker', '1 worker', workers, 'machine for 1', 'for 4']
  const rows = MODELS.flatMap((info) =>
    PRECISIONS.flatMap((precision) =>
      LENGTHS(info).map((length) => [info.key, precision, ...memoryCells(info, precision, length)]),
    ),
  )
  return table(['model', 'precision', ...head], rows)
}

function memoryCells(info: StellaModelInfo, precision: WeightPrecision, length: number): readonly string[] {
  const [one, most] = [charged(info, precision, length, LEAST_WORKERS), charged(info, precision, length, MOST_WORKERS)]
  return [
    String(length),
    ...[one.shared, one.once, one.weights + one.scratch + one.base, one.total, most.total].map(formatBytes),
    ...[one, most].map(({ total }) => `${machineFor(total)} GiB`),
  ]
}

function deviceTable(): string {
  const head = [
    'model',
    'parameters',
    'weights at 4 bytes',
    'at 2 bytes',
    'activations, 512 tokens',
    'the longest text',
  ]
  const rows = USEFUL.map((info) => {
    const { embedding, layers } = info.parameters
    const count = embedding + layers
    const scratch = LENGTHS(info).map((length) => charged(info, 'fp32', length, 1).scratch)
    return [info.key, `${(count / 1e6).toFixed(0)} M`, ...[count * FLOAT, count * 2, ...scratch].map(formatBytes)]
  })
  return table(head, rows)
}

/** What a pool is charged: all heads, as any call may ask for any of them. */
function charged(
  info: StellaModelInfo,
  precision: WeightPrecision,
  maxLength: number,
  workers: number,
): MemoryEstimate {
  const dimensions = info.heads.map((head) => head.dimensions)
  return estimateMemory(info, { workers, precision, dimensions, runTokens: Math.max(RUN_TOKENS, maxLength) })
}

function weightFileBytes(info: StellaModelInfo): number {
  const { table: embedding, layers } = backboneBytes(info, 'fp32')
  return info.files.find(({ path }) => path === 'model.safetensors')?.bytes ?? embedding + layers
}

/** Heads are what a worker holds of a model whose weights are shared. */
function headBytes(info: StellaModelInfo, dimensions: readonly number[]): number {
  return estimateMemory(info, { workers: 0, runTokens: 0, dimensions, weights: 'shared' }).weights
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(MEMORY_PAGE, withMemoryTables(await readFile(MEMORY_PAGE, 'utf8')))
}
