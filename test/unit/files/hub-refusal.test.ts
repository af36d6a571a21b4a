import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { HubFailure } from '../../../src/files/hub-failure.js'
import { pullFiles } from '../../../src/files/hub.js'
import {
  REPO,
  deadEndpoint,
  emptyFolder,
  failureOf,
  hubOf,
  recorded,
  requestFor,
  tinyRepo,
} from '../../support/hub-fixture.js'

const repo = tinyRepo()
const FILE = 'model.safetensors'
const paths = Object.keys(repo.files)
const TOKEN = 'mirror-token-7f3a'

describe('the error of a failed pull', () => {
  it('is a problem that says what to copy where', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { status: 503 }, 10)
    const cache = await emptyFolder()
    const error = await failureOf(pullFiles(requestFor(repo), recorded(hub.url, cache, { retries: 1 }).options))
    const problem = error.toProblemDetails()
    const folder = join(cache, 'models--NovaSearch--stella_tiny', 'snapshots', repo.commit)
    expect(problem).toMatchObject({ code: 'DOWNLOAD_FAILED', status: 502, title: 'Download failed' })
    // The first three files are there already.
    const missing = paths.slice(3)
    expect(problem.details).toMatchObject({
      repo: REPO,
      revision: repo.commit,
      file: FILE,
      status: 503,
      endpoint: hub.url,
      cacheFolder: folder,
      files: missing,
      attempts: 2,
    })
    expect(problem.detail).toContain(`copy into ${folder}, keeping subfolders: ${missing.join(', ')}`)
    expect(problem.detail).toContain('tried 2 times')
    expect(JSON.parse(JSON.stringify(problem))).toEqual(problem)
  })

  it('names a folder that is looked in, for a branch nobody recorded as well', async () => {
    const cache = await emptyFolder()
    const request = requestFor(repo, { revision: 'main' })
    const { options } = recorded(await deadEndpoint(), cache, { retries: 0 })
    const error = await failureOf(pullFiles(request, options))
    expect(error.details).toMatchObject({
      cacheFolder: join(cache, 'models--NovaSearch--stella_tiny', 'snapshots', 'main'),
      files: paths,
    })
  })

  it('names at most twenty files in its message and all in its details', async () => {
    const files = Array.from({ length: 30 }, (_, index) => ({ path: `part-${index}.safetensors` }))
    const hub = await hubOf(repo)
    const error = await failureOf(
      pullFiles(requestFor(repo, { files }), recorded(hub.url, await emptyFolder()).options),
    )
    expect(error.message).toContain('part-19.safetensors and 10 more')
    expect(error.details['files']).toHaveLength(30)
  })

  it('carries the reason as its cause', async () => {
    const { options } = recorded(await deadEndpoint(), await emptyFolder(), { retries: 0 })
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(error.cause).toBeInstanceOf(HubFailure)
    expect(error.details['networkCode']).toBe('ECONNREFUSED')
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.message).toContain('HF_ENDPOINT')
  })
})

describe('a refusal', () => {
  it('401 without a token says so and names the variable', async () => {
    const hub = await hubOf(repo, { token: TOKEN })
    const { options, waits } = recorded(hub.url, await emptyFolder())
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(error.message).toContain('No token was sent: set HF_TOKEN')
    expect(error.message).toContain('Invalid username or password.')
    expect(error.details).toMatchObject({ status: 401, tokenSent: false, hubCode: 'RepoNotFound', attempts: 1 })
    expect(waits).toEqual([])
  })

  it('401 with a token says that it was refused, and never prints it', async () => {
    const hub = await hubOf(repo, { token: 'another' })
    const { options } = recorded(hub.url, await emptyFolder(), { token: TOKEN })
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(error.message).toContain('The token that was sent was refused')
    expect(error.details).toMatchObject({ status: 401, tokenSent: true })
    expect(printed(error)).not.toContain(TOKEN)
  })

  it('that repeats the token is cleaned of it', async () => {
    const hub = await hubOf(repo)
    hub.order('api', { status: 403, headers: { 'X-Error-Message': `bad ${TOKEN}`, 'X-Error-Code': TOKEN } })
    const { options } = recorded(hub.url, await emptyFolder(), { token: TOKEN })
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(error.message).toContain('bad ***')
    expect(printed(error)).not.toContain(TOKEN)
  })

  it.each([
    [undefined, 'No token was sent'],
    [TOKEN, 'The token that was sent may not read'],
  ])('403 of a gated model with token %s says what to accept and set', async (token, text) => {
    const hub = await hubOf(repo)
    hub.order('api', { status: 403, headers: { 'X-Error-Code': 'GatedRepo' } })
    const { options } = recorded(hub.url, await emptyFolder(), { token })
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(error.message).toContain(text)
    expect(error.message).toContain('terms')
    expect(error.message).toContain('HF_TOKEN')
    expect(error.details).toMatchObject({ status: 403, hubCode: 'GatedRepo', attempts: 1 })
  })

  it.each([
    ['repository', { repo: 'NovaSearch/none' }, 'RepoNotFound'],
    ['revision', { revision: 'f'.repeat(40) }, 'RevisionNotFound'],
    ['branch', { revision: 'develop' }, 'RevisionNotFound'],
  ])('404 of an unknown %s names it', async (_what, changes, hubCode) => {
    const hub = await hubOf(repo)
    const { options, waits } = recorded(hub.url, await emptyFolder())
    const error = await failureOf(pullFiles(requestFor(repo, changes), options))
    expect(error.message).toContain(Object.values(changes)[0])
    expect(error.details).toMatchObject({ status: 404, hubCode, attempts: 1 })
    expect(waits).toEqual([])
  })

  it.each(['none.json', '1_Pooling'])('of a path that is no file (%s) names it', async (path) => {
    const hub = await hubOf(repo)
    const error = await failureOf(
      pullFiles(requestFor(repo, { files: [{ path }] }), recorded(hub.url, await emptyFolder()).options),
    )
    expect(error.details).toMatchObject({ file: path, status: 404, repo: REPO, revision: repo.commit })
    expect(error.message).toContain(`${path} of ${REPO} at revision ${repo.commit}`)
  })

  it('404 of the content itself names the file', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { status: 404 })
    const error = await failureOf(pullFiles(requestFor(repo), recorded(hub.url, await emptyFolder()).options))
    expect(error.details).toMatchObject({ status: 404, file: FILE, attempts: 1 })
  })
})

