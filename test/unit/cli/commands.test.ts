/** The commands that need no worker thread, run through the entry function on the embedded model and a tiny checkpoint. */
import { copyFile, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { STELLA_EN_400M_V5, STELLA_NANO, getDefaultRegistry } from '../../../registry/index.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { artefactFolder, prepareArtefact } from '../../../src/convert/prepare.js'
import { makeCheckpoint } from '../../../tools/checkpoints/make-checkpoint.js'
import { CHECKPOINT_SPECS } from '../../../tools/checkpoints/specs.js'
import { fakeRepoFromFolder, startFakeHub } from '../../support/fake-hub.js'
import { emptyFolder, stella } from './cli-io.js'

async function checkpoint(name: keyof typeof CHECKPOINT_SPECS = 'new-tiny', called: string = name): Promise<string> {
  const folder = join(await emptyFolder(), called)
  await makeCheckpoint(folder, CHECKPOINT_SPECS[name])
  return folder
}

async function environment(): Promise<Record<string, string>> {
  return { STELLA_HOME: await emptyFolder(), HF_HOME: await emptyFolder(), HF_HUB_OFFLINE: '1' }
}

interface Json {
  readonly [key: string]: unknown
}

function parse(text: string): Json {
  return JSON.parse(text) as Json
}

describe('stella models', () => {
  it('lists every model, and what of it is here', async () => {
    const env = await environment()
    const before = await stella(['models'], { env })
    expect(before).toMatchObject({ code: 0, stderr: '' })
    for (const key of ['stella-nano', 'stella-en-400m-v5', 'stella-en-1.5b-v5']) expect(before.stdout).toContain(key)
    expect(before.stdout).toMatch(
      /stella-en-400m-v5 +NovaSearch\/stella_en_400M_v5 +434M .*1024\*.*8192 +not downloaded +\d\d\d MB/,
    )
    expect(before.stdout).toMatch(/stella-nano .*converted on first use/)
    await stella(['convert', 'stella-nano'], { env })
    expect((await stella(['models'], { env })).stdout).toMatch(/stella-nano .*converted \(fp32\)/)
  })

  it('prints descriptors and state as JSON', async () => {
    const env = await environment()
    await stella(['convert', 'stella-nano'], { env })
    const { models } = parse((await stella(['models', '--json'], { env })).stdout) as { models: Json[] }
    const [nano, middle] = models
    expect(nano).toMatchObject({ ...STELLA_NANO, state: { downloaded: true } })
    expect(nano?.['state']).toMatchObject({ converted: [{ precision: 'fp32', dimensions: [256, 512] }] })
    expect(middle).toMatchObject({
      ...STELLA_EN_400M_V5,
      state: { downloaded: false, checkpoint: null, converted: [] },
      // What `auto` tries first.
      memory: { precision: 'int8' },
    })
    expect(nano).toMatchObject({ memory: { precision: 'fp32' } })
  })
})

describe('artefactFolder', () => {
  it('is where prepareArtefact puts it', async () => {
    const home = await emptyFolder()
    for (const info of [STELLA_NANO, await describeCheckpoint(await checkpoint())]) {
      expect(await artefactFolder(info, 'fp32', { home })).toBe((await prepareArtefact(info, { home })).folder)
    }
  })
})

describe('stella convert', () => {
  it('converts a folder where embed will find it, and reports what it made', async () => {
    const env = await environment()
    const folder = await checkpoint()
    const first = await stella(['convert', folder, '--json'], { env })
    expect(first.code).toBe(0)
    expect(first.stderr).toBe('stella: converting new-tiny …\n')
    const facts = parse(first.stdout)
    expect(facts).toMatchObject({ model: 'new-tiny', converted: true, precision: 'fp32', dimensions: [64, 256] })
    const files = facts['files'] as { file: string; bytes: number }[]
    for (const { file, bytes } of files) expect((await stat(join(String(facts['artefact']), file))).size).toBe(bytes)
    expect(facts['bytes']).toBe(files.reduce((sum, { bytes }) => sum + bytes, 0))
    expect(facts['peakResidentBytes']).toBeGreaterThan(10e6)
    expect(facts['seconds']).toBeGreaterThan(0)
    const again = await stella(['convert', folder], { env })
    expect(again.stdout).toMatch(/backbone\.onnx\.data +\d+ kB/)
    expect(again.stdout).toContain('Converted before; --force makes it again.')
    expect((await stella(['convert', folder, '--force'], { env })).stdout).toMatch(
      /\d s, \d+ MB\/s, peak \d+ MB resident/,
    )
  })

  it('puts the artefact in exactly the folder that --out names', async () => {
    const env = await environment()
    const out = join(await emptyFolder(), 'deep', 'artefact')
    const { code, stdout } = await stella(
      ['convert', await checkpoint('qwen2-tiny'), '--out', out, '--dims', '256,48', '--json'],
      { env },
    )
    expect([code, parse(stdout)['artefact'], parse(stdout)['dimensions']]).toEqual([0, out, [256, 48]])
    expect(parse(await readFile(join(out, 'manifest.json'), 'utf8'))['model']).toMatchObject({ key: 'qwen2-tiny' })
    expect(await readdir(join(out, '..'))).toEqual(['artefact'])
    expect(await readdir(env['STELLA_HOME'] ?? '')).toEqual([])
  })

  it('takes every head that is there where --dims says nothing', async () => {
    const out = join(await emptyFolder(), 'artefact')
    const { stdout } = await stella(['convert', await checkpoint('qwen2-tiny'), '--out', out, '--json'], {
      env: await environment(),
    })
    expect(parse(stdout)['dimensions']).toEqual([48, 256, 768])
  })

  it('replaces an artefact only under --force, and a folder of the user’s never', async () => {
    const env = await environment()
    const folder = await checkpoint()
    const out = join(await emptyFolder(), 'artefact')
    expect((await stella(['convert', folder, '--out', out], { env })).code).toBe(0)
    const refused = await stella(['convert', folder, '--out', out], { env })
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('Replace it with --force')
    expect((await stella(['convert', folder, '--out', out, '--force'], { env })).code).toBe(0)
    const mine = await stella(['convert', folder, '--out', folder, '--force'], { env })
    expect(mine.code).toBe(2)
    expect(mine.stderr).toContain('will not replace')
    expect((await stat(join(folder, 'model.safetensors'))).size).toBeGreaterThan(0)
  })

  it('says what is wrong with a checkpoint, and leaves nothing', async () => {
    const env = await environment()
    const folder = await checkpoint()
    await writeFile(join(folder, 'model.safetensors'), 'not tensors')
    const out = join(await emptyFolder(), 'artefact')
    const { code, stderr } = await stella(['convert', folder, '--out', out, '--quiet'], { env })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^stella: .*model\.safetensors/)
    expect(await readdir(join(out, '..'))).toEqual([])
  })

  it('prefers a key over a folder of the same name, and takes the folder as a path', async () => {
    const env = await environment()
    expect(parse((await stella(['convert', 'stella-nano', '--json'], { env })).stdout)['model']).toBe('stella-nano')
    const folder = await checkpoint('new-tiny', 'stella-nano')
    expect(parse((await stella(['convert', folder, '--json'], { env })).stdout)['artefact']).toContain('local-')
  })
})

