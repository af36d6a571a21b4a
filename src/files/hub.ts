/**
 * Downloads a repository's files from the Hugging Face hub into the cache it shares with Python, and finds them there.
 * Knows no model: a repository is a name, a revision and paths.
 */
import { relative, sep } from 'node:path'

import { StellaError } from '../errors.js'
import { throwIfAborted } from './cancellation.js'
import { parseEndpoint, parseToken, type HubSettings } from './environment.js'
import { withFileLock } from './file-lock.js'
import { snapshotFolder, type MakeLink } from './hub-cache.js'
import { STALL_TIMEOUT_MS, createHubClient, type HubClient } from './hub-client.js'
import { explain, offlineFailure } from './hub-explain.js'
import { findSnapshot, fullestPlace, placesOf, type FoundSnapshot } from './hub-lookup.js'
import { describeRemote } from './hub-metadata.js'
import { checkPullRequest, isCommit, type PullRequest } from './hub-names.js'
import { createProgressMeter, type PullProgress } from './hub-progress.js'
import { completeSnapshot, type PulledFile } from './hub-pull.js'
import { DEFAULT_RETRY_POLICY, MAX_RETRIES } from './hub-retry.js'

export type { PullFile, PullRequest } from './hub-names.js'
export type { PullProgress } from './hub-progress.js'
export type { PulledFile } from './hub-pull.js'

/** Least `stallTimeoutMs`, in milliseconds. */
const MIN_STALL_TIMEOUT_MS = 10

/** Most `stallTimeoutMs`, in milliseconds: an hour. */
const MAX_STALL_TIMEOUT_MS = 3_600_000

/** How to pull. */
export interface PullOptions extends HubSettings {
  /** Ends the pull; what has arrived stays for the next one. */
  readonly signal?: AbortSignal | undefined
  /** What it throws ends the pull and is thrown on. */
  readonly onProgress?: ((progress: PullProgress) => void) | undefined
  /** Called once where another caller or process is pulling the same repository; this one then waits for it. */
  readonly onWait?: ((lockPath: string) => void) | undefined
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch | undefined
  /**
   * Requests made again after one that failed, before giving up on a file: 0 to 100.
   * @default 5
   */
  readonly retries?: number | undefined
  /**
   * Time without a byte after which a connection counts as broken, in milliseconds: 10 to 3600000.
   * @default 30000
   */
  readonly stallTimeoutMs?: number | undefined
  /**
   * Waits between retries; for tests.
   * @default a timer
   */
  readonly sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<void>) | undefined
  /**
   * Makes a symbolic link; for tests.
   * @default `symlink` of `node:fs/promises`
   */
  readonly makeLink?: MakeLink | undefined
}

/** A finished pull. */
export interface PullResult {
  /** Folder that holds all files of the request. */
  readonly folder: string
  /** Repository whose folder in the cache that is: the request's, or one of its aliases. */
  readonly repo: string
  /** The commit; only for files copied by hand under a branch's name, that branch. */
  readonly revision: string
  /** In the order of the request. */
  readonly files: readonly PulledFile[]
}

/**
 * Makes sure that all files of `request` are in the cache. A commit that is complete there, under the repository's name
 * or an alias, costs no request; a branch is looked up on the hub each time, unless `offline`: ask
 * {@link findInCache} first to use what is there.
 *
 * @throws {StellaError} DOWNLOAD_FAILED saying what to copy where; ABORTED; OPTION_INVALID
 */
export async function pullFiles(request: PullRequest, options: PullOptions): Promise<PullResult> {
  checkPullRequest(request)
  const client = createClient(options)
  const { cacheDir, offline, signal, onProgress, onWait, makeLink } = options
  throwIfAborted(signal, `pulling ${request.repo}`)
  const places = placesOf(request, cacheDir)
  let [place] = places
  let commit: string | undefined
  try {
    if (isCommit(request.revision) || offline) {
      const found = await findSnapshot(places, request)
      if (found !== undefined) return cachedResult(request, found, onProgress)
    }
    if (offline) throw offlineFailure()
    const remote = await describeRemote(client, request, signal)
    commit = remote.commit
    const fullest = await fullestPlace(places, remote)
    place = fullest.place
    const task = { client, request, remote, place, onProgress, makeLink }
    // A complete snapshot needs no lock, so that a cache one may only read serves too.
    const files = fullest.complete
      ? await completeSnapshot(task, signal)
      : await withFileLock(place.lock, { signal, onWait }, (held) => completeSnapshot(task, held))
    return Object.freeze({ folder: snapshotFolder(place, commit), repo: place.repo, revision: commit, files })
  } catch (error) {
    throw await explain(error, { request, endpoint: client.endpoint, place, commit })
  }
}

/**
 * The folder of a snapshot in the cache that holds all files of `request`, under its repository or an alias, in sizes
 * that match where they are known. Makes no request. What Python's huggingface_hub downloaded is found as it is.
 *
 * A branch stands for the commit it was last seen at.
 *
 * @throws {StellaError} OPTION_INVALID; DOWNLOAD_FAILED where the cache cannot be read
 */
export async function findInCache(
  request: PullRequest,
  settings: Pick<HubSettings, 'cacheDir' | 'endpoint'>,
): Promise<string | undefined> {
  checkPullRequest(request)
  const places = placesOf(request, settings.cacheDir)
  try {
    return (await findSnapshot(places, request))?.folder
  } catch (error) {
    throw await explain(error, { request, endpoint: settings.endpoint, place: places[0], commit: undefined })
  }
}

function createClient(options: PullOptions): HubClient {
  const { token, retries = DEFAULT_RETRY_POLICY.retries, stallTimeoutMs = STALL_TIMEOUT_MS } = options
  checkInteger('retries', retries, 0, MAX_RETRIES)
  checkInteger('stallTimeoutMs', stallTimeoutMs, MIN_STALL_TIMEOUT_MS, MAX_STALL_TIMEOUT_MS)
  return createHubClient({
    endpoint: parseEndpoint(options.endpoint, '`endpoint`'),
    token: token === undefined ? undefined : parseToken(token, '`token`'),
    fetch: options.fetch ?? fetch,
    stallTimeoutMs,
    retry: { ...DEFAULT_RETRY_POLICY, retries, sleep: options.sleep ?? DEFAULT_RETRY_POLICY.sleep },
  })
}

function checkInteger(option: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return
  throw new StellaError(
    'OPTION_INVALID',
    `Expected \`${option}\` to be an integer from ${least} to ${most}, got ${value}`,
    {
      details: { option },
    },
  )
}

function cachedResult(request: PullRequest, found: FoundSnapshot, onProgress: PullOptions['onProgress']): PullResult {
  const { place, folder, sizes } = found
  const meter = createProgressMeter(sizes, onProgress)
  const files = request.files.map(({ path }) => {
    const bytes = sizes.get(path) ?? 0
    meter.report(path, bytes, 'cached')
    return { path, bytes, state: 'cached' as const }
  })
  const revision = relative(snapshotFolder(place, ''), folder).split(sep).join('/')
  return Object.freeze({ folder, repo: place.repo, revision, files })
}
