/**
 * What can go wrong with a download, and what to tell the user about it.
 * Knows status codes and error numbers; makes no request and touches no file.
 */
import { StellaError, type ErrorDetails } from '../errors.js'
import { errnoOf } from './hub-cache.js'

/** File names spelled out in a message; the details carry all of them. */
const MAX_NAMED_FILES = 20

/** Longest text of a server repeated in a message, in characters. */
const MAX_SERVER_TEXT = 200

/** Facts about a {@link HubFailure}. */
export interface HubFailureFacts {
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
  /** What the user can do. */
  readonly remedy: string
  readonly status?: number | undefined
  /** The hub's `X-Error-Code`, such as `RepoNotFound`. */
  readonly hubCode?: string | undefined
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined
  readonly details?: ErrorDetails | undefined
  readonly cause?: unknown
}

/** A step of a download failed. Stays inside `files/`: callers get a StellaError made from it. */
export class HubFailure extends Error {
  override readonly name = 'HubFailure'
  readonly facts: HubFailureFacts
  /** Requests made in vain, one after the other; set by whoever gave up. */
  attempts = 1

  constructor(message: string, facts: HubFailureFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.facts = facts
  }
}

/** What a download was about, for its error. */
export interface FailureContext {
  readonly repo: string
  readonly revision: string
  readonly endpoint: string
  /** Where the files will be looked for. */
  readonly cacheFolder: string
  /** Files that are not there yet. */
  readonly missing: readonly string[]
  /** The file at fault; absent where it is the repository. */
  readonly file?: string | undefined
}

