import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { gitBlobSha1File, sha256File } from '../../../src/files/hash.js'
import { emptyFolder, failureOf, noise } from '../../support/hub-fixture.js'

describe('sha256File', () => {
  it('agrees with a hash over the whole content', async () => {
    const path = join(await emptyFolder(), 'file')
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (content) => {
        await writeFile(path, content)
        const expected = createHash('sha256').update(content).digest('hex')
        expect(await sha256File(path)).toEqual({ sha256: expected, bytes: content.length })
      }),
      { numRuns: 30 },
    )
  })

  it('reports bytes chunk by chunk up to the size', async () => {
    const path = join(await emptyFolder(), 'file')
    await writeFile(path, noise(2_500_000, 1))
    const seen: number[] = []
    const { bytes } = await sha256File(path, { onBytes: (count) => seen.push(count) })
    expect(bytes).toBe(2_500_000)
    expect(seen).toEqual([1_048_576, 2_097_152, 2_500_000])
  })

  it('knows the published hash of nothing', async () => {
    const path = join(await emptyFolder(), 'file')
    await writeFile(path, '')
    // FIPS 180-4 example values.
    const expected = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    expect((await sha256File(path)).sha256).toBe(expected)
  })

  it('stops in the middle on abort', async () => {
    const path = join(await emptyFolder(), 'file')
    await writeFile(path, noise(3_000_000, 1))
    const controller = new AbortController()
    const seen: number[] = []
    const hashing = sha256File(path, {
      signal: controller.signal,
      onBytes: (bytes) => {
        seen.push(bytes)
        controller.abort()
      },
    })
    const error = await failureOf(hashing)
    expect(error.code).toBe('ABORTED')
    expect(error.message).toContain(path)
    expect(seen.length).toBeLessThan(3)
  })

  it('does not open the file of an aborted call', async () => {
    expect((await failureOf(sha256File('/none', { signal: AbortSignal.abort() }))).code).toBe('ABORTED')
  })

  it('throws the error of the file system', async () => {
    await expect(sha256File('/none')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('gitBlobSha1File', () => {
  it.each([
    // `git hash-object` of these contents; the first is git's well-known empty blob.
    ['', 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'],
    ['hello\n', 'ce013625030ba8dba906f756967f9e9ca394464a'],
  ])('of %j is what git says', async (content, expected) => {
    const path = join(await emptyFolder(), 'file')
    await writeFile(path, content)
    expect(await gitBlobSha1File(path, content.length)).toBe(expected)
  })
})
