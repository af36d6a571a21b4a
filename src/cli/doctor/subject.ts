/** What is looked at: the folders that the environment names, as far as it does, and the models. Touches no disk. */
import { getModel, listModels } from '../../../registry/index.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import { isStellaError } from '../../errors.js'
import type { StellaEnvironment, Variables } from '../../files/environment.js'
import { readEnvironment } from '../../files/environment.js'
import type { Subject } from './check.js'

/** Neither is a wrong one of these to hide the folders, nor is a token file read, which may be anything. */
const NOT_FOLDERS = {
  HF_ENDPOINT: '',
  HF_HUB_OFFLINE: '',
  TRANSFORMERS_OFFLINE: '',
  HF_HUB_DISABLE_IMPLICIT_TOKEN: '1',
}

/**
 * What `stella doctor` looks at.
 *
 * @param names - Models that the caller named. None: all that are registered.
 * @throws {StellaError} MODEL_UNKNOWN, CHECKPOINT_INVALID.
 */
export async function subjectOf(names: readonly string[], env: Variables, verify: boolean): Promise<Subject> {
  const models = names.length === 0 ? listModels() : await Promise.all(names.map((name) => modelOf(name)))
  const byKey = new Map(models.map((info) => [info.key, info]))
  return {
    home: lenient(env, { HF_HOME: '/' })?.home,
    cacheDir: lenient(env, { STELLA_HOME: '/' })?.hub.cacheDir,
    models: [...byKey.values()],
    named: names.length > 0,
    verify,
  }
}

async function modelOf(name: string): Promise<StellaModelInfo> {
  try {
    return getModel(name)
  } catch (error) {
    if (!isStellaError(error)) throw error
    // Imported here: it brings the engine's packages with it, and one of them may be what is broken.
    const { modelOrFolder } = await import('../model.js')
    return modelOrFolder(name)
  }
}

/** @param instead - Stands in for a folder that is not asked for, and that the environment may not name. */
function lenient(env: Variables, instead: Variables): StellaEnvironment | undefined {
  try {
    return readEnvironment({ ...env, ...NOT_FOLDERS, ...instead })
  } catch (error) {
    // Without a home folder. What is missing then is a finding.
    if (isStellaError(error)) return undefined
    throw error
  }
}
