/** `stella plan`, through the entry function. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { STELLA_EN_400M_V5 } from '../../../../registry/index.js'
import { planSubject } from '../../../../src/cli/plan/subject.js'
import { artefactFolder } from '../../../../src/convert/artefact-folder.js'
import { MANIFEST_FILE, readManifest } from '../../../../src/files/manifest.js'
import { packedName, writeRefusal } from '../../../../src/inference/packed-weights-record.js'
import { makeCheckpoint } from '../../../../tools/checkpoints/make-checkpoint.js'
import { CHECKPOINT_SPECS } from '../../../../tools/checkpoints/specs.js'
import { emptyFolder, stella } from '../cli-io.js'

async function environment(): Promise<Record<string, string>> {
  return { STELLA_HOME: await emptyFolder(), HF_HOME: await emptyFolder(), HF_HUB_OFFLINE: '1' }
}

interface PlanJson {
  readonly fits: boolean
  readonly budget: number
  readonly left: number
  readonly alternatives: readonly { readonly option: string; readonly value: string }[]
  readonly models: readonly Readonly<Record<string, unknown>>[]
}

async function planOf(argv: readonly string[], env: Record<string, string>) {
  const run = await stella(['plan', ...argv, '--json'], { env })
  return { ...run, plan: JSON.parse(run.stdout) as PlanJson }
}

/** Puts a manifest where the 400M's artefact would be, made from that of the embedded model. */
async function pretendConverted(env: Record<string, string>, precision: 'fp32' | 'int8', bytes: number) {
  await stella(['convert', 'stella-nano'], { env })
  const home = env['STELLA_HOME'] ?? ''
  const nano = JSON.parse((await stella(['convert', 'stella-nano', '--json'], { env })).stdout) as { artefact: string }
  const manifest = await readManifest(nano.artefact)
  if (manifest === undefined) throw new Error('the embedded model was not converted')
  const folder = await artefactFolder(STELLA_EN_400M_V5, precision, { home })
  await mkdir(folder, { recursive: true })
  const files = { ...manifest.files, 'backbone.onnx.data': { bytes, sha256: '0'.repeat(64) } }
  const made = { ...manifest, model: { ...manifest.model, key: STELLA_EN_400M_V5.key }, precision, files }
  await writeFile(join(folder, MANIFEST_FILE), JSON.stringify(made))
  return { folder, manifest: made }
}

