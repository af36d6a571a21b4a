/**
 * Checks the names a pull is given before they become URLs and paths on disk: repository, revision, file.
 * Knows no network and touches no file.
 */
import { StellaError } from '../errors.js'

/** Longest `owner/name`, in characters; the hub's own limit (huggingface_hub `validate_repo_id`). */
const MAX_REPO_LENGTH = 96

/** Longest branch, tag or commit, in characters. */
const MAX_REVISION_LENGTH = 256

/** Longest path inside a repository, in characters. */
const MAX_FILE_PATH_LENGTH = 1024

/** Longest name of one folder or file, in UTF-8 bytes: what common file systems take. */
const MAX_SEGMENT_BYTES = 255

/** Most files one pull may name. */
export const MAX_FILES_PER_PULL = 1024

/** Most aliases one pull may name. */
const MAX_ALIASES = 16

/**
 * Largest single file, in bytes: the hub takes no file above 500 GB (hub documentation, "Storage limits").
 * A size beyond it is a mistake or an attack.
 */
export const MAX_FILE_BYTES = 500e9

const REPO = /^[A-Za-z0-9_][\w.-]*\/[A-Za-z0-9_][\w.-]*$/
const COMMIT = /^[0-9a-f]{40}$/
const SHA256 = /^[0-9a-f]{64}$/
// C0 controls and DEL: NUL truncates paths, the others forge log lines.
const CONTROL = /[\x00-\x1f\x7f]/

/** A file to fetch, and what is known of it beforehand. */
export interface PullFile {
  /** Path inside the repository, with forward slashes. */
  readonly path: string
  /** Size in bytes, where known. */
  readonly bytes?: number | undefined
  /** SHA-256 in lower-case hex, where known. */
  readonly sha256?: string | undefined
}

/** Files of one repository at one revision. */
export interface PullRequest {
  /** `owner/name` on the hub. */
  readonly repo: string
  /** A commit (40 hex digits), branch or tag. */
  readonly revision: string
  readonly files: readonly PullFile[]
  /** Other names of the same repository, to try in the local cache; renamed repositories keep their old folder there. */
  readonly aliases?: readonly string[] | undefined
}

/** Whether `revision` is a full commit id, which never changes what it names. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision)
}

/** Whether `text` is a SHA-256 in lower-case hex. */
export function isSha256(text: string): boolean {
  return SHA256.test(text)
}

/**
 * Checks everything a pull names.
 *
 * @throws {StellaError} OPTION_INVALID naming what was given and what is accepted
 */
export function checkPullRequest(request: PullRequest): void {
  checkRepo('repo', request.repo)
  checkRevision(request.revision)
  const aliases = request.aliases ?? []
  if (aliases.length > MAX_ALIASES) refuse('aliases', `at most ${MAX_ALIASES} names`, String(aliases.length))
  for (const alias of aliases) checkRepo('aliases', alias)
  const count = request.files.length
  if (count === 0 || count > MAX_FILES_PER_PULL) refuse('files', `1 to ${MAX_FILES_PER_PULL} files`, String(count))
  const seen = new Set<string>()
  for (const file of request.files) {
    checkFilePath(file.path)
    if (seen.has(file.path)) refuse('files', 'each path once', file.path)
    seen.add(file.path)
    if (file.bytes !== undefined && !isFileSize(file.bytes)) {
      refuse('files[].bytes', `an integer from 0 to ${MAX_FILE_BYTES}`, String(file.bytes))
    }
    if (file.sha256 !== undefined && !isSha256(file.sha256)) {
      refuse('files[].sha256', '64 lower-case hex digits', file.sha256)
    }
  }
}

/** Whether `bytes` can be the size of a file on the hub. */
export function isFileSize(bytes: unknown): bytes is number {
  return Number.isSafeInteger(bytes) && Number(bytes) >= 0 && Number(bytes) <= MAX_FILE_BYTES
}

function checkRepo(option: string, repo: string): void {
  const ok =
    repo.length <= MAX_REPO_LENGTH &&
    REPO.test(repo) &&
    // `--` separates owner and name in the cache's folder names, so the hub does not allow it either.
    !/--|\.\.|\.git$|[.-]$|[.-]\//.test(repo)
  if (!ok) {
    refuse(
      option,
      `\`owner/name\` of letters, digits, \`-\`, \`_\`, \`.\`, at most ${MAX_REPO_LENGTH} characters`,
      repo,
    )
  }
}

function checkRevision(revision: string): void {
  const ok =
    revision.length <= MAX_REVISION_LENGTH &&
    !revision.startsWith('-') &&
    // What git-check-ref-format forbids, less the rules that only matter inside a `refs/` folder.
    !/[\s~^:?*[\\]|@\{/.test(revision) &&
    isSafeRelativePath(revision)
  if (!ok) refuse('revision', `a commit, branch or tag of at most ${MAX_REVISION_LENGTH} characters`, revision)
}

function checkFilePath(path: string): void {
  if (path.length > MAX_FILE_PATH_LENGTH || !isSafeRelativePath(path)) {
    refuse(
      'files[].path',
      `a relative path with forward slashes and no \`..\`, at most ${MAX_FILE_PATH_LENGTH} characters`,
      path,
    )
  }
}

/** Safe under the rules of both POSIX and Windows: a cache written on one may be read on the other. */
function isSafeRelativePath(path: string): boolean {
  if (CONTROL.test(path) || path.includes('\\') || path.includes(':')) return false
  return path
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= MAX_SEGMENT_BYTES)
}

function refuse(option: string, expected: string, given: string): never {
  throw new StellaError('OPTION_INVALID', `Expected \`${option}\` to be ${expected}, got ${JSON.stringify(given)}`, {
    details: { option, given },
  })
}
