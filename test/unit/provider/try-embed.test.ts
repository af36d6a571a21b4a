/** Embedding that throws nothing. */
import { describe, expect, it, vi } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import type { ProviderEmbeddings } from '../../../src/provider/embedding-provider.js'
import { tryEmbed } from '../../../src/provider/try-embed.js'

const RESULT: ProviderEmbeddings = {
  ...{ embeddings: [new Float32Array([1, 0])], dimension: 2, model: 'm', usage: { tokens: 3 }, truncated: [false] },
}

describe('tryEmbed', () => {
  it('gives the result of a provider that succeeds, and hands over what it was given', async () => {
    const embed = vi.fn(() => Promise.resolve(RESULT))
    const outcome = await tryEmbed({ embed }, ['a'], { kind: 'query' })
    expect(outcome).toEqual({ ok: true, ...RESULT })
    expect(embed).toHaveBeenCalledExactlyOnceWith(['a'], { kind: 'query' })
  })

  it('gives the problem of one that fails', async () => {
    const embed = (): Promise<never> => Promise.reject(new StellaError('INPUT_INVALID', 'Text 0 is empty'))
    expect(await tryEmbed({ embed }, [''])).toEqual({
      ok: false,
      problem: expect.objectContaining({ code: 'INPUT_INVALID', status: 400, detail: 'Text 0 is empty' }) as object,
    })
  })

  it('gives the problem of one that throws at once, whatever it throws', async () => {
    const embed = (): never => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- a provider of somebody else's
      throw 'no'
    }
    expect(await tryEmbed({ embed }, ['a'])).toMatchObject({ ok: false, problem: { code: 'INTERNAL', detail: 'no' } })
  })
})
