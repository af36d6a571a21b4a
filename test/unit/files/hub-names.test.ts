import { join, relative, isAbsolute } from 'node:path'
import { win32 } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { repoFolders, snapshotPath } from '../../../src/files/hub-cache.js'
import { checkPullRequest, type PullRequest } from '../../../src/files/hub-names.js'

const good: PullRequest = { repo: 'owner/name', revision: 'main', files: [{ path: 'config.json' }] }

function refusal(changes: Partial<PullRequest>): StellaError | undefined {
  try {
    checkPullRequest({ ...good, ...changes })
    return undefined
  } catch (error) {
    if (error instanceof StellaError) return error
    throw error
  }
}

describe('checkPullRequest', () => {
  it.each([
    'NovaSearch/stella_en_400M_v5',
    'dunzhang/stella_en_1.5B_v5',
    'a/b',
    '0xab/model-1.0_x',
    `o/${'n'.repeat(94)}`,
  ])('takes the repository %s', (repo) => {
    expect(refusal({ repo, aliases: [repo] })).toBeUndefined()
  })

  it.each([
    '',
    'name',
    'a/b/c',
    '/b',
    'a/',
    '../b',
    'a/..',
    'a/.b',
    'a/b.',
    'a-/b',
    'a--b/c',
    'a/b--c',
    'a/b..c',
    'a/b.git',
    'a b/c',
    'a\\b/c',
    'a/b\0',
    'a/b\n',
    'datasets/a/b',
    `o/${'n'.repeat(95)}`,
  ])('refuses the repository %j', (repo) => {
    expect(refusal({ repo })?.message).toContain('`repo`')
    expect(refusal({ aliases: [repo] })?.message).toContain('`aliases`')
  })

  it.each(['main', 'v1.0', 'refs/pr/1', 'a-b_c', 'f'.repeat(40)])('takes the revision %s', (revision) => {
    expect(refusal({ revision })).toBeUndefined()
  })

  it.each([
    '',
    '..',
    'a/../b',
    '/main',
    'main/',
    'a//b',
    './a',
    '-x',
    'a b',
    'a\\b',
    'a:b',
    'a~1',
    'a^',
    'a@{1}',
    'a\0',
    'x'.repeat(257),
  ])('refuses the revision %j', (revision) => {
    expect(refusal({ revision })?.code).toBe('OPTION_INVALID')
  })

  it.each(['config.json', '1_Pooling/config.json', 'a b.txt', 'ü/ä.json', '.gitattributes', 'a..b'])(
    'takes the path %s',
    (path) => {
      expect(refusal({ files: [{ path }] })).toBeUndefined()
    },
  )

  it.each([
    '',
    '.',
    '..',
    '../x',
    'a/../../x',
    '/x',
    'a//b',
    'a/',
    'C:x',
    'C:\\x',
    '\\\\host\\share',
    'a\\..\\x',
    'x\0',
    'a\nb',
    'x:stream',
    'é'.repeat(128),
    'a/'.repeat(512) + 'b',
  ])('refuses the path %j', (path) => {
    const error = refusal({ files: [{ path }] })
    expect(error?.code).toBe('OPTION_INVALID')
    expect(error?.details).toMatchObject({ option: 'files[].path', given: path })
  })

  it('refuses no file, too many, and one twice', () => {
    expect(refusal({ files: [] })?.message).toContain('1 to 1024')
    const many = Array.from({ length: 1025 }, (_, index) => ({ path: `f${index}` }))
    expect(refusal({ files: many })?.message).toContain('"1025"')
    expect(refusal({ files: [{ path: 'a' }, { path: 'a' }] })?.message).toContain('once')
    expect(refusal({ aliases: Array.from({ length: 17 }, (_, index) => `a/b${index}`) })?.message).toContain('16')
  })

  it.each([
    { bytes: -1 },
    { bytes: 1.5 },
    { bytes: Number.NaN },
    { bytes: 1e15 },
    { sha256: 'x' },
    { sha256: 'A'.repeat(64) },
  ])('refuses the facts %j', (facts) => {
    expect(refusal({ files: [{ path: 'a', ...facts }] })?.code).toBe('OPTION_INVALID')
  })

  it('lets nothing through that leaves the cache, under either system’s rules', () => {
    const segment = fc.oneof(
      fc.constantFrom('..', '.', '', '/', '\\', 'C:', '\0', 'a', '..\\', ' '),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    )
    const path = fc.array(segment, { maxLength: 5 }).map((parts) => parts.join('/'))
    fc.assert(
      fc.property(path, path, path, (repo, revision, file) => {
        for (const name of [repo, `a${repo}`]) {
          if (refusal({ repo: name }) === undefined) expectInside('/cache', repoFolders('/cache', name).root)
        }
        if (refusal({ revision, files: [{ path: file }] }) !== undefined) return
        expectInside('/cache', snapshotPath('/cache', revision))
        expectInside('/cache', snapshotPath('/cache', file))
        expect(win32.isAbsolute(file)).toBe(false)
        expect(win32.relative('C:\\cache', win32.join('C:\\cache', file)).startsWith('..')).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })
})

function expectInside(folder: string, path: string): void {
  const from = relative(folder, join(path))
  expect(from === '' || from.split('/')[0] === '..' || isAbsolute(from), path).toBe(false)
}
