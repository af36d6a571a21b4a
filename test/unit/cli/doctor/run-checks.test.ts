/** Whatever becomes of a check is a finding: it throws, crashes, hangs, lies, or is never started. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { describe, expect, it } from 'vitest'

import type { Check } from '../../../../src/cli/doctor/check.js'
import type { Finding } from '../../../../src/cli/doctor/finding.js'
import { notOk, ok } from '../../../../src/cli/doctor/finding.js'
import { runChecks } from '../../../../src/cli/doctor/run-checks.js'
import { endText, runChild } from '../../../../src/cli/doctor/run-child.js'
import { emptyFolder } from '../cli-io.js'

/** For what hangs on purpose; what must not run into it has much longer. */
const SHORT_MS = 300
const LONG_MS = 20_000

const SUBJECT = { home: undefined, cacheDir: undefined, models: [], named: false, verify: false }

function check(changes: Partial<Check> = {}): Check {
  return {
    id: 'node.version',
    what: 'the thing',
    limitMs: LONG_MS,
    place: 'here',
    advice: 'do this',
    load: () => Promise.resolve(() => [ok('node.version', 'fine')]),
    ...changes,
  }
}

/** A module for a child process. */
async function entryOf(code: string): Promise<URL> {
  const path = join(await emptyFolder(), 'entry.mjs')
  await writeFile(path, code)
  return pathToFileURL(path)
}

async function run(checks: Readonly<Record<string, Check>>, code = '', signal = new AbortController().signal) {
  const findings: Finding[] = []
  const doing: string[] = []
  const options = {
    subject: SUBJECT,
    env: {},
    signal,
    onDoing: (what: string) => doing.push(what),
    entry: await entryOf(code),
  }
  for await (const finding of runChecks(checks, options)) findings.push(finding)
  return { findings, doing }
}

const CHILD = { place: 'child' } as const
const FINE = JSON.stringify({ finding: ok('node.version', 'fine') })

describe('a check in this process', () => {
  it('that throws is a problem, and the next one runs', async () => {
    const broken = check({
      load: () =>
        Promise.resolve(function* () {
          yield ok('node.version', 'so far')
          throw new Error('broken\nat somewhere')
        }),
    })
    const { findings } = await run({ broken, next: check() })
    expect(findings.map(({ status, summary }) => [status, summary])).toEqual([
      ['ok', 'so far'],
      ['problem', 'the thing could not be looked at: broken'],
      ['ok', 'fine'],
    ])
    expect(findings[1]?.advice).toBe('do this')
  })

  it('that cannot be loaded is a problem; a package that is missing is to be installed', async () => {
    const missing = Object.assign(new Error("Cannot find package 'x'"), { code: 'ERR_MODULE_NOT_FOUND' })
    const { findings } = await run({ missing: check({ load: () => Promise.reject(missing) }), next: check() })
    expect(findings.map(({ status }) => status)).toEqual(['problem', 'ok'])
    expect(findings[0]?.advice).toMatch(/Install the package again/)
  })

  it('that never answers is a problem once its time is up', async () => {
    const silent = check({
      limitMs: SHORT_MS,
      load: () =>
        Promise.resolve(() => ({
          [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }),
        })),
    })
    const { findings } = await run({ silent, next: check() })
    expect(findings.map(({ summary }) => summary)).toEqual(['no answer about the thing within 0.3 s', 'fine'])
  })

  it('is skipped where what it needs was a problem, and only then', async () => {
    const bad = check({ load: () => Promise.resolve(() => [notOk('problem', 'engine.load', 'bad', 'repair it')]) })
    const warned = check({ load: () => Promise.resolve(() => [notOk('warning', 'cpu.cores', 'few', 'none')]) })
    const { findings } = await run({
      bad,
      warned,
      after: check({ id: 'exit.code', needs: ['engine.load'] }),
      other: check({ needs: ['cpu.cores', 'engine.binary'] }),
    })
    expect(findings.map(({ id, status }) => [id, status])).toEqual([
      ['engine.load', 'problem'],
      ['cpu.cores', 'warning'],
      ['exit.code', 'note'],
      ['node.version', 'ok'],
    ])
  })
})