describe('stella verify', () => {
  it('passes the embedded model', async () => {
    const { code, stdout } = await stella(['verify', 'stella-nano'], { env: await environment() })
    expect(stdout).toMatch(/hash of backbone\.onnx\.data +passed/)
    expect(stdout).toMatch(/the same call twice +passed +0 +0 +0/)
    expect(stdout).toMatch(/alone and in a batch +passed/)
    expect(stdout).toMatch(/published numbers +skipped/)
    expect(stdout).toMatch(/10 passed, 0 failed, 1 skipped/)
    expect(code).toBe(0)
  })

  it.each(['new-tiny', 'qwen2-tiny'] as const)(
    'passes a checkpoint folder and an artefact folder of %s',
    async (name) => {
      const env = await environment()
      const folder = await checkpoint(name)
      const out = join(await emptyFolder(), 'artefact')
      expect((await stella(['verify', folder], { env })).code).toBe(0)
      expect((await stella(['convert', folder, '--out', out], { env })).code).toBe(0)
      const { code, stdout } = await stella(['verify', out, '--json'], { env })
      expect(code).toBe(0)
      expect(parse(stdout)).toMatchObject({ model: name, artefact: out, passed: true })
      const checks = parse(stdout)['checks'] as Json[]
      expect(checks.find((check) => check['name'] === 'alone and in a batch')).toMatchObject({
        status: 'passed',
        tolerance: 1e-6,
      })
    },
  )

  it('fails a changed byte with exit code 1, and runs nothing that is damaged', async () => {
    const env = await environment()
    const out = join(await emptyFolder(), 'artefact')
    await stella(['convert', await checkpoint(), '--out', out], { env })
    const path = join(out, 'backbone.onnx.data')
    const bytes = await readFile(path)
    bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000)
    await writeFile(path, bytes)
    const { code, stdout } = await stella(['verify', out], { env })
    expect(code).toBe(1)
    expect(stdout).toMatch(/hash of backbone\.onnx\.data +failed/)
    expect(stdout).toMatch(/model +skipped .*damaged/)
    expect(stdout).toMatch(/1 failed, 1 skipped/)
  })

  it('hashes an artefact whose checkpoint is gone, and says that it cannot run it', async () => {
    const env = await environment()
    const folder = await checkpoint()
    const out = join(await emptyFolder(), 'artefact')
    await stella(['convert', folder, '--out', out], { env })
    await rm(folder, { recursive: true })
    const { code, stdout } = await stella(['verify', out], { env })
    expect(code).toBe(0)
    expect(stdout).toMatch(/model +skipped .*new-tiny is no known model and its checkpoint is gone/)
  })

  it('does not run an artefact as a model of another shape', async () => {
    const env = await environment()
    const folder = await checkpoint('new-tiny')
    const out = join(await emptyFolder(), 'artefact')
    await stella(['convert', folder, '--out', out], { env })
    await copyFile(join(await checkpoint('new-wide'), 'config.json'), join(folder, 'config.json'))
    const { stdout } = await stella(['verify', out], { env })
    expect(stdout).toMatch(/model +skipped/)
  })
})

