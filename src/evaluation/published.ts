/** Finds the published numbers that apply to an artefact: those of the weights it was made from, by their hash. */
import { STELLA_EN_1_5B_V5, STELLA_EN_400M_V5 } from '../../registry/index.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { Manifest } from '../files/manifest.js'
import type { PublishedCheck } from './published/check.js'
import { STELLA_EN_1_5B_V5_CHECKS } from './published/stella-en-1.5b-v5.js'
import { STELLA_EN_400M_V5_CHECKS } from './published/stella-en-400m-v5.js'

const PUBLISHED: readonly { readonly info: StellaModelInfo; readonly checks: readonly PublishedCheck[] }[] = [
  { info: STELLA_EN_400M_V5, checks: STELLA_EN_400M_V5_CHECKS },
  { info: STELLA_EN_1_5B_V5, checks: STELLA_EN_1_5B_V5_CHECKS },
]

/** File whose hash tells the weights. */
const WEIGHTS = 'model.safetensors'

/**
 * Checks for the weights in `manifest`; none where nobody published anything about them. A fine-tune of the same shape
 * has other numbers, whatever it is called, and a copy of the real weights has these.
 */
export function publishedChecks({ sources }: Pick<Manifest, 'sources'>): readonly PublishedCheck[] {
  const weights = sources[WEIGHTS]
  const found = PUBLISHED.find(({ info }) => {
    const pinned = info.files.find((file) => file.path === WEIGHTS)?.sha256
    return pinned !== undefined && pinned === weights
  })
  return found?.checks ?? []
}
