/** Converts one `2_Dense_{n}` folder of a checkpoint. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { HeadInfo, StellaModelInfo } from '../../registry/types.js'
import { sha256File } from '../files/hash.js'
import type { Manifest } from '../files/manifest.js'
import { TensorReader } from '../files/safetensors.js'
import { headFile } from './artefact-files.js'
import { buildHead } from './head.js'
import type { GraphTarget } from './write-graph.js'
import { writeGraph } from './write-graph.js'

/**
 * Converts one head into the artefact folder of `target`.
 *
 * @throws {StellaError} CHECKPOINT_INVALID
 */
export async function convertHead(
  folder: string,
  info: StellaModelInfo,
  head: HeadInfo,
  target: GraphTarget,
): Promise<Manifest['heads'][number]> {
  const source = `${head.folder}/model.safetensors`
  await using reader = await TensorReader.open(folder, { file: source })
  const file = headFile(head.dimensions)
  await mkdir(join(target.folder, 'heads'), { recursive: true })
  await writeGraph(target, file, (plan) => buildHead(head, info.architecture.hidden, reader, plan))
  const { sha256 } = await sha256File(join(folder, source), { signal: target.signal })
  return { dimensions: head.dimensions, file, sourceSha256: sha256 }
}
