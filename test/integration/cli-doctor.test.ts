/** `stella doctor` on machines where things are broken: it always ends, says what is wrong, and leaves nothing behind. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { chmod, cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { STELLA_NANO } from '../../registry/index.js'
import { CHECKS } from '../../src/cli/doctor/checks.js'
import type { Finding, FindingId } from '../../src/cli/doctor/finding.js'
import { FINDING_IDS } from '../../src/cli/doctor/finding.js'
import { runChecks } from '../../src/cli/doctor/run-checks.js'
import { MAIN, cliSandbox } from './cli-process.js'
import type { CliSandbox } from './cli-process.js'

const ROOT = resolve(import.meta.dirname, '../..')

/** Every check, with the process that embeds: seconds, and more where others use the machine. */
const TIMEOUT_MS = 120_000

/** Of nobody, where these tests run as the superuser, to whom rights say nothing. */
const NOBODY = 65_534

interface Report {
  readonly healthy: boolean
  readonly counts: Readonly<Record<string, number>>
  readonly findings: readonly Finding[]
}

let cli: CliSandbox

beforeEach(async () => {
  cli = await cliSandbox()
})
afterEach(() => cli.remove())

async function doctor(argv: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const run = await cli.stella(['doctor', '--json', ...argv], { env: { HF_HOME: join(cli.folder, 'hf'), ...env } })
  return { ...run, report: JSON.parse(run.text) as Report }
}

function statuses({ findings }: Report, id: FindingId): readonly string[] {
  return findings.filter((finding) => finding.id === id).map(({ status }) => status)
}

function summaryOf({ findings }: Report, id: FindingId): string {
  return findings.find((finding) => finding.id === id)?.summary ?? 'no such finding'
}

describe('on this machine', () => {
  it(
    'finds no problem, embeds, leaves with the right code, and changes nothing',
    async () => {
      const { code, report, stderr } = await doctor()
      expect(report.findings.filter(({ status }) => status === 'problem')).toEqual([])
      expect([code, stderr, report.healthy]).toEqual([0, '', true])
      expect(statuses(report, 'exit.code')).toEqual(['ok'])
      expect(summaryOf(report, 'exit.code')).toMatch(/keeps its exit code \(7; \d+ texts waiting\)/)
      // All but those of which there is nothing to tell.
      const missing = FINDING_IDS.filter((id) => statuses(report, id).length === 0)
      expect(missing).toEqual(['settings.config', 'artefact.packed'])
      expect(await readdir(cli.folder)).toEqual([])
    },
    TIMEOUT_MS,
  )

  it(
    'prints a line for each finding and the counts; a model that was converted is hashed with --verify',
    async () => {
      await cli.stella(['convert', 'stella-nano'])
      const { code, text } = await cli.stella(['doctor', 'stella-nano', '--verify'])
      expect(code).toBe(0)
      expect(text).toMatch(/^ok +node\.version +Node \d+/)
      expect(text).toMatch(/\nok +artefact\.files +stella-nano\/local-[0-9a-f]+-fp32 is whole: .* \(all hashed\)\n/)
      expect(text).toMatch(/\nok +model\.plan +stella-nano in fp32: .*tokens/)
      expect(text).not.toContain('stella-en-400m-v5')
      expect(text).toMatch(/\n\n\d+ ok, \d+ notes?, \d+ warnings?, 0 problems\n$/)
    },
    TIMEOUT_MS,
  )

  it('refuses a model that nobody knows, before it looks at anything', async () => {
    const { code, text, stderr } = await cli.stella(['doctor', 'stella-nanu'])
    expect([code, text]).toEqual([2, ''])
    expect(stderr).toContain('stella-nano')
  })
})

