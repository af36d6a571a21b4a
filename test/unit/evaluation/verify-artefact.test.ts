import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { verifyArtefact } from '../../../src/evaluation/verify-artefact.js'
import type { Manifest } from '../../../src/files/manifest.js'

async function artefact(files: Readonly<Record<string, string>>): Promise<{ folder: string; manifest: Manifest }> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-verify-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const entries: Manifest['files'] = {}
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text)
    entries[name] = { bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') }
  }
  return { folder, manifest: { files: entries } as Manifest }
}

describe('verifyArtefact', () => {
  it('passes whole files and reports the bytes it reads', async () => {
    const { folder, manifest } = await artefact({ a: 'one', b: 'three' })
    const progress: [number, number][] = []
    const results = await verifyArtefact(folder, manifest, { onProgress: (...report) => progress.push(report) })
    expect(results.map(({ name, status }) => [name, status])).toEqual([
      ['hash of a', 'passed'],
      ['hash of b', 'passed'],
    ])
    expect(progress).toEqual([
      [3, 8],
      [8, 8],
    ])
  })

  it('fails a file with one changed letter, one that is longer, and one that is gone', async () => {
    const { folder, manifest } = await artefact({ a: 'one', b: 'three', c: 'seven', d: 'whole' })
    await writeFile(join(folder, 'a'), 'onf')
    await writeFile(join(folder, 'b'), 'three!')
    await rm(join(folder, 'c'))
    const results = await verifyArtefact(folder, manifest)
    expect(results.map((result) => result.status)).toEqual(['failed', 'failed', 'failed', 'passed'])
    expect(results[0]?.detail).toMatch(/^SHA-256 [0-9a-f]{64}, 3 bytes; expected [0-9a-f]{64}, 3 bytes$/)
    expect(results[2]?.detail).toContain('ENOENT')
  })

  it.each(['../outside', '/etc/hostname', 'heads/../../outside', 'C:\\x', ''])(
    'does not follow the manifest to %j',
    async (name) => {
      const { folder, manifest } = await artefact({ a: 'one' })
      const results = await verifyArtefact(folder, {
        ...manifest,
        files: { [name]: { bytes: 3, sha256: '0'.repeat(64) } },
      })
      expect(results).toEqual([
        { name: `hash of ${name}`, status: 'failed', detail: 'the manifest names a file outside the artefact' },
      ])
    },
  )

  it('ends when it is aborted', async () => {
    const { folder, manifest } = await artefact({ a: 'one' })
    const signal = AbortSignal.abort()
    await expect(verifyArtefact(folder, manifest, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
