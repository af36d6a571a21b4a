/**
 * A Hugging Face hub on loopback for tests: the API and the `/resolve/` addresses of real repositories, a second origin
 * for LFS content, a log of every request, and faults to order. Knows nothing of the code under test.
 */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, relative, sep } from 'node:path'

import { contentReply, jsonReply, send, type Fault, type Reply } from './fake-hub-replies.js'

export interface FakeFile {
  readonly content: Buffer
  /** Stored in LFS: served by redirect to the other origin, named by SHA-256. */
  readonly lfs: boolean
}

export interface FakeRepo {
  readonly commit: string
  /** By path. */
  readonly files: Readonly<Record<string, FakeFile>>
}

export interface LoggedRequest {
  /** `api`: metadata. `head`: headers of a file. `data`: a file's bytes, or a redirect on the way to them. */
  readonly kind: 'api' | 'head' | 'data'
  readonly origin: 'hub' | 'storage'
  readonly method: string
  readonly url: string
  /** Path in the repository; empty for the API. */
  readonly file: string
  readonly headers: IncomingMessage['headers']
}

export interface FakeHubOptions {
  /** By `owner/name`. */
  readonly repos: Readonly<Record<string, FakeRepo>>
  /** Old name to new: answered with a redirect, as the hub does for a renamed repository. */
  readonly renamed?: Readonly<Record<string, string>>
  /** Path before everything, such as `/mirror/hf`. */
  readonly prefix?: string
  /** Where it is not sent: 401. */
  readonly token?: string
  /** False: a mirror that serves files only. */
  readonly api?: boolean
}

export interface FakeHub {
  /** For `HF_ENDPOINT`. */
  readonly url: string
  readonly log: readonly LoggedRequest[]
  /** Requests that got to the bytes of `file`, at the address that has them. */
  readonly dataRequests: (file?: string) => readonly LoggedRequest[]
  /** The next `times` requests for `file`'s bytes (`api`: for metadata) go wrong. */
  readonly order: (file: string, fault: Fault, times?: number) => void
  readonly close: () => Promise<void>
}

/** A repository of `files`; its commit follows from its content. */
export function fakeRepo(files: Readonly<Record<string, FakeFile>>): FakeRepo {
  const hash = createHash('sha1')
  for (const [path, { content }] of Object.entries(files)) hash.update(path).update(content)
  return { commit: hash.digest('hex'), files }
}

/** A repository of all files in `folder`; weights are in LFS, as on the hub. */
export async function fakeRepoFromFolder(folder: string): Promise<FakeRepo> {
  const files: Record<string, FakeFile> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path).split(sep).join('/')
    files[name] = { content: await readFile(path), lfs: /\.(?:safetensors|bin)$/.test(name) }
  }
  return fakeRepo(files)
}

export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** The name git gives the content: the ETag of a file outside LFS. */
export function gitSha1Of(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}

export async function startFakeHub(options: FakeHubOptions): Promise<FakeHub> {
  const log: LoggedRequest[] = []
  const faults = new Map<string, Fault[]>()
  const takeFault = (file: string): Fault | undefined => faults.get(file)?.shift()
  const storage = await listen((request) => {
    const [, hash = '', ...rest] = pathOf(request).split('/')
    const file = rest.join('/')
    log.push(logged('data', 'storage', request, file))
    // As S3 does for a signed address.
    if (request.headers.authorization !== undefined) return { status: 400 }
    const all = Object.values(options.repos).flatMap((repo) => Object.values(repo.files))
    const found = all.find(({ content }) => sha256Of(content) === hash)
    if (found === undefined) return { status: 404 }
    // Not the hub's ETag, as S3's is not.
    return contentReply(request, found.content, { ETag: `"${hash.slice(0, 32)}-1"` }, takeFault(file))
  })
  const hub = await listen((request, body) => {
    const route = parseRoute(request, options.prefix ?? '')
    log.push(logged(route.kind, 'hub', request, route.file))
    return refusal(options, request, route, takeFault) ?? serve(options, storage.url, request, route, body, takeFault)
  })
  return {
    url: `${hub.url}${options.prefix ?? ''}`,
    log,
    dataRequests: (file) =>
      log.filter((entry) => {
        const serves = entry.origin === 'storage' || entry.url.includes('/cached/')
        return entry.kind === 'data' && serves && (file === undefined || entry.file === file)
      }),
    order: (file, fault, times = 1) => {
      faults.set(file, [...(faults.get(file) ?? []), ...Array.from({ length: times }, () => fault)])
    },
    close: async () => {
      await Promise.all([hub.close(), storage.close()])
    },
  }
}

interface Route {
  readonly kind: LoggedRequest['kind']
  readonly repo: string
  /** `revision`, `paths-info`, `resolve`, or `cached` (see {@link serve}); empty for an unknown address. */
  readonly verb: string
  readonly revision: string
  readonly file: string
}

