/** An artefact that strays too far from fp32 is not loaded, in this thread or by a pool. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { StellaModelInfo } from '../../../registry/types.js'
import { FIDELITY_BARS } from '../../../src/convert/fidelity-bars.js'
import type { Artefact } from '../../../src/convert/prepare.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { EmbeddingPool } from '../../../src/pool/embedding-pool.js'
import { failureOf } from '../../support/failure.js'
import { FEW_TEXTS, calmModel, hardModel } from '../../support/quantisable.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { editJson } from '../../support/tiny-checkpoint.js'

const temporary = temporaryFolder()
const home = join(temporary.path, 'home')
afterAll(() => temporary.remove())

let calm: StellaModelInfo
let hard: StellaModelInfo
let good: Artefact
let bad: Artefact

beforeAll(async () => {
  calm = await calmModel(temporary.path, 'calm')
  hard = await hardModel(temporary.path, 'hard')
  const options = { home, precision: 'int8', calibration: FEW_TEXTS } as const
  good = await prepareArtefact(calm, options)
  bad = await prepareArtefact(hard, options)
})

let copies = 0
/** A copy of the good artefact with another `fidelity`. */
async function withFidelity(fidelity: unknown): Promise<string> {
  const folder = join(temporary.path, `copy-${copies++}`)
  await cp(good.folder, folder, { recursive: true })
  await editJson(join(folder, 'manifest.json'), { fidelity })
  return folder
}

const loadFrom = (artefact: string) => LoadedStellaModel.load(calm, { artefact, threads: 1 })

describe('an artefact under its bar', () => {
  it('is made, and refused by a load with its figures and what to do', async () => {
    expect(bad.converted).toBe(true)
    const error = await failureOf(() => LoadedStellaModel.load(hard, { home, precision: 'int8', threads: 1 }))
    expect(error.code).toBe('FIDELITY_TOO_LOW')
    expect(error.message).toContain('lowest cosine')
    expect(error.message).toContain("precision: 'fp32'")
    expect(error.details).toMatchObject({ model: 'hard', precision: 'int8', bar: FIDELITY_BARS.int8 })
    expect(error.details).toMatchObject({ minCosine: bad.manifest.fidelity?.minCosine })
  })

  it('is refused by a pool, which gives the memory back and goes on', async () => {
    await using pool = await EmbeddingPool.open({ home, precision: 'int8', workers: 1, memory: '2GB' })
    const error = await failureOf(() => pool.embed(hard, 'quick brown fox'))
    expect(error.code).toBe('FIDELITY_TOO_LOW')
    expect(pool.stats().memory.granted).toBe(0)
    expect((await pool.embed(calm, 'quick brown fox')).embedding).toHaveLength(calm.defaultDimensions)
  })

  it.each(['minCosine', 'meanCosine', 'topTenOverlap'] as const)(
    'is one whose %s misses it by a hair',
    async (figure) => {
      const bar = { ...good.manifest.fidelity, ...FIDELITY_BARS.int8 }
      await using model = await loadFrom(await withFidelity(bar))
      expect(model.info.key).toBe('calm')
      const under = await withFidelity({ ...bar, [figure]: bar[figure] - 1e-6 })
      const error = await failureOf(() => loadFrom(under))
      expect(error).toMatchObject({ code: 'FIDELITY_TOO_LOW', details: { failed: [figure] } })
    },
  )
})

it('an int8 artefact that was never compared with fp32 is not loaded', async () => {
  const folder = await withFidelity(null)
  const error = await failureOf(() => loadFrom(folder))
  expect(error.code).toBe('FIDELITY_TOO_LOW')
  expect(error.message).toContain('was never compared with fp32')
})

it('figures that are no cosines make no manifest', async () => {
  const folder = await withFidelity({ ...good.manifest.fidelity, minCosine: 2 })
  expect((await failureOf(() => loadFrom(folder))).code).toBe('ARTEFACT_INVALID')
})