describe('a passing failure', () => {
  it('500 is tried again after a growing wait', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { status: 500 }, 3)
    const { options, waits } = recorded(hub.url, await emptyFolder())
    await pullFiles(requestFor(repo), options)
    expect(waits).toHaveLength(3)
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(250 * 2 ** index)
      expect(wait).toBeLessThanOrEqual(500 * 2 ** index)
    }
  })

  it('500 of the API is tried again too', async () => {
    const hub = await hubOf(repo)
    hub.order('api', { status: 502 }, 2)
    const { options, waits } = recorded(hub.url, await emptyFolder())
    await pullFiles(requestFor(repo, { revision: 'main' }), options)
    expect(waits).toHaveLength(2)
  })

  it('429 is waited out as long as the server asks', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { status: 429, headers: { 'Retry-After': '7' } })
    const { options, waits } = recorded(hub.url, await emptyFolder())
    await pullFiles(requestFor(repo), options)
    expect(waits).toEqual([7000])
  })

  it('429 that asks for an hour ends the pull, saying so', async () => {
    const hub = await hubOf(repo)
    hub.order(FILE, { status: 429, headers: { 'Retry-After': '3600' } })
    const { options, waits } = recorded(hub.url, await emptyFolder())
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(error.message).toContain('asks to wait 3600 s')
    expect(error.details).toMatchObject({ status: 429, retryAfterMs: 3_600_000, attempts: 1 })
    expect(waits).toEqual([])
  })

  it('503 for ever ends the pull after the retries', async () => {
    const hub = await hubOf(repo)
    hub.order('api', { status: 503 }, 100)
    const { options, waits } = recorded(hub.url, await emptyFolder())
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(waits).toHaveLength(5)
    expect(error.details).toMatchObject({ status: 503, attempts: 6 })
    expect(hub.log).toHaveLength(6)
  })

  it('of the network is tried again', async () => {
    const { options, waits } = recorded(await deadEndpoint(), await emptyFolder(), { retries: 2 })
    const error = await failureOf(pullFiles(requestFor(repo), options))
    expect(waits).toHaveLength(2)
    expect(error.details['attempts']).toBe(3)
  })
})

describe('the token', () => {
  it('goes to the hub and not to the storage it redirects to', async () => {
    const hub = await hubOf(repo, { token: TOKEN })
    const { options } = recorded(hub.url, await emptyFolder(), { token: TOKEN })
    await pullFiles(requestFor(repo, { revision: 'main' }), options)
    const toHub = hub.log.filter((entry) => entry.origin === 'hub')
    const toStorage = hub.log.filter((entry) => entry.origin === 'storage')
    expect(toHub.length).toBeGreaterThan(paths.length)
    expect(toHub.every((entry) => entry.headers.authorization === `Bearer ${TOKEN}`)).toBe(true)
    expect(toStorage).toHaveLength(2)
    expect(toStorage.every((entry) => entry.headers.authorization === undefined)).toBe(true)
  })

  it('is not sent where there is none', async () => {
    const hub = await hubOf(repo)
    await pullFiles(requestFor(repo), recorded(hub.url, await emptyFolder()).options)
    expect(hub.log.every((entry) => entry.headers.authorization === undefined)).toBe(true)
  })
})

/** Everything a log might show of an error: message, details, stack and causes. */
function printed(error: Error): string {
  const details = 'details' in error ? JSON.stringify(error.details) : ''
  const facts = error instanceof HubFailure ? JSON.stringify({ ...error.facts, cause: undefined }) : ''
  const cause = error.cause instanceof Error ? printed(error.cause) : String(error.cause)
  return [error.message, error.stack ?? '', details, facts, cause].join('\n')
}