describe('stella pull', () => {
  it('makes the embedded model ready without a request', async () => {
    const env = await environment()
    const { code, stdout } = await stella(['pull', 'stella-nano', '--json'], { env })
    expect(code).toBe(0)
    expect(parse(stdout)).toMatchObject({
      model: 'stella-nano',
      converted: true,
      precision: 'fp32',
      dimensions: [256, 512],
    })
    const again = await stella(['pull', 'stella-nano'], { env })
    expect(again.stderr).toBe('stella: stella-nano was ready already\n')
    expect(again.stdout).toMatch(/^checkpoint {2}.*stella-nano\nartefact {4}.*fp32\n$/)
  })

  it('says offline what to copy where, and under --json in problem details', async () => {
    const env = await environment()
    const { code, stderr } = await stella(['pull', 'stella-en-400m-v5', '--dims', '256', '--quiet'], { env })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /copy into .*models--NovaSearch--stella_en_400M_v5.*: config\.json, .*2_Dense_256\/model\.safetensors/,
    )
    expect(stderr).not.toContain('2_Dense_1024')
    const json = parse((await stella(['pull', 'stella-en-400m-v5', '--json', '--quiet'], { env })).stderr)
    expect(json).toMatchObject({ code: 'DOWNLOAD_FAILED', status: 502 })
    expect((json['details'] as Json)['files']).toContain('2_Dense_1024/model.safetensors')
  })

  describe('from a hub', () => {
    const REPO = 'tests/cli-tiny'

    async function withHub(): Promise<{
      readonly key: string
      readonly env: Record<string, string>
      close: () => Promise<void>
    }> {
      const folder = await checkpoint('new-tiny')
      const repo = await fakeRepoFromFolder(folder)
      const hub = await startFakeHub({ repos: { [REPO]: repo } })
      const described = await describeCheckpoint(folder)
      const key = `cli-tiny-${repo.commit.slice(0, 8)}-${Date.now()}`
      const info = {
        ...described,
        key,
        aliases: [],
        source: { kind: 'hub', repo: REPO, revision: repo.commit },
      } as const
      getDefaultRegistry().register(info)
      const env = { STELLA_HOME: await emptyFolder(), HF_HOME: await emptyFolder(), HF_ENDPOINT: hub.url }
      return { key, env, close: () => hub.close() }
    }

    it('downloads only the heads asked for and converts, then needs the hub no more', async () => {
      const { key, env, close } = await withHub()
      const { code, stdout, stderr } = await stella(['pull', key, '--dims', '64', '--json'], { env })
      expect([code, stderr]).toEqual([0, `stella: downloading ${key} …\nstella: converting ${key} …\n`])
      const facts = parse(stdout)
      expect(facts).toMatchObject({ dimensions: [64], converted: true })
      expect((await readdir(String(facts['checkpoint']))).sort()).not.toContain('2_Dense_256')
      await close()
      expect((await stella(['pull', key, '--dims', '64'], { env })).code).toBe(0)
      const more = await stella(['pull', key, '--dims', '256', '--quiet'], { env: { ...env, HF_HUB_OFFLINE: '1' } })
      expect(more.code).toBe(1)
      expect(more.stderr).toContain('2_Dense_256/model.safetensors')
    })

    it('only downloads under --no-convert', async () => {
      const { key, env, close } = await withHub()
      const { code, stdout } = await stella(['pull', key, '--no-convert'], { env })
      await close()
      expect(code).toBe(0)
      expect(await readdir(stdout.trim())).toContain('model.safetensors')
      expect(await readdir(env['STELLA_HOME'] ?? '')).toEqual([])
      expect((await stella(['models'], { env })).stdout).toMatch(new RegExp(`${key} .*downloaded`))
    })
  })
})

it('commands make their folders only where they are told to', async () => {
  const env = await environment()
  await mkdir(join(env['STELLA_HOME'] ?? '', 'artefacts'), { recursive: true })
  await stella(['models'], { env })
  expect(await readdir(join(env['STELLA_HOME'] ?? '', 'artefacts'))).toEqual([])
})
