/** Whether an artefact's weights are packed for this engine and processor, so that workers share one copy. */
import { join } from 'node:path'

import { MIN_SHARED_BYTES } from '../../../../registry/memory.js'
import { PACKED_FOLDER } from '../../../convert/artefact-files.js'
import type { Manifest } from '../../../files/manifest.js'
import { RAW_DATA } from '../../../inference/compact-packed-weights.js'
import { hostOf, packedName, readPackedRecord } from '../../../inference/packed-weights-record.js'
import { formatBytes } from '../../../pool/memory-ledger.js'
import { packedForms } from '../artefact-tree.js'
import type { Finding } from '../finding.js'
import { notOk, ok } from '../finding.js'
import { sizeOfTree } from '../folder-size.js'

const ID = 'artefact.packed'

/** See above. Small weights are never packed, and nothing is said of them. */
export async function* packedFindings(
  subject: string,
  artefact: string,
  manifest: Manifest,
): AsyncGenerator<Finding, void> {
  const current = await packedName(manifest)
  yield* currentFinding(subject, artefact, manifest, current)
  const stale = (await packedForms(artefact)).filter((name) => name !== current)
  for (const name of stale) {
    const path = join(artefact, PACKED_FOLDER, name)
    const bytes = await sizeOfTree(path)
    const host = await hostOf(path)
    const summary = `${path} was packed for another engine or processor${host === undefined ? '' : `, on ${host}`}`
    const advice = `Remove it where no other machine uses it, for up to ${formatBytes(bytes)}; the next packing here removes this machine's own`
    yield notOk('note', ID, summary, advice, { subject, facts: { path, bytes, host, state: 'stale' } })
  }
}

async function* currentFinding(
  subject: string,
  artefact: string,
  { files }: Manifest,
  name: string,
): AsyncGenerator<Finding, void> {
  if ((files[RAW_DATA]?.bytes ?? 0) < MIN_SHARED_BYTES) return
  const path = join(artefact, PACKED_FOLDER, name)
  const record = await readPackedRecord(path)
  const facts = { path }
  if (record === undefined) {
    const there = (await packedForms(artefact)).includes(name)
    const summary = there
      ? `the packed weights of ${subject} are damaged: the next load makes them again`
      : `the weights of ${subject} are not packed for this engine and processor; the next load does that, once`
    const advice = `Nothing, or load the model once ahead of time, such as with \`stella embed\``
    const state = there ? 'damaged' : 'absent'
    yield notOk(there ? 'warning' : 'note', ID, summary, advice, { subject, facts: { ...facts, state } })
    return
  }
  if (record.refused === null) {
    const bytes = Object.values(record.files).reduce((sum, size) => sum + size, 0)
    const summary = `the weights of ${subject} are packed for this engine and processor (graph by hash, weights by size)`
    yield ok(ID, summary, { subject, facts: { ...facts, bytes, state: 'fresh' } })
    return
  }
  const summary = `the weights of ${subject} cannot be shared here, and each worker holds a copy: ${record.refused}`
  const advice = `Plan for a copy in each worker, or remove ${path} to have it tried again`
  yield notOk('warning', ID, summary, advice, {
    subject,
    facts: { ...facts, state: 'refused', reason: record.refused },
  })
}
