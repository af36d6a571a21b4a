/**
 * What the tests of downloads share: a tiny repository in the real layout, an empty cache, and options that do not wait.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

import { StellaError } from '../../src/errors.js'
import type { PullOptions, PullProgress, PullRequest } from '../../src/files/hub.js'
import { fakeRepo, sha256Of, startFakeHub, type FakeHub, type FakeHubOptions, type FakeRepo } from './fake-hub.js'

export const REPO = 'NovaSearch/stella_tiny'
export const OLD_NAME = 'dunzhang/stella_tiny'

/** Larger than a socket's buffers, so that a cut or a stall happens in the middle of a transfer. */
export const WEIGHT_BYTES = 3_000_000

/** Deterministic bytes that no compression and no repetition explains away. */
export function noise(bytes: number, seed: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  let state = seed
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    buffer[i] = state >>> 24
  }
  return buffer
}

export const WEIGHTS = noise(WEIGHT_BYTES, 1)

export function tinyRepo(): FakeRepo {
  const text = (content: string): { content: Buffer; lfs: boolean } => ({ content: Buffer.from(content), lfs: false })
  return fakeRepo({
    'config.json': text('{"model_type":"new"}'),
    'modules.json': text('[]'),
    '1_Pooling/config.json': text('{"pooling_mode_mean_tokens":true}'),
    'model.safetensors': { content: WEIGHTS, lfs: true },
    '2_Dense_1024/config.json': text('{"in_features":64}'),
    '2_Dense_1024/model.safetensors': { content: noise(5000, 2), lfs: true },
  })
}

/** A request for every file of `repo`, as a registry that knows no sizes would make it. */
export function requestFor(repo: FakeRepo, changes: Partial<PullRequest> = {}): PullRequest {
  return { repo: REPO, revision: repo.commit, files: Object.keys(repo.files).map((path) => ({ path })), ...changes }
}

/** The same request with all that can be known of the files. */
export function pinnedRequestFor(repo: FakeRepo, changes: Partial<PullRequest> = {}): PullRequest {
  const files = Object.entries(repo.files).map(([path, { content }]) => {
    return { path, bytes: content.length, sha256: sha256Of(content) }
  })
  return requestFor(repo, { files, ...changes })
}

/** An empty folder that is removed after the test. */
export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-hub-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A running hub that ends with the test. */
export async function hubOf(repo: FakeRepo, options: Partial<FakeHubOptions> = {}): Promise<FakeHub> {
  const hub = await startFakeHub({ repos: { [REPO]: repo }, ...options })
  onTestFinished(() => hub.close())
  return hub
}

/** An address on loopback where nobody listens. */
export async function deadEndpoint(): Promise<string> {
  const hub = await startFakeHub({ repos: {} })
  await hub.close()
  return hub.url
}

/** Options for `endpoint` and `cacheDir`, and what was reported and waited for. */
export interface Recorded {
  readonly options: PullOptions
  readonly progress: PullProgress[]
  /** Waits between retries, in milliseconds; none was waited out. */
  readonly waits: number[]
}

export function recorded(endpoint: string, cacheDir: string, changes: Partial<PullOptions> = {}): Recorded {
  const progress: PullProgress[] = []
  const waits: number[] = []
  const options: PullOptions = {
    endpoint,
    cacheDir,
    token: undefined,
    offline: false,
    onProgress: (report) => progress.push(report),
    sleep: (milliseconds) => {
      waits.push(milliseconds)
      return Promise.resolve()
    },
    ...changes,
  }
  return { options, progress, waits }
}

/** The StellaError that `promise` ends with. */
export async function failureOf(promise: Promise<unknown>): Promise<StellaError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof StellaError) return error
    throw error
  }
  throw new Error('Expected a StellaError, but the promise was fulfilled')
}
