/** Whether the engine has a binary for this platform, loads it, and what it can run on. */
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { engineFacts, enginePackage } from '../../../runtime/session.js'
import { ENGINE_ADVICE, REINSTALL } from '../advice.js'
import type { CheckContext } from '../check.js'
import type { Finding } from '../finding.js'
import { lineOf, notOk, ok } from '../finding.js'

/** Name of the engine's library for Node. */
const BINDING = 'onnxruntime_binding.node'

/** What this package runs on. */
const PROVIDER = 'cpu'

/** See above. */
export async function* checkEngine({ doing }: CheckContext): AsyncGenerator<Finding, void> {
  const binary = await findBinary(process.platform, process.arch)
  yield binary
  if (binary.status === 'problem') return
  doing('loading the engine')
  yield await loadEngine()
}

/** @param findPackage - Finds the engine's package.json; for tests. */
export async function findBinary(platform: string, arch: string, findPackage = enginePackage): Promise<Finding> {
  const id = 'engine.binary'
  let folder: string
  try {
    folder = join(dirname(findPackage()), 'bin')
  } catch (error) {
    return notOk('problem', id, `onnxruntime-node is not installed: ${lineOf(error)}`, REINSTALL)
  }
  const present = await binariesIn(folder)
  const wanted = `${platform} ${arch}`
  const facts = { platform, arch, folder, present: [...present.keys()] }
  const path = present.get(wanted)
  if (path !== undefined) return ok(id, `onnxruntime-node has a binary for ${wanted}`, { facts: { ...facts, path } })
  if (present.size === 0) {
    return notOk('problem', id, `there is no binary in ${folder}`, REINSTALL, { facts })
  }
  const summary = `onnxruntime-node has no binary for ${wanted}; it has some for ${facts.present.join(', ')}`
  return notOk('problem', id, summary, adviceFor(platform, arch), { facts })
}

/** Paths by platform and processor: the layout is `bin/napi-v6/<platform>/<arch>/`. */
async function binariesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const found = new Map<string, string>()
  for (const name of names.sort()) {
    const [file, arch, platform] = name.split(/[/\\]/).reverse()
    if (file === BINDING && arch !== undefined && platform !== undefined) {
      found.set(`${platform} ${arch}`, join(folder, name))
    }
  }
  return found
}

function adviceFor(platform: string, arch: string): string {
  if (platform === 'darwin' && arch === 'x64') {
    return 'Run it on a Mac with Apple silicon, with a Node for arm64, or in a Linux container: nobody builds it for Intel Macs any more'
  }
  return `Run it on a platform that it has a binary for, such as in a container, or with a Node for another processor than ${arch}`
}

async function loadEngine(): Promise<Finding> {
  const id = 'engine.load'
  try {
    const { version, providers } = await engineFacts()
    const facts = { version, providers: providers.map(({ name, bundled }) => ({ name, bundled })), libc: libc() }
    const names = providers.map(({ name, bundled }) => `${name}${bundled ? '' : ' (not bundled)'}`)
    const summary = `ONNX Runtime ${version} loads; it offers ${names.join(', ')}, and ${PROVIDER} is used`
    if (providers.some(({ name }) => name === PROVIDER)) return ok(id, summary, { facts })
    return notOk('problem', id, `ONNX Runtime ${version} loads, without ${PROVIDER}`, REINSTALL, { facts })
  } catch (error) {
    const summary = `ONNX Runtime does not load: ${lineOf(error)}`
    return notOk('problem', id, summary, ENGINE_ADVICE, { facts: { libc: libc() } })
  }
}

/** `glibc 2.36`; undefined where there is none, as with musl and outside of Linux. */
function libc(): string | undefined {
  const report: unknown = process.report.getReport()
  if (typeof report !== 'object' || report === null || !('header' in report)) return undefined
  const { header } = report
  if (typeof header !== 'object' || header === null || !('glibcVersionRuntime' in header)) return undefined
  return `glibc ${String(header.glibcVersionRuntime)}`
}
