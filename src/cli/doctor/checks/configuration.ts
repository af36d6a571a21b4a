/** Whether the configuration file that `STELLA_CONFIG` names can be used, and the variables that go before its keys. */
import { configVariables } from '../../../config/keys.js'
import { loadConfig } from '../../../config/load-config.js'
import { lineOf as remarkLine } from '../../../config/problem.js'
import { environmentLayer } from '../../../config/sources.js'
import { isStellaError } from '../../../errors.js'
import type { Variables } from '../../../files/environment.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'

/** Variables that stand for a key of configurations; some of them for an option, too. */
export { configVariables }

/** What is wrong with such a variable; undefined where nothing is. */
export function configRefusalOf(variable: string, env: Variables): string | undefined {
  const [problem] = environmentLayer({ [variable]: env[variable] }, new Set()).problems
  return problem === undefined ? undefined : remarkLine(problem)
}

/** @param path - What `STELLA_CONFIG` says. */
export async function configFinding(path: string, env: Variables): Promise<Finding> {
  const id = 'settings.config'
  const subject = path
  try {
    const { settings, notes } = await loadConfig(path, { env })
    const set = settings.filter(({ source }) => source !== 'default')
    const facts = { settings: set.map((setting) => ({ ...setting })), notes: notes.map((note) => ({ ...note })) }
    return ok(id, `every command that has --config reads ${path}`, { subject, facts })
  } catch (error) {
    const facts = isStellaError(error) ? error.details : {}
    const advice =
      'Correct it, or unset STELLA_CONFIG: commands that have --config are refused. `stella init --show` with its name ' +
      'tells all that is wrong'
    return notOk('problem', id, lineOf(error), advice, { subject, facts })
  }
}
