/** Tiny checkpoints for tests that need one of their own: made by the project's maker, or a copy to spoil. */
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { CheckpointSpec } from '../../tools/checkpoints/spec.js'
import { CHECKPOINT_SPECS } from '../../tools/checkpoints/specs.js'
import { makeCheckpoint } from '../../tools/checkpoints/make-checkpoint.js'
import { goldenCheckpoint } from '../golden/golden-file.js'

/** Architectures as the small specs have them. */
export type TinyName = 'new-tiny' | 'new-wide' | 'qwen2-tiny' | 'qwen2-mqa' | 'qwen2-mha'

/** A copy of a tiny checkpoint in a fresh folder under `parent`. */
export async function copyOfTiny(parent: string, name: TinyName): Promise<string> {
  const folder = join(await mkdtemp(join(parent, 'checkpoint-')), name)
  await cp(goldenCheckpoint(name), folder, { recursive: true })
  return folder
}

/** A tiny checkpoint that differs from the usual one: in prefix, shards, storage, pooler. */
export async function makeTiny(parent: string, name: TinyName, changes: Partial<CheckpointSpec>): Promise<string> {
  const folder = await mkdtemp(join(parent, 'made-'))
  await makeCheckpoint(folder, { ...CHECKPOINT_SPECS[name], ...changes })
  return folder
}

/** Changes keys of a JSON object file; `undefined` removes one. */
export async function editJson(path: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
  const object = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  await writeFile(path, JSON.stringify({ ...object, ...changes }))
}
