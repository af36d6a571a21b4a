/** An artefact whose weights tests share, as often as they like. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'

import { vi } from 'vitest'

import type { StellaModelInfo } from '../../registry/types.js'
import { describeCheckpoint } from '../../src/convert/describe-checkpoint.js'
import type { Artefact } from '../../src/convert/prepare.js'
import { prepareArtefact } from '../../src/convert/prepare.js'
import type { Precision } from '../../src/convert/recipe.js'
import type { ShareOptions } from '../../src/inference/packed-weights.js'
import { shareWeights } from '../../src/inference/packed-weights.js'
import { goldenCheckpoint } from '../golden/golden-file.js'

/** The checkpoint it was made from. */
export const SHARED_CHECKPOINT = goldenCheckpoint('new-tiny')

/** A logger that remembers. */
export function recorder() {
  return { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
}

/** Copies of one artefact, and how to share the weights of each. */
export interface Sharing {
  readonly info: StellaModelInfo
  readonly artefact: Artefact
  /** A copy with nothing packed. */
  readonly fresh: () => Promise<string>
  /** Shares the weights in a copy, however small they are; `packed` is the folder of the packed form. */
  readonly share: (
    folder: string,
    options?: Partial<ShareOptions>,
  ) => Promise<Awaited<ReturnType<typeof shareWeights>> & { packed: string; logger: ReturnType<typeof recorder> }>
}

/** Makes the artefact under `parent`. */
export async function makeSharing(parent: string, precision: Precision = 'fp32'): Promise<Sharing> {
  const info = await describeCheckpoint(SHARED_CHECKPOINT, { key: 'tiny' })
  const artefact = await prepareArtefact(info, { home: join(parent, 'home'), precision })
  let copies = 0
  return {
    info,
    artefact,
    fresh: async () => {
      const folder = join(parent, `${precision}-${copies++}`)
      await cp(artefact.folder, folder, { recursive: true })
      return folder
    },
    share: async (folder, options) => {
      const logger = recorder()
      const all = { threads: 1, logger, minBytes: 0, ...options }
      const found = await shareWeights(info, folder, artefact.manifest, all)
      return { ...found, packed: join(found.graph, '..'), logger }
    },
  }
}