/** The error callers get: what failed, what to do, and which files to copy where to do without the hub. */
export function downloadFailed(failure: HubFailure, context: FailureContext): StellaError {
  const { repo, revision, endpoint, cacheFolder, missing, file } = context
  const { status, retryAfterMs, remedy, details } = failure.facts
  const subject = file === undefined ? repo : `${file} of ${repo}`
  const tries = failure.attempts > 1 ? ` (tried ${failure.attempts} times)` : ''
  const named = missing.slice(0, MAX_NAMED_FILES).join(', ')
  const more = missing.length > MAX_NAMED_FILES ? ` and ${missing.length - MAX_NAMED_FILES} more (see details)` : ''
  const message =
    `Cannot download ${subject} at revision ${revision}: ${failure.message}${tries}. ${remedy}. ` +
    `To do without the download, copy into ${cacheFolder}, keeping subfolders: ${named}${more}`
  return new StellaError('DOWNLOAD_FAILED', message, {
    cause: failure,
    details: {
      repo,
      revision,
      ...(file === undefined ? {} : { file }),
      ...(status === undefined ? {} : { status }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      endpoint,
      cacheFolder,
      files: missing,
      attempts: failure.attempts,
      ...details,
    },
  })
}

/** What is known of a refused request. */
export interface RefusedResponse {
  readonly status: number
  readonly headers: Headers
  /** Origin that answered: the hub's, or that of the storage it redirected to. */
  readonly origin: string
  readonly token: string | undefined
  readonly retryAfterMs: number | undefined
}

/** The failure of a request answered with an error status. */
export function statusFailure(response: RefusedResponse): HubFailure {
  const { status, headers, origin, token, retryAfterMs } = response
  const code = serverText(headers.get('x-error-code'), token)
  const hubCode = code === '' ? undefined : code
  const said = serverText(headers.get('x-error-message'), token)
  const wait = retryAfterMs === undefined ? '' : ` and asks to wait ${Math.ceil(retryAfterMs / 1000)} s`
  const message = `${origin} answered ${status}${hubCode === undefined ? '' : ` ${hubCode}`}${wait}`
  return new HubFailure(said === '' ? message : `${message} (${said})`, {
    // 408 and 429 are about this moment, 5xx about the server; any other refusal would be repeated.
    retryable: status === 408 || status === 429 || status >= 500,
    remedy: statusRemedy(status, token !== undefined),
    status,
    hubCode,
    retryAfterMs,
    details: {
      tokenSent: token !== undefined,
      ...(hubCode === undefined ? {} : { hubCode }),
    },
  })
}

function statusRemedy(status: number, tokenSent: boolean): string {
  switch (status) {
    case 401:
      return tokenSent
        ? 'The token that was sent was refused: set HF_TOKEN to a valid one that may read this repository'
        : 'No token was sent: set HF_TOKEN to one that may read this repository. Without a token the hub also answers ' +
            '401 for a repository that does not exist, so check its name'
    case 403:
      return tokenSent
        ? "The token that was sent may not read this repository: accept the model's terms on its page, or set HF_TOKEN " +
            'to a token with the right to read it'
        : "No token was sent: accept the model's terms on its page and set HF_TOKEN to a token of that account"
    case 404:
      return 'Check the names of repository, revision and file, and HF_ENDPOINT if a mirror is used'
    case 429:
      return tokenSent
        ? 'The hub limits requests: wait and run again; what was downloaded is kept'
        : 'The hub limits requests without a token: set HF_TOKEN, or wait and run again; what was downloaded is kept'
    default:
      return 'Run again later; what was downloaded is kept'
  }
}

/** Certificates and protocol errors stay as they are; trying again only delays the message. */
const PERMANENT_NETWORK_CODES = /^(?:CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_INVALID_)/

/** The failure of a request that got no answer, or half of one. */
export function networkFailure(error: unknown, origin: string): HubFailure {
  // fetch says `fetch failed` and keeps the reason in its cause; with several addresses that is an AggregateError.
  const reasons = [error, causeOf(error), ...aggregated(causeOf(error))].filter((reason) => reason instanceof Error)
  const coded = reasons.find((reason) => 'code' in reason && typeof reason.code === 'string' && reason.code !== '')
  const code = coded !== undefined && 'code' in coded ? String(coded.code) : undefined
  const reason = coded ?? reasons.at(-1)
  return new HubFailure(`the connection to ${origin} failed: ${reason?.message ?? String(error)}`, {
    retryable: code === undefined || !PERMANENT_NETWORK_CODES.test(code),
    remedy:
      'Check the network and HF_ENDPOINT (HTTPS_PROXY has no effect unless this Node supports NODE_USE_ENV_PROXY=1), ' +
      'and run again; what was downloaded is kept',
    details: code === undefined ? undefined : { networkCode: code },
    cause: error,
  })
}

/** The failure of a write or read on the local disk. */
export function diskFailure(
  error: unknown,
  facts: { readonly bytesNeeded?: number | undefined; readonly bytesFree?: number | undefined },
): HubFailure {
  const code = errnoOf(error) ?? 'unknown'
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const { bytesNeeded, bytesFree } = facts
  const space = full && bytesNeeded !== undefined ? ` (${bytesNeeded} more bytes are needed${freeText(bytesFree)})` : ''
  const text = error instanceof Error ? error.message : String(error)
  return new HubFailure(`${full ? 'the disk is full' : 'the cache cannot be used'}: ${text}${space}`, {
    retryable: false,
    remedy: full
      ? 'Free that much space, or set HF_HUB_CACHE to a folder on a larger disk, and run again; what was downloaded is kept'
      : 'Set HF_HUB_CACHE to a folder that can be written',
    details: {
      errno: code,
      ...(bytesNeeded === undefined ? {} : { bytesNeeded }),
      ...(bytesFree === undefined ? {} : { bytesFree }),
    },
    cause: error,
  })
}

function freeText(bytesFree: number | undefined): string {
  return bytesFree === undefined ? '' : `, ${bytesFree} are free`
}

/** A server's own words, made safe to repeat: short, on one line, and without the token should it echo it. */
function serverText(text: string | null, token: string | undefined): string {
  const line = (text ?? '').replace(/[^\x20-\x7e]+/g, ' ').trim()
  const clean = token === undefined ? line : line.replaceAll(token, '***')
  return clean.length > MAX_SERVER_TEXT ? `${clean.slice(0, MAX_SERVER_TEXT)}…` : clean
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}

function aggregated(error: unknown): readonly unknown[] {
  return error instanceof AggregateError ? error.errors : []
}
