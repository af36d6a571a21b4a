import { readFile, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { pullFiles } from '../../../src/files/hub.js'
import { gitSha1Of, sha256Of } from '../../support/fake-hub.js'
import {
  OLD_NAME,
  REPO,
  WEIGHTS,
  emptyFolder,
  failureOf,
  hubOf,
  pinnedRequestFor,
  recorded,
  requestFor,
  tinyRepo,
} from '../../support/hub-fixture.js'

const repo = tinyRepo()

async function expectContents(folder: string): Promise<void> {
  for (const [path, { content }] of Object.entries(repo.files)) {
    expect((await readFile(join(folder, path))).equals(content), path).toBe(true)
  }
}

/** A server that gives each request to `reply`, and its address. */
async function serverOf(
  reply: (url: string) => { status: number; headers?: Record<string, string>; body?: string },
): Promise<string> {
  const server = createServer((request, response) => {
    const { status, headers = {}, body = '' } = reply(request.url ?? '')
    response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('an endpoint with a path', () => {
  it('is used for the API and the files', async () => {
    const hub = await hubOf(repo, { prefix: '/mirror/hf' })
    const { options } = recorded(`${hub.url}/`, await emptyFolder())
    const { folder } = await pullFiles(requestFor(repo, { revision: 'main' }), options)
    await expectContents(folder)
    expect(
      hub.log.filter((entry) => entry.origin === 'hub').every((entry) => entry.url.startsWith('/mirror/hf/')),
    ).toBe(true)
  })
})

describe('a mirror without the API', () => {
  it.each(['main', repo.commit])('is asked for each file at %s, with the same result', async (revision) => {
    const hub = await hubOf(repo, { api: false })
    const cache = await emptyFolder()
    const result = await pullFiles(pinnedRequestFor(repo, { revision }), recorded(hub.url, cache).options)
    expect(result.revision).toBe(repo.commit)
    await expectContents(result.folder)
    const blobs = Object.values(repo.files).map((file) => (file.lfs ? sha256Of(file.content) : gitSha1Of(file.content)))
    const names = await readdir(join(cache, 'models--NovaSearch--stella_tiny', 'blobs'))
    expect(names.sort()).toEqual(blobs.sort())
    // The headers come from the hub itself: the storage is only asked for bytes.
    expect(hub.log.filter((entry) => entry.origin === 'storage').every((entry) => entry.method === 'GET')).toBe(true)
  })

  it('still verifies what it sends', async () => {
    const hub = await hubOf(repo, { api: false })
    const wrong = Buffer.from(WEIGHTS)
    wrong[0] = (wrong[0] ?? 0) ^ 1
    hub.order('model.safetensors', { content: wrong }, 5)
    const error = await failureOf(pullFiles(requestFor(repo), recorded(hub.url, await emptyFolder()).options))
    expect(error.message).toContain(sha256Of(wrong))
  })

  it('that refuses the token ends the pull, naming the file', async () => {
    const hub = await hubOf(repo, { api: false, token: 'right' })
    const error = await failureOf(
      pullFiles(requestFor(repo), recorded(hub.url, await emptyFolder(), { token: 'wrong' }).options),
    )
    expect(error.details).toMatchObject({ status: 401, file: 'config.json' })
  })

  it('that has moved the repository is followed', async () => {
    const hub = await hubOf(repo, { api: false, renamed: { [OLD_NAME]: REPO } })
    const request = requestFor(repo, { repo: OLD_NAME })
    const { folder } = await pullFiles(request, recorded(hub.url, await emptyFolder()).options)
    await expectContents(folder)
  })

  it.each([
    ['no commit', { etag: '"abc"', 'content-length': '0' }, 'X-Repo-Commit'],
    ['an ETag that is a path', { 'x-repo-commit': repo.commit, etag: '"../../../x"' }, 'ETag'],
    ['a hidden file as ETag', { 'x-repo-commit': repo.commit, etag: '".x"' }, 'ETag'],
    ['no length', { 'x-repo-commit': repo.commit, etag: '"abc"', 'x-linked-size': '-1' }, 'X-Linked-Size'],
    [
      'a length beyond all files',
      { 'x-repo-commit': repo.commit, etag: '"a"', 'x-linked-size': '9'.repeat(15) },
      'X-Linked-Size',
    ],
  ])('that answers with %s is no hub', async (_what, headers, named) => {
    const url = await serverOf((path) => (path.startsWith('/api/') ? { status: 404 } : { status: 200, headers }))
    const request = requestFor(repo, { revision: 'main' })
    const error = await failureOf(pullFiles(request, recorded(url, await emptyFolder()).options))
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(error.message).toContain('does not answer as a Hugging Face hub does')
    expect(error.message).toContain(named)
  })

  it('does not have the length of a redirect taken for that of the file', async () => {
    const redirect = { location: 'https://storage.test/x', 'content-length': '5' }
    const headers = { 'x-repo-commit': repo.commit, etag: '"abc"', ...redirect }
    const url = await serverOf((path) =>
      path.startsWith('/api/') ? { status: 404 } : { status: 302, headers, body: 'Found' },
    )
    const error = await failureOf(pullFiles(requestFor(repo), recorded(url, await emptyFolder()).options))
    expect(error.message).toContain('X-Linked-Size')
  })

  it('that redirects for ever is left', async () => {
    const url = await serverOf((path) =>
      path.startsWith('/api/') ? { status: 404 } : { status: 307, headers: { location: `${path}x` } },
    )
    const error = await failureOf(pullFiles(requestFor(repo), recorded(url, await emptyFolder()).options))
    expect(error.message).toContain('more than 5 redirects')
  })
})

describe('an API that answers nonsense', () => {
  const json = { 'content-type': 'application/json' }

  it.each([
    ['HTML', '<html>'],
    ['an object', '{}'],
    ['null', 'null'],
    ['an array of null', '[null]'],
    ['a file without a size', '[{"type":"file","path":"config.json","oid":"' + 'a'.repeat(40) + '"}]'],
    ['a negative size', '[{"type":"file","path":"config.json","size":-1,"oid":"' + 'a'.repeat(40) + '"}]'],
    ['a huge size', '[{"type":"file","path":"config.json","size":1e300,"oid":"' + 'a'.repeat(40) + '"}]'],
    ['an oid that is a path', '[{"type":"file","path":"config.json","size":1,"oid":"../../../../x"}]'],
    ['an LFS oid that is no hash', '[{"type":"file","path":"config.json","size":1,"lfs":{"oid":"x","size":1}}]'],
    ['an LFS entry of null', '[{"type":"file","path":"config.json","size":1,"lfs":{"oid":null,"size":null}}]'],
  ])('(%s) ends the pull', async (_what, body) => {
    const url = await serverOf(() => ({ status: 200, headers: json, body }))
    const error = await failureOf(pullFiles(requestFor(repo), recorded(url, await emptyFolder()).options))
    expect(error.code).toBe('DOWNLOAD_FAILED')
    expect(error.message).toContain('does not answer as a Hugging Face hub does')
  })

  it.each(['{}', '{"sha":null}', '{"sha":"../../x"}', '[]', '"x"'])(
    'as a revision (%s) ends the pull',
    async (body) => {
      const url = await serverOf(() => ({ status: 200, headers: json, body }))
      const request = requestFor(repo, { revision: 'main' })
      const error = await failureOf(pullFiles(request, recorded(url, await emptyFolder()).options))
      expect(error.message).toContain('does not answer as a Hugging Face hub does')
    },
  )

  it('and repeats the token does not bring it into the error', async () => {
    const url = await serverOf(() => ({ status: 200, headers: json, body: 'mirror-token' }))
    const { options } = recorded(url, await emptyFolder(), { token: 'mirror-token' })
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(`${error.stack ?? ''} ${String(error.cause)} ${JSON.stringify(error.details)}`).not.toContain('mirror-token')
  })

  it('without end is cut off', async () => {
    const url = await serverOf(() => ({ status: 200, headers: json, body: '['.repeat(9 * 1024 * 1024) }))
    const error = await failureOf(pullFiles(requestFor(repo), recorded(url, await emptyFolder()).options))
    expect(error.message).toContain('more than 8388608 bytes of metadata')
    expect(error.details['attempts']).toBe(1)
  })

  it('of a file in Xet storage without LFS facts is completed from its headers', async () => {
    const hub = await hubOf(repo)
    const body = JSON.stringify([
      { type: 'file', path: 'model.safetensors', size: WEIGHTS.length, oid: 'a'.repeat(40), xetHash: 'b'.repeat(64) },
    ])
    hub.order('api', { content: body, headers: json })
    const request = requestFor(repo, { files: [{ path: 'model.safetensors' }] })
    const { folder } = await pullFiles(request, recorded(hub.url, await emptyFolder()).options)
    expect((await readFile(join(folder, 'model.safetensors'))).equals(WEIGHTS)).toBe(true)
    expect(hub.log.filter((entry) => entry.kind === 'head')).toHaveLength(1)
  })
})
