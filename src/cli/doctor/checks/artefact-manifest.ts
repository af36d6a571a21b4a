/** Reads an artefact's manifest, and tells one of another version from a broken one. */
import { join } from 'node:path'

import { z } from 'zod'

import type { StellaModelInfo } from '../../../../registry/types.js'
import { artefactFolder } from '../../../convert/artefact-folder.js'
import { PRECISIONS } from '../../../convert/recipe.js'
import { readJsonFile } from '../../../files/json-file.js'
import type { Manifest } from '../../../files/manifest.js'
import { MANIFEST_FILE, MANIFEST_FORMAT, readManifest } from '../../../files/manifest.js'
import { formatBytes } from '../../../pool/memory-ledger.js'
import { isCurrent } from '../../found-artefacts.js'
import type { TreeEntry } from '../artefact-tree.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk } from '../finding.js'
import { sizeOfTree } from '../folder-size.js'

const ID = 'artefact.files'

/** What manifests of all formats have. */
const ANY_FORMAT = z.looseObject({ format: z.number() })

/** The manifest of an artefact that this version loads; or why nothing will load it. */
export async function currentManifest(
  entry: TreeEntry,
  subject: string,
  info: StellaModelInfo | undefined,
): Promise<Manifest | Finding> {
  const manifest = await openManifest(entry, subject)
  if ('status' in manifest) return manifest
  return (await outdated(entry, manifest, info)) ?? manifest
}

async function openManifest({ path, model }: TreeEntry, subject: string): Promise<Manifest | Finding> {
  const facts = { folder: path }
  const file = join(path, MANIFEST_FILE)
  const again = `Convert it again: \`stella convert ${model} --force\``
  try {
    const manifest = await readManifest(path)
    if (manifest !== undefined) return manifest
    return notOk('problem', ID, `${path} has no ${MANIFEST_FILE}: it is no artefact`, `Remove it. ${again}`, {
      subject,
      facts,
    })
  } catch (error) {
    const label = { code: 'ARTEFACT_INVALID', label: file } as const
    const any = await readJsonFile(file, ANY_FORMAT, label).catch(() => undefined)
    if (any !== undefined && any.format !== MANIFEST_FORMAT)
      return outdatedFinding(path, subject, `format ${any.format}`)
    return notOk('problem', ID, lineOf(error), again, { subject, facts })
  }
}

/** An artefact that nothing will load any more. */
async function outdated(
  { path, model, name }: TreeEntry,
  manifest: Manifest,
  info: StellaModelInfo | undefined,
): Promise<Finding | undefined> {
  const subject = `${model}/${name}`
  const { recipe } = manifest
  if (!isCurrent(manifest)) return outdatedFinding(path, subject, `recipe ${recipe.name} ${recipe.version}`)
  if (info === undefined) return undefined
  const wanted = await Promise.all(
    PRECISIONS.map((precision) => artefactFolder(info, precision, { home: homeOf(path) })),
  )
  return wanted.includes(path) ? undefined : outdatedFinding(path, subject, 'another state of the checkpoint')
}

/** `<home>/artefacts/<model>/<name>` */
function homeOf(path: string): string {
  return join(path, '..', '..', '..')
}

async function outdatedFinding(path: string, subject: string, why: string): Promise<Finding> {
  const bytes = await sizeOfTree(path)
  const summary = `${subject} was made by another version of this package, or of another checkpoint (${why}): it is not used`
  const advice = `Remove ${path} where nobody else uses it, for ${formatBytes(bytes)}. The model is converted again when it is used`
  return notOk('note', ID, summary, advice, { subject, facts: { folder: path, bytes, why } })
}
