/** The golden vectors under `test/golden`, and how far other vectors are from them. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { z } from 'zod'

import { STELLA_NANO } from '../../registry/index.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { describeCheckpoint } from '../../src/convert/describe-checkpoint.js'

const FLOATS = z.string().transform((text) => {
  const bytes = Buffer.from(text, 'base64')
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
})

const GOLDENS = z.looseObject({
  engine: z.string(),
  version: z.string(),
  cases: z.array(
    z.looseObject({
      id: z.string(),
      text: z.string(),
      task: z.enum(['document', 's2p_query', 's2s_query']),
      tokenIds: z.array(z.int()),
      dimensions: z.int(),
      raw: FLOATS,
      embedding: FLOATS,
    }),
  ),
})

/** One text, task and size, with the vectors another engine gave. */
export type Golden = z.infer<typeof GOLDENS>['cases'][number]

const FOLDER = fileURLToPath(new URL('../golden', import.meta.url))

/** Checkpoints with goldens: the tiny ones beside them, and the embedded model. */
export const GOLDEN_MODELS: readonly string[] = [
  ...readdirSync(FOLDER).filter((name) => existsSync(join(FOLDER, name, 'checkpoint'))),
  'stella-nano',
]

/** The descriptor of one of {@link GOLDEN_MODELS}. */
export async function describeNamed(name: string): Promise<StellaModelInfo> {
  return name === 'stella-nano' ? STELLA_NANO : describeCheckpoint(join(FOLDER, name, 'checkpoint'), { key: name })
}

/** Golden files of one of {@link GOLDEN_MODELS}: one per engine and kind of text. */
export function goldenFiles(name: string): readonly string[] {
  if (name === 'stella-nano') return ['stella-nano.json']
  return readdirSync(join(FOLDER, name))
    .filter((file) => file.endsWith('.json'))
    .map((file) => join(name, file))
}

/** The goldens in one file. */
export function readGoldens(file: string): readonly Golden[] {
  return GOLDENS.parse(JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))).cases
}

/** The ids the reference used: complete, with prompt and special tokens. */
export function idsOf(golden: Golden): Int32Array {
  return Int32Array.from(golden.tokenIds)
}

/** Largest difference of two numbers in the same place; NaN where the lengths differ. */
export function maxAbsoluteError(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN
  return a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (b[index] ?? Number.NaN))), 0)
}

/** Cosine of the angle between two vectors, in float64. */
export function cosine(a: Float32Array, b: Float32Array): number {
  const dot = a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0)
  return dot / (Math.hypot(...a) * Math.hypot(...b))
}