describe('where everything is broken', () => {
  it(
    'no package is installed, the folders are files, the settings wrong: each is a finding, and the report is whole',
    async () => {
      const bare = join(cli.folder, 'bare')
      for (const name of ['dist', 'models', 'package.json'])
        await cp(join(ROOT, name), join(bare, name), { recursive: true })
      const file = join(cli.folder, 'file')
      await writeFile(file, '')
      const env = {
        HOME: file,
        STELLA_HOME: file,
        HF_HOME: file,
        HF_HUB_OFFLINE: 'yep',
        STELLA_WORKERS: 'many',
        TMPDIR: file,
      }
      const child = spawn(process.execPath, [join(bare, 'dist/src/cli/main.js'), 'doctor', '--json'], { env })
      let [stdout, stderr] = ['', '']
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      const code = await new Promise((fulfil) => child.on('close', fulfil))
      expect([code, stderr]).toEqual([1, ''])
      const report = JSON.parse(stdout) as Report
      for (const id of [
        'engine.binary',
        'tokenizers.load',
        'settings.hub',
        'settings.stella',
        'home.folder',
        'hub.cache',
      ] as const) {
        expect(statuses(report, id), id).toContain('problem')
      }
      expect(statuses(report, 'node.version')).toEqual(['ok'])
      expect(statuses(report, 'exit.code')).toEqual(['note'])
      const silent = report.findings.filter(({ status, advice }) => (status === 'ok') !== (advice === null))
      expect(silent).toEqual([])
    },
    TIMEOUT_MS,
  )

  it(
    'a native library that crashes whoever loads it is a finding, and no crash',
    async () => {
      const preload = join(cli.folder, 'crash.cjs')
      await writeFile(
        preload,
        "require('node:module')._extensions['.node'] = () => process.kill(process.pid, 'SIGSEGV')\n",
      )
      const { code, report, stderr } = await doctor([], { NODE_OPTIONS: `--require=${preload}` })
      expect([code, stderr]).toEqual([1, ''])
      expect(summaryOf(report, 'engine.load')).toMatch(
        /the process that looks at the engine ended by SIGSEGV, at loading the engine/,
      )
      expect(summaryOf(report, 'tokenizers.load')).toMatch(/ended by SIGSEGV/)
      expect(statuses(report, 'engine.binary')).toEqual(['ok'])
      expect(statuses(report, 'exit.code')).toEqual(['note'])
      // What needs neither is looked at as ever.
      expect(statuses(report, 'model.plan')).toContain('ok')
    },
    TIMEOUT_MS,
  )

  it(
    'a process that aborts when it leaves during a run is a problem',
    async () => {
      const preload = join(cli.folder, 'abort.cjs')
      const code = "if (process.argv[1]?.includes('leaving-child')) process.exit = () => process.abort()\n"
      await writeFile(preload, code)
      const run = await doctor([], { NODE_OPTIONS: `--require=${preload}` })
      expect(run.code).toBe(1)
      expect(statuses(run.report, 'exit.code')).toEqual(['problem'])
      expect(summaryOf(run.report, 'exit.code')).toMatch(/leaves with 7 while the engine works ended by SIGABRT/)
    },
    TIMEOUT_MS,
  )

  it(
    'nothing can be written where temporary files go: that is said, and nothing else suffers',
    async () => {
      const { code, report } = await doctor([], { TMPDIR: join(cli.folder, 'nowhere') })
      expect(code).toBe(0)
      expect(statuses(report, 'exit.code')).toEqual(['warning'])
    },
    TIMEOUT_MS,
  )
})

describe.skipIf(process.platform === 'win32')('a disk that does not answer', () => {
  it('is a problem that names the place; the other findings stand, and this process ends', async () => {
    const home = join(cli.folder, 'stella')
    await cli.stella(['convert', 'stella-nano'])
    const trap = join(home, 'artefacts', 'zzz', 'x-fp32')
    await mkdir(trap, { recursive: true })
    // Opening a pipe waits for whoever writes into it: nobody ever does.
    await promisify(execFile)('mkfifo', [join(trap, 'manifest.json')])
    const subject = { home, cacheDir: undefined, models: [STELLA_NANO], named: false, verify: false }
    const checks = { artefacts: { ...CHECKS.artefacts, limitMs: 3000 } }
    const findings: Finding[] = []
    const signal = new AbortController().signal
    for await (const finding of runChecks(checks, { subject, env: {}, signal, onDoing: () => undefined }))
      findings.push(finding)
    expect(findings.map(({ status }) => status)).toEqual(['ok', 'problem'])
    expect(findings[1]?.summary).toBe(`no answer about converted models within 3 s, at ${trap}`)
  })
})

