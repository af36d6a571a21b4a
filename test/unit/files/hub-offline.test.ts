import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

import { findInCache, pullFiles } from '../../../src/files/hub.js'
import { gitSha1Of, sha256Of, type FakeRepo } from '../../support/fake-hub.js'
import {
  OLD_NAME,
  REPO,
  emptyFolder,
  failureOf,
  hubOf,
  pinnedRequestFor,
  recorded,
  requestFor,
  tinyRepo,
} from '../../support/hub-fixture.js'

const repo = tinyRepo()
const endpoint = 'http://127.0.0.1:1'

/** What Python's huggingface_hub leaves after `snapshot_download(name, revision=…)`. */
async function pythonCache(cache: string, name: string, content: FakeRepo, branch?: string): Promise<string> {
  const root = join(cache, `models--${name.replace('/', '--')}`)
  const snapshot = join(root, 'snapshots', content.commit)
  await mkdir(join(root, 'blobs'), { recursive: true })
  await mkdir(join(root, '.no_exist', content.commit), { recursive: true })
  await mkdir(join(cache, '.locks', `models--${name.replace('/', '--')}`), { recursive: true })
  for (const [path, file] of Object.entries(content.files)) {
    const blob = join(root, 'blobs', file.lfs ? sha256Of(file.content) : gitSha1Of(file.content))
    const pointer = join(snapshot, path)
    await writeFile(blob, file.content)
    await mkdir(dirname(pointer), { recursive: true })
    await symlink(relative(dirname(pointer), blob), pointer)
  }
  if (branch !== undefined) {
    await mkdir(join(root, 'refs'), { recursive: true })
    await writeFile(join(root, 'refs', branch), content.commit)
  }
  return snapshot
}

describe('findInCache', () => {
  it('finds what Python downloaded, by commit and by branch', async () => {
    const cacheDir = await emptyFolder()
    const snapshot = await pythonCache(cacheDir, REPO, repo, 'main')
    expect(await findInCache(pinnedRequestFor(repo), { cacheDir, endpoint })).toBe(snapshot)
    expect(await findInCache(requestFor(repo, { revision: 'main' }), { cacheDir, endpoint })).toBe(snapshot)
  })

  it('finds it under an alias', async () => {
    const cacheDir = await emptyFolder()
    const snapshot = await pythonCache(cacheDir, OLD_NAME, repo, 'main')
    const settings = { cacheDir, endpoint }
    expect(await findInCache(requestFor(repo, { revision: 'main' }), settings)).toBeUndefined()
    const request = requestFor(repo, { revision: 'main', aliases: [OLD_NAME] })
    expect(await findInCache(request, settings)).toBe(snapshot)
  })

  it('finds plain files copied by hand, under a commit or a branch', async () => {
    const cacheDir = await emptyFolder()
    for (const revision of [repo.commit, 'main']) {
      const folder = join(cacheDir, 'models--NovaSearch--stella_tiny', 'snapshots', revision)
      for (const [path, { content }] of Object.entries(repo.files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true })
        await writeFile(join(folder, path), content)
      }
      expect(await findInCache(pinnedRequestFor(repo, { revision }), { cacheDir, endpoint })).toBe(folder)
    }
  })

  it.each([
    ['is missing', (path: string) => rm(path)],
    ['is empty', (path: string) => rm(path).then(() => writeFile(path, ''))],
    ['is a folder', (path: string) => rm(path).then(() => mkdir(path))],
    ['leads nowhere', (path: string) => rm(path).then(() => symlink('../../blobs/none', path))],
    ['leads to itself', (path: string) => rm(path).then(() => symlink('model.safetensors', path))],
  ])('does not find a snapshot in which a file %s', async (_what, damage) => {
    const cacheDir = await emptyFolder()
    const snapshot = await pythonCache(cacheDir, REPO, repo)
    await damage(join(snapshot, 'model.safetensors'))
    expect(await findInCache(requestFor(repo), { cacheDir, endpoint })).toBeUndefined()
  })

  it('does not find a snapshot in which a file has another size than the request says', async () => {
    const cacheDir = await emptyFolder()
    await pythonCache(cacheDir, REPO, repo)
    const files = [{ path: 'config.json', bytes: 3 }]
    expect(await findInCache(requestFor(repo, { files }), { cacheDir, endpoint })).toBeUndefined()
  })

  it.each(['not a commit', '../../../etc/passwd', 'A'.repeat(40), '', 'f'.repeat(500)])(
    'takes a ref that holds %j as none',
    async (content) => {
      const cacheDir = await emptyFolder()
      await pythonCache(cacheDir, REPO, repo, 'main')
      await writeFile(join(cacheDir, 'models--NovaSearch--stella_tiny', 'refs', 'main'), content)
      const request = requestFor(repo, { revision: 'main' })
      expect(await findInCache(request, { cacheDir, endpoint })).toBeUndefined()
    },
  )

  it('finds nothing in a cache that does not exist, and does not create it', async () => {
    const cacheDir = join(await emptyFolder(), 'none')
    expect(await findInCache(requestFor(repo), { cacheDir, endpoint })).toBeUndefined()
    await expect(readFile(cacheDir)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('offline', () => {
  it('uses what the cache holds of a branch, without a request', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const snapshot = await pythonCache(cache, OLD_NAME, repo, 'main')
    const request = requestFor(repo, { revision: 'main', aliases: [OLD_NAME] })
    const result = await pullFiles(request, recorded(hub.url, cache, { offline: true }).options)
    expect(result).toMatchObject({ folder: snapshot, repo: OLD_NAME, revision: repo.commit })
    expect(hub.log).toEqual([])
  })

  it('ends with what to copy where, without a request', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const snapshot = await pythonCache(cache, REPO, repo)
    await rm(join(snapshot, 'model.safetensors'))
    const error = await failureOf(pullFiles(requestFor(repo), recorded(hub.url, cache, { offline: true }).options))
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(error.message).toContain('HF_HUB_OFFLINE')
    expect(error.message).toContain(`copy into ${snapshot}, keeping subfolders: model.safetensors`)
    expect(error.details).toMatchObject({ offline: true, cacheFolder: snapshot, files: ['model.safetensors'] })
    expect(hub.log).toEqual([])
  })

  it('names the branch as revision where files were copied by hand under its name', async () => {
    const cache = await emptyFolder()
    const folder = join(cache, 'models--NovaSearch--stella_tiny', 'snapshots', 'refs', 'pr', '1')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'config.json'), '{}')
    const request = requestFor(repo, { revision: 'refs/pr/1', files: [{ path: 'config.json' }] })
    const result = await pullFiles(request, recorded(endpoint, cache, { offline: true }).options)
    expect(result).toMatchObject({ folder, revision: 'refs/pr/1' })
  })
})

describe('a cache that Python filled', () => {
  it('costs no request for a commit', async () => {
    const hub = await hubOf(repo)
    const cache = await emptyFolder()
    const snapshot = await pythonCache(cache, REPO, repo)
    const result = await pullFiles(pinnedRequestFor(repo), recorded(hub.url, cache).options)
    expect(result.folder).toBe(snapshot)
    expect(hub.log).toEqual([])
  })
})
