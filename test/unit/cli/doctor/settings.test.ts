/** Variables that are wrong are findings, and no token is ever shown. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { checkSettings } from '../../../../src/cli/doctor/checks/settings.js'
import { subjectOf } from '../../../../src/cli/doctor/subject.js'
import { failureOf } from '../../../support/failure.js'
import { emptyFolder } from '../cli-io.js'
import { findingsOf, only } from './context.js'

const TOKEN = 'hf_averysecrettokenthatnobodymaysee'

describe('settings of the hub', () => {
  it('are told: hub, offline, and that a token is set, but not the token', async () => {
    const HF_HOME = await emptyFolder()
    const findings = await findingsOf(checkSettings, {
      env: { HF_HOME, HF_TOKEN: TOKEN, HF_ENDPOINT: 'http://127.0.0.1:9' },
    })
    const finding = only(findings, 'settings.hub')
    expect(finding).toMatchObject({
      status: 'ok',
      facts: { token: 'set', endpoint: 'http://127.0.0.1:9', offline: false },
    })
    expect(JSON.stringify(findings)).not.toContain(TOKEN)
    const offline = await findingsOf(checkSettings, { env: { HF_HOME, HF_HUB_OFFLINE: '1' } })
    expect(only(offline, 'settings.hub').summary).toMatch(/no request is made \(offline\); a token is not set/)
  })

  it.each([
    ['HF_HUB_OFFLINE', 'yep'],
    ['HF_ENDPOINT', `https://user:${TOKEN}@example.com`],
    ['HF_ENDPOINT', 'ftp://example.com'],
    ['HF_TOKEN', `${TOKEN} with blanks`],
  ])('%s that nobody can use is a problem, and its secret stays one', async (name, value) => {
    const findings = await findingsOf(checkSettings, { env: { HF_HOME: await emptyFolder(), [name]: value } })
    expect(only(findings, 'settings.hub')).toMatchObject({ status: 'problem' })
    expect(only(findings, 'settings.hub').summary).toContain(name)
    expect(JSON.stringify(findings)).not.toContain(TOKEN)
  })

  it('a token file that is a folder is a problem', async () => {
    const folder = await emptyFolder()
    const findings = await findingsOf(checkSettings, { env: { HF_HOME: folder, HF_TOKEN_PATH: folder } })
    expect(only(findings, 'settings.hub')).toMatchObject({ status: 'problem' })
  })
})

describe('settings of this package', () => {
  it('that are right are listed in one finding; where there are none nothing is said', async () => {
    const HF_HOME = await emptyFolder()
    const env = {
      HF_HOME,
      STELLA_WORKERS: '2',
      STELLA_HOME: '/x',
      STELLA_MEMORY: '4GB',
      STELLA_DEBUG: '1',
      STELLA_QUIET: '',
    }
    const finding = only(await findingsOf(checkSettings, { env }), 'settings.stella')
    expect(finding).toMatchObject({
      status: 'ok',
      facts: { variables: ['STELLA_DEBUG', 'STELLA_HOME', 'STELLA_MEMORY', 'STELLA_WORKERS'] },
    })
    expect((await findingsOf(checkSettings, { env: { HF_HOME } })).map(({ id }) => id)).toEqual(['settings.hub'])
  })

  it.each([
    ['STELLA_WORKERS', 'many'],
    ['STELLA_PRECISION', 'int2'],
    ['STELLA_DOWNLOAD', 'perhaps'],
  ])('%s=%s is a problem: it stops every command that has the option', async (name, value) => {
    const findings = await findingsOf(checkSettings, { env: { HF_HOME: await emptyFolder(), [name]: value } })
    const finding = only(findings, 'settings.stella')
    expect(finding).toMatchObject({ status: 'problem', subject: name })
    expect(finding.summary).toContain(name)
  })

  it('a name that nothing reads is a warning, with the one that was meant', async () => {
    const env = { HF_HOME: await emptyFolder(), STELLA_WORKRES: '2', STELLA_SOMETHING_ELSE_ENTIRELY: 'x' }
    const findings = (await findingsOf(checkSettings, { env })).filter(({ id }) => id === 'settings.stella')
    expect(findings.map(({ status, subject }) => [status, subject])).toEqual([
      ['warning', 'STELLA_SOMETHING_ELSE_ENTIRELY'],
      ['warning', 'STELLA_WORKRES'],
    ])
    expect(findings[1]?.advice).toContain('STELLA_WORKERS')
  })
})

describe('a configuration file', () => {
  it('that STELLA_CONFIG names is read, with the variables for it', async () => {
    const HF_HOME = await emptyFolder()
    const path = join(HF_HOME, 'app.yaml')
    await writeFile(path, 'workers: 2\nbatchSize: 64\n')
    const env = { HF_HOME, STELLA_CONFIG: path, STELLA_DEVICE: 'cpu' }
    const findings = await findingsOf(checkSettings, { env })
    expect(only(findings, 'settings.config')).toMatchObject({
      status: 'ok',
      subject: path,
      facts: { settings: [{ key: 'batchSize' }, { key: 'device' }, { key: 'workers' }], notes: [{ key: 'batchSize' }] },
    })
    expect(only(findings, 'settings.stella').status).toBe('ok')
  })

  it('that cannot be used is a problem, and so is a variable for its keys', async () => {
    const HF_HOME = await emptyFolder()
    const path = join(HF_HOME, 'app.yaml')
    await writeFile(path, 'workers: many\nthreads: many\n')
    const env = { HF_HOME, STELLA_CONFIG: path, STELLA_BATCH_SIZE: '0' }
    const findings = await findingsOf(checkSettings, { env })
    expect(only(findings, 'settings.config')).toMatchObject({ status: 'problem', facts: { count: 3 } })
    expect(findings.find(({ subject }) => subject === 'STELLA_BATCH_SIZE')).toMatchObject({
      status: 'problem',
      summary: 'STELLA_BATCH_SIZE: expected an integer from 1 to 4096; got 0',
    })
  })
})

describe('what is looked at', () => {
  it('has its folders also where other variables are of no use, and reads no token file', async () => {
    const HF_HOME = await emptyFolder()
    const env = {
      HF_HOME,
      HF_HUB_OFFLINE: 'yep',
      HF_ENDPOINT: 'nonsense',
      HF_TOKEN_PATH: HF_HOME,
      STELLA_HOME: '/data/stella',
    }
    expect(await subjectOf([], env, false)).toMatchObject({
      home: '/data/stella',
      cacheDir: join(HF_HOME, 'hub'),
      named: false,
    })
  })

  it('names models by key, by id and by folder, each once; all that are registered where none is named', async () => {
    const all = await subjectOf([], {}, true)
    expect(all.models.map(({ key }) => key)).toContain('stella-en-400m-v5')
    expect(all.verify).toBe(true)
    const two = await subjectOf(['stella-nano', 'NovaSearch/stella_en_400M_v5', 'stella-nano'], {}, false)
    expect(two.models.map(({ key }) => key)).toEqual(['stella-nano', 'stella-en-400m-v5'])
    expect(two.named).toBe(true)
  })

  it('refuses a model that nobody knows, and a folder that is no checkpoint', async () => {
    expect(await failureOf(() => subjectOf(['stella-nanu'], {}, false))).toMatchObject({ code: 'MODEL_UNKNOWN' })
    const folder = join(await emptyFolder(), 'x')
    await mkdir(folder)
    await writeFile(join(folder, 'config.json'), '{')
    expect(await failureOf(() => subjectOf([folder], {}, false))).toMatchObject({ code: 'CHECKPOINT_INVALID' })
  })
})
