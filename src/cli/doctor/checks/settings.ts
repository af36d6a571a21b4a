/** Whether environment variables can be used: those of the hub, and this package's own. Never shows a token. */
import { readEnvironment } from '../../../files/environment.js'
import type { Variables } from '../../../files/environment.js'
import { nearest } from '../../../../registry/nearest.js'
import { OPTIONS, environmentName, isOptionName } from '../../options.js'
import type { OptionName } from '../../options.js'
import { parseOptions } from '../../parse.js'
import { REINSTALL } from '../advice.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'
import type * as Configuration from './configuration.js'

/** Variables of the hub that may be shown: folders and switches. */
const SHOWN = ['HF_HOME', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'] as const

/** Variables of this package that stand for no option; those of a configuration's keys are beside them. */
const NO_OPTIONS = ['STELLA_HOME', 'STELLA_DEBUG']

/** See above. */
export async function* checkSettings({ env }: CheckContext): AsyncGenerator<Finding, void> {
  yield hubFinding(env)
  // What it takes to read a configuration may be what is missing. The rest is told without it.
  let configuration: typeof Configuration | undefined
  try {
    configuration = await import('./configuration.js')
  } catch (error) {
    yield notOk('problem', 'settings.config', `no configuration can be read: ${lineOf(error)}`, REINSTALL)
  }
  yield* stellaFindings(env, configuration)
  const path = env['STELLA_CONFIG'] ?? ''
  if (path !== '' && configuration !== undefined) yield await configuration.configFinding(path, env)
}

function hubFinding(env: Variables): Finding {
  const id = 'settings.hub'
  const shown = Object.fromEntries(SHOWN.flatMap((name) => (isSet(env, name) ? [[name, env[name]]] : [])))
  try {
    const { endpoint, offline, token, cacheDir } = readEnvironment(env).hub
    const facts = { endpoint, offline, token: token === undefined ? 'not set' : 'set', cacheDir, variables: shown }
    const reached = offline ? 'no request is made (offline)' : `the hub is ${endpoint}`
    return ok(id, `${reached}; a token is ${facts.token}`, { facts })
  } catch (error) {
    // Its messages hold no token, and no address with a password.
    const advice = 'Correct or unset that variable: until then every command but this one is refused'
    return notOk('problem', id, lineOf(error), advice, { facts: { variables: shown } })
  }
}

function* stellaFindings(env: Variables, configuration: typeof Configuration | undefined): Generator<Finding> {
  const id = 'settings.stella'
  const options = new Map<string, OptionName>()
  for (const name of Object.keys(OPTIONS).filter(isOptionName)) {
    const variable = environmentName(name)
    if (variable !== undefined) options.set(variable, name)
  }
  const others = [...NO_OPTIONS, ...(configuration?.configVariables() ?? [])]
  const set = Object.keys(env).filter((name) => name.startsWith('STELLA_') && isSet(env, name))
  const good: string[] = []
  for (const variable of set.sort()) {
    const option = options.get(variable)
    const problem =
      option === undefined ? configuration?.configRefusalOf(variable, env) : refusalOf(option, variable, env)
    if (problem !== undefined) {
      const advice = 'Correct or unset it: commands that have the option are refused'
      yield notOk('problem', id, problem, advice, { subject: variable })
    } else if (option === undefined && !others.includes(variable)) {
      // Without the keys of a configuration nobody knows what reads it.
      if (configuration === undefined) continue
      const near = nearest(variable, [...options.keys(), ...others])
      const advice = near === undefined ? 'Unset it' : `Unset it, or name it ${near} if that was meant`
      yield notOk('warning', id, `nothing reads ${variable}`, advice, { subject: variable })
    } else good.push(variable)
  }
  if (good.length === 0) return
  yield ok(id, `set, and in effect where a command has the option: ${good.join(', ')}`, { facts: { variables: good } })
}

function refusalOf(option: OptionName, variable: string, env: Variables): string | undefined {
  try {
    parseOptions([], [option], { [variable]: env[variable] })
    return undefined
  } catch (error) {
    return lineOf(error)
  }
}

function isSet(env: Variables, name: string): boolean {
  const value = env[name]
  return value !== undefined && value !== ''
}