function parseRoute(request: IncomingMessage, prefix: string): Route {
  const path = pathOf(request)
  const address = path.startsWith(prefix) ? path.slice(prefix.length) : ''
  const isApi = address.startsWith('/api/models/')
  const [, repo = '', verb = '', revision = '', file = ''] =
    /^(?:\/api\/models)?\/([^/]+\/[^/]+)\/(revision|paths-info|resolve|cached)\/([^/]+)\/?(.*)$/.exec(address) ?? []
  return { kind: isApi ? 'api' : request.method === 'HEAD' ? 'head' : 'data', repo, verb, revision, file }
}

type TakeFault = (file: string) => Fault | undefined

function refusal(
  options: FakeHubOptions,
  request: IncomingMessage,
  route: Route,
  takeFault: TakeFault,
): Reply | undefined {
  const { kind, repo: name, revision } = route
  if (kind === 'api' && options.api === false) return { status: 404 }
  const fault = kind === 'api' ? takeFault('api') : undefined
  if (fault !== undefined) return contentReply(request, Buffer.alloc(0), {}, fault)
  if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) {
    return {
      status: 401,
      headers: { 'X-Error-Code': 'RepoNotFound', 'X-Error-Message': 'Invalid username or password.' },
    }
  }
  const newName = options.renamed?.[name]
  if (newName !== undefined) {
    return { status: 307, headers: { Location: (request.url ?? '').replace(name, newName) } }
  }
  const repo = options.repos[name]
  if (repo === undefined) return { status: 404, headers: { 'X-Error-Code': 'RepoNotFound' } }
  if (![repo.commit, 'main', 'refs/pr/1'].includes(decodeURIComponent(revision))) {
    const message = `Invalid rev id: ${revision}`
    return { status: 404, headers: { 'X-Error-Code': 'RevisionNotFound', 'X-Error-Message': message } }
  }
  return undefined
}

function serve(
  options: FakeHubOptions,
  storageUrl: string,
  request: IncomingMessage,
  { repo: name, verb, file }: Route,
  body: string,
  takeFault: TakeFault,
): Reply {
  const repo = options.repos[name]
  if (repo === undefined) return { status: 404 }
  if (verb === 'revision') return jsonReply(modelJson(name, repo))
  if (verb === 'paths-info') {
    const { paths } = JSON.parse(body) as { paths: string[] }
    return jsonReply(paths.flatMap((path) => pathJson(repo, path)))
  }
  const headers = { 'X-Repo-Commit': repo.commit }
  const found = repo.files[file]
  if (found === undefined) return { status: 404, headers: { ...headers, 'X-Error-Code': 'EntryNotFound' } }
  if (found.lfs) {
    const sha256 = sha256Of(found.content)
    const location = `${storageUrl}/${sha256}/${encodeURI(file)}?X-Amz-Signature=signed`
    const linked = { 'X-Linked-Etag': `"${sha256}"`, 'X-Linked-Size': String(found.content.length) }
    return { status: 302, headers: { ...headers, ...linked, Location: location, 'X-Xet-Hash': 'ab'.repeat(32) } }
  }
  const etag = { ETag: `"${gitSha1Of(found.content)}"` }
  if (verb === 'resolve') {
    // The hub serves small files from a second address of its own, by a relative redirect.
    const location = `${options.prefix ?? ''}/${name}/cached/${repo.commit}/${encodeURI(file)}`
    return { status: 307, headers: { ...headers, ...etag, Location: location } }
  }
  return contentReply(request, found.content, { ...headers, ...etag }, takeFault(file))
}

function modelJson(name: string, { commit }: FakeRepo): unknown {
  const counts = { downloads: 1, likes: 0, lastModified: '2024-07-12T00:00:00.000Z' }
  return { _id: '64c0ffee', id: name, sha: commit, private: false, gated: false, ...counts }
}

function pathJson(repo: FakeRepo, path: string): unknown[] {
  const file = repo.files[path]
  if (file === undefined) {
    const isFolder = Object.keys(repo.files).some((name) => name.startsWith(`${path}/`))
    return isFolder ? [{ type: 'directory', oid: '0'.repeat(40), size: 0, path }] : []
  }
  const size = file.content.length
  if (!file.lfs) return [{ type: 'file', oid: gitSha1Of(file.content), size, path }]
  const lfs = { oid: sha256Of(file.content), size, pointerSize: 135 }
  return [{ type: 'file', oid: gitSha1Of(Buffer.from(lfs.oid)), size, lfs, xetHash: 'ab'.repeat(32), path }]
}

function pathOf(request: IncomingMessage): string {
  return decodeURIComponent(new URL(request.url ?? '', 'http://localhost').pathname.replaceAll('%2F', '%252F'))
}

function logged(
  kind: LoggedRequest['kind'],
  origin: LoggedRequest['origin'],
  { method = '', url = '', headers }: IncomingMessage,
  file: string,
): LoggedRequest {
  return { kind, origin, method, url, file, headers }
}

interface Listening {
  readonly url: string
  readonly close: () => Promise<void>
}

async function listen(reply: (request: IncomingMessage, body: string) => Reply): Promise<Listening> {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      send(request, response, reply(request, body))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
