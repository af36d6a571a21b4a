/** The models with golden vectors, as the product sees them: descriptors, inputs, and which files hold their goldens. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { STELLA_NANO } from '../../registry/index.js'
import type { StellaModelInfo } from '../../registry/types.js'
import { describeCheckpoint } from '../../src/convert/describe-checkpoint.js'
import type { GoldenCase } from '../golden/golden-file.js'
import { GOLDEN_NAMES, goldenCheckpoint, readGolden } from '../golden/golden-file.js'

/** Goldens of one engine and kind of text. */
export interface GoldenFile {
  readonly file: string
  readonly cases: readonly GoldenCase[]
}

/** A model with goldens. */
export interface GoldenModel {
  readonly name: string
  readonly info: StellaModelInfo
  readonly files: readonly GoldenFile[]
}

/** The tiny checkpoints and the embedded model, with all their goldens. */
export async function goldenModels(): Promise<readonly GoldenModel[]> {
  const models: GoldenModel[] = []
  for (const name of GOLDEN_NAMES) {
    const info = await describeCheckpoint(goldenCheckpoint(name), { key: name })
    const names = readdirSync(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)))
    models.push({
      name,
      info,
      files: await readAll(
        names.filter((file) => file.endsWith('.json')),
        `${name}/`,
      ),
    })
  }
  return [...models, { name: STELLA_NANO.key, info: STELLA_NANO, files: await readAll(['stella-nano.json'], '') }]
}

async function readAll(names: readonly string[], folder: string): Promise<readonly GoldenFile[]> {
  return Promise.all(
    names.map(async (name) => ({ file: folder + name, cases: (await readGolden(folder + name)).cases })),
  )
}

/** The ids the reference used: complete, with prompt and special tokens. */
export function idsOf(golden: GoldenCase): Int32Array {
  return Int32Array.from(golden.tokenIds)
}
