/** Whether this Node is one that the package supports. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { packageRoot, packageVersion } from '../../../files/package-root.js'
import { describe } from '../../../show.js'
import type { Finding } from '../finding.js'
import { notOk, ok } from '../finding.js'

/** See above. */
export async function* checkNode(): AsyncGenerator<Finding, void> {
  yield nodeFinding(process.versions.node, await supportedRange())
}

/** @param range - `engines.node` of package.json, as far as it is one: `>=20.19.0`. */
export function nodeFinding(version: string, range: unknown): Finding {
  const facts = { version, platform: process.platform, arch: process.arch, package: packageVersion() }
  const least = typeof range === 'string' ? /^>=\s*(\d+)\.(\d+)\.(\d+)$/.exec(range.trim()) : null
  if (least === null || typeof range !== 'string') {
    const summary = `Node ${version}; package.json states no range that could be read (${describe(range)})`
    return notOk('warning', 'node.version', summary, 'Install the package again: its package.json was changed', {
      facts,
    })
  }
  const known = { ...facts, supported: range }
  const where = `on ${process.platform} ${process.arch}`
  if (isAtLeast(version, least.slice(1).map(Number))) {
    return ok('node.version', `Node ${version} ${where}; ${range} is supported`, { facts: known })
  }
  return notOk('problem', 'node.version', `Node ${version} ${where}; ${range} is supported`, 'Install a newer Node', {
    facts: known,
  })
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  // A pre-release comes before its release; nobody runs a server on one, and it counts as that release.
  const given = version.split(/[.+-]/).slice(0, least.length).map(Number)
  for (const [place, wanted] of least.entries()) {
    const number = given[place] ?? 0
    if (number !== wanted) return number > wanted
  }
  return true
}

async function supportedRange(): Promise<unknown> {
  const parsed: unknown = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8'))
  if (typeof parsed !== 'object' || parsed === null || !('engines' in parsed)) return undefined
  const { engines } = parsed
  return typeof engines === 'object' && engines !== null && 'node' in engines ? engines.node : undefined
}