/** Whether a process of another user can run the command, as where tests run in a folder that all may read. */
function canBeNobody(): boolean {
  if (process.getuid?.() !== 0) return process.platform !== 'win32'
  return spawnSync(process.execPath, [MAIN, '--version'], { uid: NOBODY, gid: NOBODY, cwd: '/' }).status === 0
}

describe.runIf(canBeNobody())('a folder of converted models with rights that do not suffice', () => {
  /** Finding of the folder, for a user that rights hold for. */
  async function folderFinding(rights: number, content: readonly string[]): Promise<Finding | undefined> {
    const home = join(cli.folder, 'stella')
    await chmod(cli.folder, 0o755)
    await mkdir(home)
    for (const name of content) await mkdir(join(home, name), { recursive: true })
    await chmod(home, rights)
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
    const env = { STELLA_HOME: home, HOME: '/nonexistent', HF_HOME: cli.folder, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }
    const child = spawn(process.execPath, [MAIN, 'doctor', '--json', 'stella-nano'], { env, cwd: '/', ...user })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    await new Promise((fulfil) => child.on('close', fulfil))
    await chmod(home, 0o755)
    return (JSON.parse(stdout) as Report).findings.find(({ id }) => id === 'home.folder')
  }

  it(
    'not to be read: a problem',
    async () => {
      expect(await folderFinding(0o000, [])).toMatchObject({
        status: 'problem',
        summary: expect.stringContaining('EACCES') as string,
      })
    },
    TIMEOUT_MS,
  )

  it(
    'only to be read: a problem while there are no models in it',
    async () => {
      expect(await folderFinding(0o555, [])).toMatchObject({ status: 'problem', facts: { writable: false } })
    },
    TIMEOUT_MS,
  )

  it(
    'only to be read: a warning where there are',
    async () => {
      expect(await folderFinding(0o555, ['artefacts/some-model'])).toMatchObject({ status: 'warning' })
    },
    TIMEOUT_MS,
  )
})

describe('an interrupt', () => {
  it(
    'ends everything that was started, and leaves no folder behind',
    async () => {
      const temporary = join(cli.folder, 'tmp')
      await mkdir(temporary)
      const { child, ended } = cli.start(['doctor'], { TMPDIR: temporary, HF_HOME: join(cli.folder, 'hf') })
      // The process that embeds has its folder: the last check is under way.
      await vi.waitFor(
        async () => {
          expect(await readdir(temporary)).toHaveLength(1)
        },
        {
          timeout: TIMEOUT_MS,
          interval: 5,
        },
      )
      child.kill('SIGTERM')
      const { code, stderr } = await ended
      expect([code, stderr]).toEqual([143, 'stella: stopped by SIGTERM\n'])
      expect(await readdir(temporary)).toEqual([])
    },
    TIMEOUT_MS,
  )
})

it('a home that is a link to a folder that is gone is told, and not made', async () => {
  await symlink(join(cli.folder, 'gone'), join(cli.folder, 'stella'))
  const checks = { home: CHECKS.home }
  const subject = { home: join(cli.folder, 'stella'), cacheDir: undefined, models: [], named: false, verify: false }
  const findings: Finding[] = []
  const signal = new AbortController().signal
  for await (const finding of runChecks(checks, { subject, env: {}, signal, onDoing: () => undefined }))
    findings.push(finding)
  expect(findings.map(({ id }) => id)).toContain('home.folder')
  await expect(readdir(join(cli.folder, 'gone'))).rejects.toThrow('ENOENT')
  await rm(join(cli.folder, 'stella'))
})
