/**
 * Reads the settings that come from the environment: where this package keeps its files, and how to reach the hub.
 * The one place outside `cli/` that looks at environment variables; knows nothing of what is done with them.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { homedir } from 'node:os'
import { posix, win32, type PlatformPath } from 'node:path'

import { StellaError } from '../errors.js'
import { systemCode } from '../realm.js'

/** The public hub; huggingface_hub `constants.py`. */
export const DEFAULT_ENDPOINT = 'https://huggingface.co'

/** Largest token file, in bytes; a token has about 40. */
const MAX_TOKEN_FILE_BYTES = 4096

// huggingface_hub `constants.py` takes these spellings of true, in any case, and anything else as false.
// Here anything else is an error: `HF_HUB_OFFLINE=yep` must not go online.
export const TRUE_WORDS: readonly string[] = ['1', 'true', 'yes', 'on']
export const FALSE_WORDS: readonly string[] = ['0', 'false', 'no', 'off']

/** A path in the home folder, as shells write it. */
const TILDE = /^~(?:$|[/\\])/

/** How to reach the Hugging Face hub, and where its files are kept. */
export interface HubSettings {
  /** Folder of the Hugging Face cache, shared with Python's huggingface_hub. */
  readonly cacheDir: string
  /** Base URL without a trailing slash; may have a path. */
  readonly endpoint: string
  /** Sent as a bearer token to `endpoint` only. */
  readonly token: string | undefined
  /** No request is made. */
  readonly offline: boolean
}

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string | undefined>>

/** What the environment says. */
export interface StellaEnvironment {
  /** Folder for what this package makes: `STELLA_HOME`, else `stella-pool` in the platform's cache folder. */
  readonly home: string
  readonly hub: HubSettings
}

/** The variables of this process, for whoever takes variables as an argument and was given none. */
export function processVariables(): Variables {
  return process.env
}

/**
 * The folder that a variable names, absolute, with `~`, `$NAME` and `${NAME}` expanded; undefined where it is not set.
 *
 * @throws {StellaError} OPTION_INVALID naming the variable.
 */
export function readFolder(env: Variables, name: string): string | undefined {
  return folderReader(env, process.platform === 'win32' ? win32 : posix, homedir).read(name)?.()
}

/**
 * `path` with a leading `~` as the user's home folder.
 *
 * @throws {StellaError} OPTION_INVALID where this user has none.
 */
export function expandTilde(path: string, findHome: () => string = homedir): string {
  if (!TILDE.test(path)) return path
  const { home, join } = folderReader({}, process.platform === 'win32' ? win32 : posix, findHome)
  return join(home(), path.slice(1))
}

/**
 * Settings from environment variables. An empty variable counts as unset. In the folders, `~`, `$NAME` and
 * `${NAME}` are expanded, as huggingface_hub does.
 *
 * Read: `STELLA_HOME`; `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`; `HF_ENDPOINT`;
 * `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, the file `HF_TOKEN_PATH` (else `$HF_HOME/token`),
 * `HF_HUB_DISABLE_IMPLICIT_TOKEN`; `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`.
 *
 * @param home - Finds the user's home folder; only called where no variable makes it unnecessary.
 * @throws {StellaError} OPTION_INVALID naming the variable; a token is never part of the message
 */
export function readEnvironment(
  env: Variables = process.env,
  platform: string = process.platform,
  home: () => string = homedir,
): StellaEnvironment {
  const folders = folderReader(env, platform === 'win32' ? win32 : posix, home)
  const { join } = folders
  const cacheHome = folders.read('XDG_CACHE_HOME') ?? (() => join(folders.home(), '.cache'))
  const hfHome = folders.read('HF_HOME') ?? (() => join(cacheHome(), 'huggingface'))
  const cacheDir =
    folders.read('HF_HUB_CACHE') ?? folders.read('HUGGINGFACE_HUB_CACHE') ?? (() => join(hfHome(), 'hub'))
  const stellaHome =
    folders.read('STELLA_HOME') ?? (() => join(platformCache(platform, folders, cacheHome), 'stella-pool'))
  return Object.freeze({
    home: stellaHome(),
    hub: Object.freeze({
      cacheDir: cacheDir(),
      endpoint: parseEndpoint(valueOf(env, 'HF_ENDPOINT') ?? DEFAULT_ENDPOINT, 'HF_ENDPOINT'),
      token: readToken(env, folders.read('HF_TOKEN_PATH') ?? (() => join(hfHome(), 'token'))),
      // As in huggingface_hub, HF_HUB_OFFLINE decides where both are set.
      offline: readSwitch(env, 'HF_HUB_OFFLINE') ?? readSwitch(env, 'TRANSFORMERS_OFFLINE') ?? false,
    }),
  })
}

