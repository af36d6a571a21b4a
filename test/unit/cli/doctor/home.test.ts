/** The folder of converted models in every state that it can be in, and the cache of downloads. */
import { chmod, mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { describe, expect, it, onTestFinished } from 'vitest'

import { STELLA_EN_400M_V5, STELLA_NANO } from '../../../../registry/index.js'
import { checkCache } from '../../../../src/cli/doctor/checks/cache.js'
import { checkHome, describeSpace } from '../../../../src/cli/doctor/checks/home.js'
import { checkLeftovers } from '../../../../src/cli/doctor/checks/leftovers.js'
import { partialPath } from '../../../../src/files/atomic.js'
import { LOCK_STALE_MS, withFileLock } from '../../../../src/files/file-lock.js'
import { emptyFolder } from '../cli-io.js'
import { findingsOf, only } from './context.js'

/** Rights say nothing to the superuser: what depends on them is also tried by a process of another user (integration). */
const asUser = it.skipIf(process.getuid?.() === 0)

const DEAD = new Date(Date.now() - 10 * LOCK_STALE_MS)

async function homeFinding(home: string | undefined, env: Record<string, string> = {}) {
  return only(await findingsOf(checkHome, { home, env }), 'home.folder')
}

describe('the folder of converted models', () => {
  it('that can be read and written is fine, and nothing is left in it', async () => {
    const home = await emptyFolder()
    expect(await homeFinding(home)).toMatchObject({ status: 'ok', facts: { writable: true } })
    expect(await readdir(home)).toEqual([])
  })

  it('that is not there yet is fine, unless somebody named it: then it may be misspelt', async () => {
    const home = join(await emptyFolder(), 'not', 'yet')
    expect(await homeFinding(home)).toMatchObject({ status: 'ok' })
    expect(await homeFinding(home, { STELLA_HOME: home })).toMatchObject({ status: 'note', facts: { exists: false } })
    await expect(readdir(dirname(home))).rejects.toThrow('ENOENT')
  })

  it('that is a file, or lies below one, is a problem', async () => {
    const file = join(await emptyFolder(), 'file')
    await writeFile(file, '')
    expect(await homeFinding(file)).toMatchObject({ status: 'problem', summary: `${file} is no folder` })
    expect(await homeFinding(join(file, 'below'))).toMatchObject({ status: 'problem' })
  })

  it('that nobody can name is a problem', async () => {
    expect(await findingsOf(checkHome)).toMatchObject([{ id: 'home.folder', status: 'problem' }])
  })

  it('a link that leads nowhere, or to itself, is a problem or a folder to make', async () => {
    const folder = await emptyFolder()
    await symlink(join(folder, 'itself'), join(folder, 'itself'))
    expect(await homeFinding(join(folder, 'itself'))).toMatchObject({ status: 'problem' })
  })

  it.runIf(process.platform === 'linux')('on a file system that takes no files is a problem', async () => {
    expect(await homeFinding('/proc/self/fd')).toMatchObject({ status: 'problem', facts: { writable: false } })
  })

  asUser('that may not be read is a problem', async () => {
    const home = await emptyFolder()
    await chmod(home, 0o300)
    onTestFinished(() => chmod(home, 0o700))
    expect(await homeFinding(home)).toMatchObject({ status: 'problem' })
  })

  asUser('that may only be read is a warning where there are models in it, else a problem', async () => {
    const home = await emptyFolder()
    await mkdir(join(home, 'artefacts', 'some-model'), { recursive: true })
    await chmod(home, 0o500)
    onTestFinished(() => chmod(home, 0o700))
    expect(await homeFinding(home)).toMatchObject({ status: 'warning' })
  })

  it('says how much room there is, and on which file system', async () => {
    const home = join(await emptyFolder(), 'not', 'yet')
    const { facts } = only(await findingsOf(checkHome, { home }), 'home.space')
    expect(facts['free']).toBeGreaterThan(0)
    expect(facts['size']).toBeGreaterThanOrEqual(Number(facts['free']))
  })

  const mount = (type: string) => ({ point: '/x', type, readOnly: false })

  it.each([
    [1e9, undefined, 'warning', /little/],
    [1e9, mount('tmpfs'), 'warning', /little/],
    [50e9, mount('tmpfs'), 'note', /gone when/],
    [50e9, mount('overlay'), 'note', /gone when/],
    [50e9, mount('nfs4'), 'note', /behind a network/],
    [50e9, mount('fuse.s3fs'), 'note', /behind a network/],
    [50e9, mount('fuseblk'), 'ok', /50\.00 GB free/],
    [50e9, mount('ext4'), 'ok', /on ext4, mounted at \/x/],
    [50e9, undefined, 'ok', /free of 100\.00 GB$/],
  ])('%d bytes on %j is %s', (free, on, status, summary) => {
    const finding = describeSpace('/x/home', free, 100e9, on)
    expect(finding.status).toBe(status)
    expect(finding.summary).toMatch(summary)
  })
})

describe('what interrupted work has left', () => {
  async function home(): Promise<{ readonly home: string; readonly artefact: string }> {
    const folder = await emptyFolder()
    const artefact = join(folder, 'artefacts', 'some-model', 'abc-int8')
    await mkdir(join(artefact, 'packed'), { recursive: true })
    return { home: folder, artefact }
  }

  it('is nothing, in a folder that is not there as in one that is in order', async () => {
    const { home: folder, artefact } = await home()
    await writeFile(join(artefact, 'manifest.json'), '{}')
    await mkdir(join(artefact, 'packed', '1.30.0-0123456789abcdef'))
    for (const one of [folder, join(folder, 'nowhere'), undefined]) {
      expect(await findingsOf(checkLeftovers, { home: one })).toMatchObject([{ status: 'ok' }])
    }
  })

  it('a lock whose owner is dead is noted, and taken over by whoever needs it', async () => {
    const { home: folder, artefact } = await home()
    const locks = [`${artefact}.lock`, join(artefact, 'packed', 'packing.lock')]
    for (const lock of locks) {
      await mkdir(lock)
      await utimes(lock, DEAD, DEAD)
    }
    const findings = await findingsOf(checkLeftovers, { home: folder })
    expect(findings.map(({ status, subject }) => [status, subject])).toEqual([
      ['note', locks[1]],
      ['note', locks[0]],
    ])
    expect(findings[0]?.summary).toMatch(/by a process that is gone: it was last renewed 200 s|3 minutes ago/)
    // The advice is true.
    await withFileLock(artefact, {}, () => Promise.resolve())
  })

  it('a lock that is held is no leftover, nor is what is written under it', async () => {
    const { home: folder, artefact } = await home()
    const partial = partialPath(artefact)
    await mkdir(partial)
    await withFileLock(artefact, {}, async () => {
      const findings = await findingsOf(checkLeftovers, { home: folder })
      expect(findings.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok'])
      expect(findings.map(({ subject }) => subject)).toContain(partial)
    })
  })

  it('what nobody finished is a warning with its size, wherever it lies', async () => {
    const { home: folder, artefact } = await home()
    const partials = [
      partialPath(artefact),
      join(artefact, `manifest.json.${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}.partial`),
      partialPath(join(artefact, 'packed', '1.30.0-0123456789abcdef')),
    ]
    await mkdir(join(partials[0] ?? '', 'heads'), { recursive: true })
    await writeFile(join(partials[0] ?? '', 'heads', 'x'), Buffer.alloc(5000))
    await writeFile(partials[1] ?? '', 'half')
    await mkdir(partials[2] ?? '')
    const findings = await findingsOf(checkLeftovers, { home: folder })
    expect(findings.map(({ status }) => status)).toEqual(['warning', 'warning', 'warning'])
    expect(new Set(findings.map(({ subject }) => subject))).toEqual(new Set(partials))
    expect(findings.find(({ subject }) => subject === partials[0])).toMatchObject({ facts: { bytes: 5000 } })
  })

  it('follows no link out of the folder, and takes a file for no model', async () => {
    const { home: folder } = await home()
    const outside = await emptyFolder()
    await mkdir(join(outside, 'x.lock'))
    await symlink(outside, join(folder, 'artefacts', 'linked'))
    await writeFile(join(folder, 'artefacts', 'file.lock'), '')
    expect(await findingsOf(checkLeftovers, { home: folder })).toMatchObject([{ status: 'ok' }])
  })

  it('a lock of a download whose owner is dead is noted, too', async () => {
    const cacheDir = await emptyFolder()
    const lock = join(cacheDir, '.locks', 'models--NovaSearch--stella_en_400M_v5', 'stella-pool.lock')
    await mkdir(lock, { recursive: true })
    await utimes(lock, DEAD, DEAD)
    expect(await findingsOf(checkLeftovers, { cacheDir })).toMatchObject([{ status: 'note', subject: lock }])
  })
})

describe('the Hugging Face cache', () => {
  const models = [STELLA_NANO, STELLA_EN_400M_V5]

  it('that is not there yet is fine; a model that is not in it is a note, and a warning where it was named', async () => {
    const cacheDir = join(await emptyFolder(), 'hub')
    const findings = await findingsOf(checkCache, { cacheDir, models })
    expect(findings.map(({ id, subject, status }) => [id, subject, status])).toEqual([
      ['hub.cache', null, 'ok'],
      ['model.checkpoint', 'stella-nano', 'ok'],
      ['model.checkpoint', 'stella-en-400m-v5', 'note'],
    ])
    const named = await findingsOf(checkCache, { cacheDir, models: [STELLA_EN_400M_V5], named: true })
    expect(only(named, 'model.checkpoint')).toMatchObject({ status: 'warning' })
    expect(only(named, 'model.checkpoint').advice).toContain('stella pull stella-en-400m-v5')
    expect(await readdir(dirname(cacheDir))).toEqual([])
  })

  it('counts what was downloaded', async () => {
    const cacheDir = await emptyFolder()
    await mkdir(join(cacheDir, 'models--a--b'))
    expect(only(await findingsOf(checkCache, { cacheDir, models: [] }), 'hub.cache')).toMatchObject({
      status: 'ok',
      facts: { repositories: 1, writable: true },
    })
  })

  it('that is a file is a problem, and so is one that nobody can name', async () => {
    const file = join(await emptyFolder(), 'file')
    await writeFile(file, '')
    expect(only(await findingsOf(checkCache, { cacheDir: file, models: [] }), 'hub.cache').status).toBe('problem')
    expect(only(await findingsOf(checkCache, {}), 'hub.cache').status).toBe('problem')
  })

  it('a checkpoint folder that is gone is a warning', async () => {
    const folder = await emptyFolder()
    await rm(folder, { recursive: true })
    const gone = { ...STELLA_NANO, key: 'gone', source: { kind: 'folder', path: folder } } as const
    const findings = await findingsOf(checkCache, { cacheDir: await emptyFolder(), models: [gone] })
    expect(only(findings, 'model.checkpoint')).toMatchObject({ status: 'warning', subject: 'gone' })
  })
})
