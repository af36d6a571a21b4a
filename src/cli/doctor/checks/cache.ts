/** Whether the Hugging Face cache can be used, and which models are in it. Makes no request. */
import { access, constants, readdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { StellaModelInfo } from '../../../../registry/types.js'
import { findCheckpoint } from '../../../convert/source.js'
import { isStellaError } from '../../../errors.js'
import { DEFAULT_ENDPOINT } from '../../../files/environment.js'
import { errnoOf } from '../../../files/hub-cache.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'

const ELSEWHERE = 'Set HF_HOME or HF_HUB_CACHE to a folder that can be written'

/** See above. */
export async function* checkCache({ cacheDir, models, named, doing }: CheckContext): AsyncGenerator<Finding, void> {
  if (cacheDir === undefined) {
    yield notOk(
      'problem',
      'hub.cache',
      'this user has no home folder, and neither HF_HOME nor HF_HUB_CACHE is set',
      ELSEWHERE,
    )
    return
  }
  doing(cacheDir)
  yield await cacheFinding(cacheDir)
  for (const model of models) {
    doing(`the checkpoint of ${model.key}`)
    yield await checkpointFinding(model, cacheDir, named)
  }
}

async function cacheFinding(folder: string): Promise<Finding> {
  const id = 'hub.cache'
  const facts = { folder }
  try {
    if (!(await stat(folder)).isDirectory()) return notOk('problem', id, `${folder} is no folder`, ELSEWHERE, { facts })
    const names = await readdir(folder)
    const repositories = names.filter((name) => name.startsWith('models--')).length
    const known = { ...facts, repositories }
    const listed = `${folder} holds ${repositories} downloaded ${repositories === 1 ? 'repository' : 'repositories'}`
    if (await isWritable(folder)) return ok(id, listed, { facts: { ...known, writable: true } })
    const advice = `Nothing, if all models were downloaded before. Else: ${ELSEWHERE}`
    return notOk('warning', id, `${listed}, and cannot be written`, advice, { facts: { ...known, writable: false } })
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') {
      return notOk('problem', id, `${folder} cannot be read: ${lineOf(error)}`, ELSEWHERE, { facts })
    }
  }
  const summary = `${folder} is not there yet`
  if (await canBeMade(folder)) return ok(id, `${summary}; the first download makes it`, { facts })
  // Models that were converted elsewhere need no cache.
  return notOk('warning', id, `${summary}, and cannot be made`, ELSEWHERE, { facts })
}

async function checkpointFinding(info: StellaModelInfo, cacheDir: string, named: boolean): Promise<Finding> {
  const id = 'model.checkpoint'
  const { key: subject } = info
  const heads = info.heads.filter((head) => head.dimensions === info.defaultDimensions)
  const hub = { cacheDir, endpoint: DEFAULT_ENDPOINT, token: undefined, offline: true }
  try {
    const folder = await findCheckpoint(info, heads, { hub, download: false })
    if (info.source.kind !== 'hub') await access(folder, constants.R_OK | constants.X_OK)
    return ok(id, `the checkpoint of ${subject} is in ${folder}`, { subject, facts: { folder } })
  } catch (error) {
    const facts = { folder: null }
    if (!isStellaError(error) || error.code !== 'MODEL_NOT_DOWNLOADED') {
      const advice = 'Correct what stands in the way; a model that is converted already works without its checkpoint'
      return notOk('warning', id, `the checkpoint of ${subject} cannot be read: ${lineOf(error)}`, advice, {
        subject,
        facts,
      })
    }
    const advice = `Run \`stella pull ${subject}\`, which says what to copy where if the hub cannot be reached`
    const summary = `${subject} is not downloaded, or not all of it`
    return notOk(named ? 'warning' : 'note', id, summary, advice, { subject, facts })
  }
}

async function canBeMade(folder: string): Promise<boolean> {
  for (let at = folder; dirname(at) !== at;) {
    at = dirname(at)
    const found = await stat(at).catch(() => undefined)
    if (found !== undefined) return found.isDirectory() && (await isWritable(at))
  }
  return false
}

async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}