/**
 * Checks a hub's base URL and drops trailing slashes.
 *
 * @param name - What to call it in the message.
 * @throws {StellaError} OPTION_INVALID
 */
export function parseEndpoint(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const ok =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    !/[?#]/.test(text)
  if (!ok) {
    // The value is not repeated: a URL with a user name often carries a password.
    const hint = url !== undefined && url.username + url.password !== '' ? ' (put credentials in HF_TOKEN)' : ''
    refuse(name, `an http or https URL without user name, query and fragment${hint}, such as ${DEFAULT_ENDPOINT}`)
  }
  return text.replace(/\/+$/, '')
}

/**
 * Checks an access token.
 *
 * @param name - What to call it in the message.
 * @throws {StellaError} OPTION_INVALID without the token
 */
export function parseToken(text: string, name: string): string {
  // Anything else cannot be sent in a header, and fetch would repeat it in its error.
  if (!/^[\x21-\x7e]+$/.test(text)) refuse(name, 'a token of printable ASCII characters without spaces (not shown)')
  return text
}

interface FolderReader {
  readonly read: (name: string) => (() => string) | undefined
  readonly home: () => string
  readonly join: (...parts: string[]) => string
}

/** Folders are functions, so that the home folder is looked up only where one depends on it. */
function folderReader(env: Variables, path: PlatformPath, findHome: () => string): FolderReader {
  const home = (): string => {
    try {
      const folder = findHome()
      // Node answers an empty HOME with an empty folder, which would be wherever the process runs.
      if (folder === '') throw new Error('HOME is empty')
      return folder
    } catch (cause) {
      throw new StellaError(
        'OPTION_INVALID',
        'This user has no home folder. Set HOME, or both STELLA_HOME and HF_HOME, to a folder that can be written',
        { cause },
      )
    }
  }
  const read = (name: string): (() => string) | undefined => {
    const value = valueOf(env, name)
    if (value === undefined) return undefined
    if (value.includes('\0')) refuse(name, 'a folder (it holds a NUL character)')
    return () => {
      const named = value.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain?: string, braced?: string) => {
        return env[plain ?? braced ?? ''] ?? whole
      })
      return path.resolve(TILDE.test(named) ? path.join(home(), named.slice(1)) : named)
    }
  }
  return { read, home, join: (...parts) => path.join(...parts) }
}

function platformCache(platform: string, folders: FolderReader, cacheHome: () => string): string {
  if (platform === 'darwin') return folders.join(folders.home(), 'Library', 'Caches')
  if (platform === 'win32') {
    const local = folders.read('LOCALAPPDATA') ?? (() => folders.join(folders.home(), 'AppData', 'Local'))
    return local()
  }
  return cacheHome()
}

function readToken(env: Variables, file: () => string): string | undefined {
  if (readSwitch(env, 'HF_HUB_DISABLE_IMPLICIT_TOKEN') === true) return undefined
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const token = valueOf(env, name)?.trim()
    if (token !== undefined && token !== '') return parseToken(token, name)
  }
  const path = file()
  const token = readSmallFile(path)?.trim()
  return token === undefined || token === '' ? undefined : parseToken(token, `the token file ${path}`)
}

/** The file's text; undefined where there is no such file. */
function readSmallFile(path: string): string | undefined {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const buffer = Buffer.alloc(MAX_TOKEN_FILE_BYTES + 1)
    const length = readSync(file, buffer)
    if (length <= MAX_TOKEN_FILE_BYTES) return buffer.toString('utf8', 0, length)
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new StellaError(
      'OPTION_INVALID',
      `Cannot read the token file ${path} (${code}). Make it readable, point HF_TOKEN_PATH to another, ` +
        'set HF_TOKEN, or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1 to go without a token',
      { cause },
    )
  } finally {
    if (file !== undefined) closeSync(file)
  }
  return refuse(`the token file ${path}`, `at most ${MAX_TOKEN_FILE_BYTES} bytes long`)
}

function readSwitch(env: Variables, name: string): boolean | undefined {
  const value = valueOf(env, name)
  if (value === undefined) return undefined
  const word = value.toLowerCase()
  if (TRUE_WORDS.includes(word)) return true
  if (FALSE_WORDS.includes(word)) return false
  return refuse(name, `one of ${[...TRUE_WORDS, ...FALSE_WORDS].join(', ')}; got ${JSON.stringify(value)}`)
}

function valueOf(env: Variables, name: string): string | undefined {
  const value = env[name]
  return value === undefined || value === '' ? undefined : value
}

function refuse(name: string, expected: string): never {
  throw new StellaError('OPTION_INVALID', `Expected ${name} to be ${expected}`, { details: { variable: name } })
}