describe('stella plan', () => {
  it('prints workers × threads × tokens, the sum, and what is left', async () => {
    const argv = ['plan', 'stella-en-400m-v5', '--memory', '4GB', '--workers', '1', '--threads', '1']
    const { code, stdout, stderr } = await stella(argv, { env: await environment() })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^stella-en-400m-v5 in int8\n/)
    expect(stdout).toMatch(/plan +1 worker × 1 thread × 512 tokens a batch\n/)
    expect(stdout).toMatch(
      /memory +\d+ MB = \d+ MB shared \+ \d+ MB process \+ 1 worker × \(\d+ MB weights \+ \d+ MB scratch \+ \d+ MB thread\)/,
    )
    expect(stdout).toMatch(/budget +fits: 3\.\d+ GB left of 4\.00 GB/)
    expect(stdout).toMatch(/texts +up to 512 tokens; 8192, the model's limit, would fit/)
    expect(stdout).toMatch(/weights +estimated: there is no int8 artefact yet/)
    expect(stdout).toMatch(/\n3\.\d+ GB of the budget of 4\.00 GB are left\n$/)
  })

  it('says the same as JSON, in bytes that add up', async () => {
    const { code, plan } = await planOf(['stella-en-400m-v5', '--memory', '4GB', '--workers', '2'], await environment())
    expect(code).toBe(0)
    const [model] = plan.models
    expect(model).toMatchObject({
      model: 'stella-en-400m-v5',
      precision: 'int8',
      basis: 'estimate',
      workers: 2,
      batchTokens: 512,
      fits: true,
      refusal: null,
    })
    const {
      shared = 0,
      once = 0,
      weights = 0,
      scratch = 0,
      base = 0,
      total,
    } = model?.['memory'] as Record<string, number>
    expect(total).toBeCloseTo(shared + once + 2 * (weights + scratch + base), 3)
    expect(plan).toMatchObject({ fits: true, budget: 4e9, left: 4e9 - (total ?? 0), alternatives: [] })
  })

  it('fails where a model does not fit, with the refusal of a pool, and says what would', async () => {
    const env = await environment()
    const argv = [
      'stella-en-400m-v5',
      '--memory',
      '1GB',
      '--precision',
      'fp32',
      '--max-length',
      '4096',
      '--workers',
      '2',
    ]
    const { code, stdout, stderr } = await stella(['plan', ...argv], { env })
    expect(code).toBe(1)
    expect(stdout).toMatch(/budget +does not fit: \d.* more than the 1\.00 GB there are/)
    expect(stdout).toMatch(/stella-en-400m-v5 would fit with any one of\n {2}--memory \d\.\d+GB\n/)
    expect(stderr).toMatch(
      /^stella: stella-en-400m-v5 needs .*; 1\.00 GB of the budget of 1\.00 GB are free\. It is made of/,
    )
    const json = await planOf(argv, env)
    expect(json.plan).toMatchObject({ fits: false, left: 1e9 })
    expect(json.plan.models[0]?.['refusal']).toMatchObject({ code: 'MEMORY_EXHAUSTED', status: 507 })
    expect(JSON.parse(json.stderr)).toMatchObject({ code: 'MEMORY_EXHAUSTED', details: { workers: 2 } })
    // What it says would fit, does.
    for (const { option, value } of json.plan.alternatives) {
      const at = argv.indexOf(option)
      const changed = at === -1 ? [...argv, option, value] : argv.with(at + 1, value)
      expect((await stella(['plan', ...changed], { env })).code, `${option} ${value}`).toBe(0)
    }
  })

  it('plans several under one budget, in their order', async () => {
    const { plan, code } = await planOf(['stella-nano', 'stella-en-400m-v5', '--memory', '4GB'], await environment())
    expect(code).toBe(0)
    const [nano, middle] = plan.models
    expect(middle?.['available']).toBe(4e9 - (nano?.['memory'] as { total: number }).total)
    const [tight] = (await planOf(['stella-en-1.5b-v5', 'stella-en-400m-v5', '--memory', '2.5GB'], await environment()))
      .plan.models
    expect(tight).toMatchObject({ workers: 1, fits: true })
  })

  it('warns of more threads than cores, which nothing else would refuse', async () => {
    const argv = ['plan', 'stella-nano', '--workers', '2', '--threads', '1000']
    expect((await stella(argv, { env: await environment() })).stdout).toMatch(/note +2000 threads on \d+ cores?:/)
  })

  it('takes a checkpoint folder', async () => {
    const folder = join(await emptyFolder(), 'new-tiny')
    await makeCheckpoint(folder, CHECKPOINT_SPECS['new-tiny'])
    const { stdout } = await stella(['plan', folder], { env: await environment() })
    expect(stdout).toMatch(/^new-tiny in fp32\n/)
  })

  it.each([
    [['plan'], /takes at least one model/],
    [['plan', 'stella-en-400'], /No model is called `stella-en-400`\. Did you mean `stella-en-400m-v5`/],
    [['plan', 'stella-nano', '--memory', 'lots'], /`--memory` to be bytes.*got "lots"/],
    [['plan', 'stella-nano', '--memory', '0'], /`--memory` to be bytes/],
    [['plan', 'stella-nano', '--memory', '101%'], /`--memory` to be bytes/],
    [['plan', 'stella-nano', '--threads', '5000'], /`--threads` to be an integer of at least 1 and at most 1024/],
    [['plan', 'stella-nano', '--max-length', '5000'], /`--max-length` to be an integer from 4 to 2048/],
    [['plan', 'stella-nano', '--precision', 'int2'], /`--precision` to be auto, fp32, int8 or int4/],
    [['plan', 'stella-nano', 'stella-pool/stella-nano'], /`stella-nano` is named twice/],
    [['plan', '/nowhere/at/all'], /is no folder/],
  ])('refuses %j and changes nothing', async (argv, message) => {
    const { code, stdout, stderr } = await stella(argv, { env: await environment() })
    expect(code).toBe(argv.includes('/nowhere/at/all') ? 1 : 2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
  })

  it('works where the folder of artefacts is a file', async () => {
    const file = join(await emptyFolder(), 'file')
    await writeFile(file, '')
    const { code, stdout } = await stella(['plan', 'stella-nano'], { env: { STELLA_HOME: file } })
    expect(code).toBe(0)
    expect(stdout).toContain('estimated')
  })
})

describe('the sizes a plan goes by', () => {
  it('are those of the artefact that would be loaded', async () => {
    const env = await environment()
    const { folder } = await pretendConverted(env, 'int8', 600e6)
    const { plan } = await planOf(['stella-en-400m-v5', '--precision', 'int8'], env)
    expect(plan.models[0]).toMatchObject({ basis: 'artefact', artefact: folder, precision: 'int8' })
    expect((plan.models[0]?.['memory'] as { shared: number }).shared).toBeCloseTo(600e6, 0)
    const other = await planOf(['stella-en-400m-v5', '--precision', 'int4'], env)
    expect(other.plan.models[0]).toMatchObject({ basis: 'estimate', artefact: null, precision: 'int4' })
  })

  it('under auto are those of what conversions have settled on, else of what auto would try', async () => {
    const env = await environment()
    expect((await planOf(['stella-en-400m-v5'], env)).plan.models[0]).toMatchObject({ precision: 'int8' })
    expect((await planOf(['stella-nano'], env)).plan.models[0]).toMatchObject({ precision: 'fp32' })
    const { folder, manifest } = await pretendConverted(env, 'fp32', 1.7e9)
    // Somebody's fp32 says nothing of int8, which auto still tries.
    expect((await planOf(['stella-en-400m-v5'], env)).plan.models[0]).toMatchObject({
      precision: 'int8',
      basis: 'estimate',
    })
    const figures = { texts: 1, dimensions: 1, minCosine: 0, meanCosine: 0, topTenOverlap: 0, worstText: 0 }
    const fidelity = { reference: 'fp32', probe: '0'.repeat(64), ...figures, worstLayer: null }
    const rejected = [{ precision: 'int8', fidelity, calibration: '0'.repeat(64) }]
    await writeFile(join(folder, MANIFEST_FILE), JSON.stringify({ ...manifest, rejected }))
    expect((await planOf(['stella-en-400m-v5'], env)).plan.models[0]).toMatchObject({
      precision: 'fp32',
      basis: 'artefact',
    })
  })

  it('count a copy for each worker where this machine has refused to share the weights', async () => {
    const env = await environment()
    const { folder, manifest } = await pretendConverted(env, 'int8', 466e6)
    const before = await planSubject(STELLA_EN_400M_V5, 'int8', env['STELLA_HOME'])
    expect(before).toMatchObject({ artefact: folder, storedBytes: 466e6, weights: undefined })
    const place = join(folder, 'packed', await packedName(manifest))
    await mkdir(place, { recursive: true })
    await writeRefusal(place, 'for a test')
    expect(await planSubject(STELLA_EN_400M_V5, 'int8', env['STELLA_HOME'])).toMatchObject({ weights: 'own' })
    const { stdout } = await stella(['plan', 'stella-en-400m-v5', '--precision', 'int8', '--workers', '2'], { env })
    expect(stdout).toContain('not shared on this machine: each worker holds a copy')
  })

  it('are estimates where nobody can say where artefacts are', async () => {
    expect(await planSubject(STELLA_EN_400M_V5, 'auto', undefined)).toMatchObject({
      artefact: undefined,
      precision: 'int8',
    })
  })
})
