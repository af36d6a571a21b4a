/** Whether converted models are whole and of this version, and whether their packed weights fit this machine. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { StellaModelInfo } from '../../../../registry/types.js'
import { ARTEFACTS_FOLDER } from '../../../convert/artefact-folder.js'
import { StellaError, isStellaError } from '../../../errors.js'
import { verifyArtefact } from '../../../evaluation/verify-artefact.js'
import type { Manifest } from '../../../files/manifest.js'
import { checkArtefact } from '../../../inference/check-artefact.js'
import { formatBytes } from '../../../pool/memory-ledger.js'
import type { TreeEntry } from '../artefact-tree.js'
import { readArtefactTree } from '../artefact-tree.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'
import { currentManifest } from './artefact-manifest.js'
import { packedFindings } from './packed.js'

const ID = 'artefact.files'

/** See above. */
export async function* checkArtefacts(context: CheckContext): AsyncGenerator<Finding, void> {
  const { home, models, named, doing } = context
  if (home === undefined) return
  const seen = new Set<string>()
  for await (const entry of readArtefactTree(home)) {
    const info = models.find(({ key }) => key === entry.model)
    if (entry.kind !== 'artefact' || (named && info === undefined)) continue
    doing(entry.path)
    seen.add(entry.model)
    yield* artefactFindings(entry, info, context)
  }
  for (const info of models.filter(({ key }) => !seen.has(key))) {
    const facts = { folder: join(home, ARTEFACTS_FOLDER, info.key) }
    const summary = `${info.key} is not converted yet; its first use converts it`
    if (!named) yield ok(ID, summary, { subject: info.key, facts })
    else
      yield notOk('note', ID, summary, `Run \`stella pull ${info.key}\` to have it ready`, { subject: info.key, facts })
  }
}

async function* artefactFindings(
  entry: TreeEntry,
  info: StellaModelInfo | undefined,
  context: CheckContext,
): AsyncGenerator<Finding, void> {
  const subject = `${entry.model}/${entry.name}`
  const manifest = await currentManifest(entry, subject, info)
  if ('status' in manifest) {
    yield manifest
    return
  }
  const damage = await damageOf(entry, manifest, info, context)
  const files = Object.values(manifest.files)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const dimensions = manifest.heads.map((head) => head.dimensions)
  const facts = { folder: entry.path, precision: manifest.precision, bytes, dimensions, hashed: context.verify }
  if (damage !== undefined) {
    yield notOk(damage.status, ID, damage.summary, damage.advice, { subject, facts })
    return
  }
  const how = context.verify ? 'all hashed' : 'by size; --verify hashes them'
  const summary = `${subject} is whole: ${manifest.precision}, ${files.length} files, ${formatBytes(bytes)} (${how})`
  yield ok(ID, summary, { subject, facts })
  yield* packedFindings(subject, entry.path, manifest)
}

interface Damage {
  readonly status: 'warning' | 'problem'
  readonly summary: string
  readonly advice: string
}

/** What keeps it from being loaded; undefined where nothing does. */
async function damageOf(
  entry: TreeEntry,
  manifest: Manifest,
  info: StellaModelInfo | undefined,
  { verify, doing, signal }: CheckContext,
): Promise<Damage | undefined> {
  const { path } = entry
  const damaged = (summary: string): Damage => ({ status: 'problem', summary, advice: againBy(entry, manifest) })
  try {
    if (info === undefined) await checkSizes(path, manifest)
    else await checkArtefact(info, path, manifest)
  } catch (error) {
    if (!isStellaError(error)) throw error
    if (error.code !== 'FIDELITY_TOO_LOW') return damaged(lineOf(error))
    // Whole, and somebody's own choice; whoever does not ask for this precision does not meet it.
    const advice = 'Use another precision, or convert again with --calibration and texts like yours'
    return { status: 'warning', summary: lineOf(error), advice }
  }
  if (!verify) return undefined
  const onProgress = (done: number, total: number): void => {
    doing(`hashing ${path}`, done, total)
  }
  const checks = await verifyArtefact(path, manifest, { signal, onProgress })
  const failed = checks.find(({ status }) => status === 'failed')
  return failed && damaged(`${path}: ${failed.name}: ${failed.detail ?? 'it is another'}`)
}

/** As far as can be told without the model's descriptor. */
async function checkSizes(path: string, { files }: Manifest): Promise<void> {
  for (const [file, { bytes }] of Object.entries(files)) {
    const found = await stat(join(path, file)).catch(() => undefined)
    if (found?.size === bytes) continue
    const has = found === undefined ? 'is missing' : `has ${found.size} bytes`
    throw new StellaError('ARTEFACT_INVALID', `${join(path, file)} ${has}; the manifest says ${bytes}`)
  }
}

function againBy({ model }: TreeEntry, { precision, model: { source } }: Manifest): string {
  return `Convert it again: \`stella convert ${source['path'] ?? model} --precision ${precision} --force\``
}
