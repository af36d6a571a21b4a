/** Finds the checkpoint folder of a model, without and with the network. */
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { CHECKPOINT_FILES, headFiles } from '../../registry/files.js'
import type { CheckpointFileInfo, HeadInfo, StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import type { HubSettings } from '../files/environment.js'
import type { PullProgress } from '../files/hub.js'
import { packageRoot } from '../files/package-root.js'

/** How to look for a checkpoint. */
export interface SourceOptions {
  readonly hub: HubSettings
  /** Fetch what is missing from the hub. */
  readonly download: boolean
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: PullProgress) => void) | undefined
}

/**
 * The folder that holds the checkpoint with at least these heads.
 *
 * @throws {StellaError} MODEL_NOT_DOWNLOADED when a hub model is not in the cache and may not be fetched;
 * DOWNLOAD_FAILED when fetching fails; CHECKPOINT_INVALID when a local folder is not there.
 */
export async function findCheckpoint(
  info: StellaModelInfo,
  heads: readonly HeadInfo[],
  options: SourceOptions,
): Promise<string> {
  const { source } = info
  if (source.kind !== 'hub') return localFolder(info)
  // The hub client takes a moment to load; a model that is already converted never needs it.
  const { findInCache, pullFiles } = await import('../files/hub.js')
  const files = filesOf(info, heads)
  const request = { repo: source.repo, revision: source.revision, files, aliases: info.aliases }
  const cached = await findInCache(request, options.hub)
  if (cached !== undefined) return cached
  if (!options.download) throw notDownloaded(info, heads, options.hub, files)
  const { signal, onProgress } = options
  const pulled = await pullFiles(request, {
    ...options.hub,
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  })
  return pulled.folder
}

/** Files to have for the backbone and these heads. */
export function filesOf(info: StellaModelInfo, heads: readonly HeadInfo[]): readonly CheckpointFileInfo[] {
  return [...info.files, ...heads.flatMap(headFiles)]
}

/** Folder of a model that does not come from a hub. */
function localFolder({ key, source }: StellaModelInfo): string {
  switch (source.kind) {
    case 'embedded':
      return join(packageRoot(), 'models', source.folder)
    case 'folder':
      return source.path
    case 'hub':
      throw new Error(`${key} comes from a hub`)
  }
}

/**
 * What names this state of the checkpoint in the artefact's path: the pinned revision, or for a local folder a digest
 * of its files' names, sizes and times, so that an edited checkpoint is converted anew without reading all of it.
 */
export async function revisionOf(info: StellaModelInfo): Promise<string> {
  if (info.source.kind === 'hub') return info.source.revision.replaceAll(/[^A-Za-z0-9._-]/g, '-')
  const folder = localFolder(info)
  const paths = [...CHECKPOINT_FILES, ...filesOf(info, info.heads)].map((file) => file.path)
  // The backbone's own files go by many names: one file, or an index and its shards.
  const names = await readdir(folder).catch(() => [])
  const weights = names.filter((name) => name.endsWith('.safetensors') || name.endsWith('.safetensors.index.json'))
  const hash = createHash('sha256').update(folder)
  for (const path of [...new Set([...paths, ...weights])].sort()) {
    const found = await stat(join(folder, path)).catch(() => undefined)
    if (found !== undefined) hash.update(`\n${path} ${found.size} ${found.mtimeMs}`)
  }
  return `local-${hash.digest('hex').slice(0, 16)}`
}

function notDownloaded(
  info: StellaModelInfo,
  heads: readonly HeadInfo[],
  hub: HubSettings,
  files: readonly CheckpointFileInfo[],
): StellaError {
  const dims = heads.map((head) => head.dimensions).join(',')
  const command = `stella pull ${info.key}${dims === '' ? '' : ` --dims ${dims}`}`
  return new StellaError(
    'MODEL_NOT_DOWNLOADED',
    `${info.key} is not in the Hugging Face cache at ${hub.cacheDir}. Run \`${command}\`, or allow downloads with \`download: true\``,
    { details: { model: info.key, cache: hub.cacheDir, command, files: files.map((file) => file.path) } },
  )
}
