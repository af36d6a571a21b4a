/** Devices beside the CPU. What there is differs by machine: each case asks first, and holds what must then be true. */
import { describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../registry/index.js'
import { isStellaError } from '../../src/errors.js'
import { LoadedStellaModel } from '../../src/inference/loaded-stella-model.js'
import { EmbeddingPool } from '../../src/pool/embedding-pool.js'
import { DEVICES } from '../../src/runtime/devices.js'
import { engineFacts } from '../../src/runtime/session.js'
import { cosineSimilarity } from '../../src/vectors/similarity.js'

/** float32 on two devices: sums in another order, and another exponential. */
const MIN_COSINE_BETWEEN_DEVICES = 0.9999

const TEXTS = ['A cat sleeps on the warm roof.', 'short', 'a text of the flash path '.repeat(150)]

async function offered(): Promise<readonly string[]> {
  return (await engineFacts()).providers.map(({ name }) => name)
}

describe('a device', () => {
  const others = DEVICES.filter((device) => device !== 'auto' && device !== 'cpu')

  it.each(others)('%s gives the CPU’s vectors, or says why it cannot', { timeout: 60_000 }, async (device) => {
    const outcome = await LoadedStellaModel.load(STELLA_NANO, { device }).catch((error: unknown) => error)
    if (!(await offered()).includes(device)) {
      expect(outcome).toMatchObject({ code: 'OPTION_INVALID', details: { option: 'device' } })
    } else if (isStellaError(outcome)) {
      expect(outcome).toMatchObject({ code: 'MODEL_LOAD_FAILED', details: { model: STELLA_NANO.key, device } })
      expect(outcome.message).toContain("Or use `device: 'cpu'`")
    } else {
      await using elsewhere = outcome as LoadedStellaModel
      await using here = await LoadedStellaModel.load(STELLA_NANO, { precision: 'fp32' })
      expect(elsewhere).toMatchObject({ device, precision: 'fp32', weights: 'own' })
      const [there, expected] = [await elsewhere.batchEmbed(TEXTS), await here.batchEmbed(TEXTS)]
      for (const [i, vector] of there.embeddings.entries()) {
        expect(cosineSimilarity(vector, expected.embeddings[i] ?? [])).toBeGreaterThan(MIN_COSINE_BETWEEN_DEVICES)
      }
    }
  })

  it('is the CPU in a pool that names none, and each model says so', async () => {
    await using pool = await EmbeddingPool.open({ workers: 1, threads: 1 })
    const devices: string[] = []
    pool.on('modelLoaded', ({ device }) => devices.push(device))
    await pool.embed(STELLA_NANO, 'text')
    expect(devices).toEqual(['cpu'])
    expect(pool.stats().models).toMatchObject([{ device: 'cpu' }])
  })

  it('that the platform lacks is refused when a pool is opened', async () => {
    const missing = process.platform === 'win32' ? 'coreml' : 'dml'
    await expect(EmbeddingPool.open({ device: missing })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