describe('a check in a process of its own', () => {
  it('tells its findings and what it is at', async () => {
    const code = `process.once('message', ({ check }) => {
      process.send({ doing: 'work on ' + check, done: 1, total: 2 })
      process.send(${FINE})
      process.send({ end: 'done' })
    })`
    const { findings, doing } = await run({ one: check(CHILD), two: check(CHILD) }, code)
    expect(findings.map(({ summary }) => summary)).toEqual(['fine', 'fine'])
    expect(doing).toEqual(['the thing', 'work on one', 'the thing', 'work on two'])
  })

  it.each([
    ['that crashes', "process.kill(process.pid, 'SIGSEGV')", /ended by SIGSEGV/],
    ['that aborts', 'process.abort()', /ended by SIGABRT/],
    ['that leaves', 'process.exit(3)', /ended with exit code 3/],
    ['that throws', "throw new TypeError('no such thing')", /ended with exit code 1: TypeError: no such thing/],
    ['that rejects', "Promise.reject(new Error('unheard'))", /ended with exit code 1: .*unheard/],
    ['that cannot be parsed', 'this is no program', /ended with exit code 1: SyntaxError/],
    ['that has nothing to say', "process.once('message', () => process.exit(0))", /ended with exit code 0/],
    [
      'that says it failed',
      "process.once('message', () => process.send({ end: 'failed', message: 'why' }))",
      /could not be looked at: why/,
    ],
  ])('%s is a problem', async (_, code, summary) => {
    const { findings } = await run({ one: check(CHILD), next: check() }, code)
    expect(findings.map(({ status }) => status)).toEqual(['problem', 'ok'])
    expect(findings[0]?.summary).toMatch(summary)
    expect(findings[0]?.advice).toBe('do this')
  })

  it('keeps what it found before it crashed, and tells where it was', async () => {
    const code = `process.once('message', () => {
      process.send({ doing: '/some/path' })
      process.send(${FINE}, () => process.kill(process.pid, 'SIGSEGV'))
      setInterval(() => undefined, 1000)
    })`
    const { findings } = await run({ one: check(CHILD) }, code)
    expect(findings.map(({ status }) => status)).toEqual(['ok', 'problem'])
    expect(findings[1]?.summary).toMatch(/ended by SIGSEGV, at \/some\/path$/)
  })

  it.each([
    ['waits for ever', "process.once('message', () => { process.send({ doing: 'x' }); setInterval(() => 0, 1000) })"],
    ['blocks its only thread', "process.once('message', () => { process.send({ doing: 'x' }, () => { for (;;); }) })"],
  ])('that %s is ended once it was silent for too long', async (_, code) => {
    // The process must have begun by then, on a busy machine, too.
    const { findings } = await run({ one: check({ ...CHILD, limitMs: 3000 }), next: check() }, code)
    expect(findings.map(({ status }) => status)).toEqual(['problem', 'ok'])
    expect(findings[0]).toMatchObject({ facts: { limitMs: 3000, at: 'x' } })
    expect(findings[0]?.summary).toBe('no answer about the thing within 3 s, at x')
  })

  it('may take as long as it likes while it shows that it is alive', async () => {
    const code = `process.once('message', () => {
      let said = 0
      const timer = setInterval(() => {
        if (++said < 20) return process.send({ doing: 'step ' + said })
        clearInterval(timer)
        process.send(${FINE})
        process.send({ end: 'done' })
      }, 200)
      process.send({ doing: 'begin' })
    })`
    const { findings } = await run({ one: check({ ...CHILD, limitMs: 3500 }) }, code)
    expect(findings.map(({ summary }) => summary)).toEqual(['fine'])
  })

  it('is believed only what makes sense', async () => {
    const code = `process.once('message', () => {
      for (const message of [null, 7, 'x', {}, { finding: {} }, { finding: { id: 'no.such', status: 'ok' } }, { end: 5 }]) {
        if (message?.end === undefined) process.send(message)
      }
      process.send(${FINE})
      process.send({ end: 'done' })
    })`
    const { findings } = await run({ one: check(CHILD) }, code)
    expect(findings).toEqual([ok('node.version', 'fine')])
  })

  it('that hangs after its last word holds nobody up', async () => {
    const code = `process.once('message', () => { process.send({ end: 'done' }); setInterval(() => 0, 1000) })`
    const { findings } = await run({ one: check(CHILD) }, code)
    expect(findings).toEqual([])
  })

  it('ends with an abort, and so does the whole run', async () => {
    const controller = new AbortController()
    const code = "process.once('message', () => { process.send({ doing: 'x' }); setInterval(() => 0, 1000) })"
    const entry = await entryOf(code)
    const checks = { one: check(CHILD), never: check() }
    const onDoing = (what: string): void => {
      if (what === 'x') controller.abort('SIGINT')
    }
    const findings: Finding[] = []
    const work = async (): Promise<void> => {
      for await (const finding of runChecks(checks, {
        subject: SUBJECT,
        env: {},
        signal: controller.signal,
        onDoing,
        entry,
      })) {
        findings.push(finding)
      }
    }
    await expect(work()).rejects.toMatchObject({ code: 'ABORTED' })
    expect(findings).toEqual([])
  })
})

describe('runChild', () => {
  const options = { env: {}, limitMs: LONG_MS, signal: new AbortController().signal }

  it('keeps the end of what was printed, however much that is', async () => {
    const entry = await entryOf("process.stdout.write('x'.repeat(100_000) + 'end'); process.stderr.write('reason: y')")
    const end = await runChild({ entry, ...options })
    expect(end).toMatchObject({ code: 0, signal: null, timedOut: false, finished: false, stderr: 'reason: y' })
    expect(end.stdout).toHaveLength(4000)
    expect(end.stdout).toMatch(/end$/)
  })

  it('has no program to run where the file is not there', async () => {
    const end = await runChild({ entry: pathToFileURL(join(await emptyFolder(), 'none.mjs')), ...options })
    expect(end.code).toBe(1)
    expect(endText(end)).toMatch(/Cannot find module/)
  })
})
