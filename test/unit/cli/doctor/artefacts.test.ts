/** Converted models: whole, damaged, of another version, with packed weights in every state. */
import { mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { STELLA_EN_400M_V5, STELLA_NANO } from '../../../../registry/index.js'
import { checkArtefacts } from '../../../../src/cli/doctor/checks/artefacts.js'
import { packedFindings } from '../../../../src/cli/doctor/checks/packed.js'
import { checkPlans, planFinding } from '../../../../src/cli/doctor/checks/plans.js'
import type { Finding } from '../../../../src/cli/doctor/finding.js'
import { estimatedSubject } from '../../../../src/cli/plan/subject.js'
import { prepareArtefact } from '../../../../src/convert/prepare.js'
import type { Manifest } from '../../../../src/files/manifest.js'
import { packedName, writePackedRecord, writeRefusal } from '../../../../src/inference/packed-weights-record.js'
import { editJson } from '../../../support/tiny-checkpoint.js'
import { emptyFolder } from '../cli-io.js'
import { findingsOf, only } from './context.js'

async function converted(precision: 'fp32' | 'int8' = 'fp32') {
  const home = await emptyFolder()
  return { home, ...(await prepareArtefact(STELLA_NANO, { home, precision })) }
}

async function nanoFindings(home: string, changes: { readonly verify?: boolean; readonly named?: boolean } = {}) {
  return findingsOf(checkArtefacts, { home, models: [STELLA_NANO], ...changes })
}

describe('a converted model', () => {
  it('that is whole is ok, with its precision and heads', async () => {
    const { home, folder } = await converted()
    const finding = only(await nanoFindings(home), 'artefact.files')
    expect(finding).toMatchObject({
      status: 'ok',
      facts: { folder, precision: 'fp32', dimensions: [256, 512], hashed: false },
    })
    expect(finding.subject).toMatch(/^stella-nano\/local-[0-9a-f]{16}-fp32$/)
    expect(only(await nanoFindings(home, { verify: true }), 'artefact.files')).toMatchObject({
      status: 'ok',
      facts: { hashed: true },
    })
  })

  it('in each precision is told of by itself', async () => {
    const { home } = await converted()
    await prepareArtefact(STELLA_NANO, { home, precision: 'int8' })
    const precisions = (await nanoFindings(home)).map(({ facts }) => facts['precision'])
    expect(precisions).toEqual(['fp32', 'int8'])
  })

  it('that is not there yet is no trouble; one that was named is noted, with what to do', async () => {
    const home = await emptyFolder()
    expect(await nanoFindings(home)).toMatchObject([{ status: 'ok', subject: 'stella-nano' }])
    const [named] = await nanoFindings(home, { named: true })
    expect(named).toMatchObject({ status: 'note' })
    expect(named?.advice).toContain('stella pull stella-nano')
  })

  it.each<[string, (folder: string) => Promise<void>, RegExp]>([
    ['without a manifest', (folder) => rm(join(folder, 'manifest.json')), /no manifest\.json/],
    ['whose manifest is no JSON', (folder) => writeFile(join(folder, 'manifest.json'), '{"format":'), /is not JSON/],
    [
      'whose manifest is of another shape',
      (folder) => writeFile(join(folder, 'manifest.json'), '{"format":2}'),
      /manifest\.json: /,
    ],
    ['whose manifest is a folder', (folder) => replaceByFolder(join(folder, 'manifest.json')), /cannot be read/],
    ['that lacks a file', (folder) => rm(join(folder, 'heads/256.onnx.data')), /256\.onnx\.data is missing/],
    ['with a file that was cut', (folder) => truncate(join(folder, 'backbone.onnx.data'), 9), /has 9 bytes/],
    ['with a small file that was changed', (folder) => flipByte(join(folder, 'backbone.onnx')), /SHA-256/],
  ])('%s is a problem that says how to make it again', async (_, spoil, summary) => {
    const { home, folder } = await converted()
    await spoil(folder)
    const finding = only(await nanoFindings(home), 'artefact.files')
    expect(finding.status).toBe('problem')
    expect(finding.summary).toMatch(summary)
    expect(finding.advice).toMatch(/stella convert .*--force/)
  })

  it('of another version of this package is no problem: it is not used', async () => {
    const { home, folder } = await converted()
    const path = join(folder, 'manifest.json')
    await editJson(path, { recipe: { name: 'packed', version: 1 } })
    expect(only(await nanoFindings(home), 'artefact.files')).toMatchObject({
      status: 'note',
      facts: { why: 'recipe packed 1' },
    })
    await writeFile(path, '{"format":1,"whatever":true}')
    expect(only(await nanoFindings(home), 'artefact.files')).toMatchObject({
      status: 'note',
      facts: { why: 'format 1' },
    })
    await writeFile(path, '{"format":99}')
    expect(only(await nanoFindings(home), 'artefact.files')).toMatchObject({ status: 'note' })
  })

  it('of another state of the checkpoint is noted, with its size', async () => {
    const { home, folder } = await converted()
    await rename(folder, join(folder, '..', 'local-0000000000000000-fp32'))
    const finding = only(await nanoFindings(home), 'artefact.files')
    expect(finding).toMatchObject({ status: 'note', facts: { why: 'another state of the checkpoint' } })
    expect(finding.facts['bytes']).toBeGreaterThan(100_000)
  })

  it('of a model that is not registered is checked by size, and hashed with --verify', async () => {
    const { home, folder } = await converted()
    const findings = async (verify: boolean) => findingsOf(checkArtefacts, { home, models: [], verify })
    expect(only(await findings(false), 'artefact.files').status).toBe('ok')
    await flipByte(join(folder, 'backbone.onnx'))
    expect(only(await findings(false), 'artefact.files').status).toBe('ok')
    expect(only(await findings(true), 'artefact.files')).toMatchObject({ status: 'problem' })
    await truncate(join(folder, 'tokenizer.json'), 1)
    expect(only(await findings(false), 'artefact.files').summary).toMatch(/tokenizer\.json has 1 bytes/)
  })

  it('whose manifest names files outside of it is a problem, and nothing outside is opened', async () => {
    const { home, folder, manifest } = await converted()
    const files = { ...manifest.files, '../../../../../etc/passwd': { bytes: 1, sha256: '0'.repeat(64) } }
    await editJson(join(folder, 'manifest.json'), { files })
    const [finding] = await findingsOf(checkArtefacts, { home, models: [], verify: true })
    expect(finding).toMatchObject({ status: 'problem' })
  })

  it('below its bar of fidelity is a warning: it is whole, and refused at load', async () => {
    const { home, folder, manifest } = await converted('int8')
    await editJson(join(folder, 'manifest.json'), {
      fidelity: { ...manifest.fidelity, meanCosine: 0.5, minCosine: 0.5 },
    })
    expect(only(await nanoFindings(home), 'artefact.files')).toMatchObject({ status: 'warning' })
  })

  it('is looked at alone where it was named', async () => {
    const { home } = await converted()
    await mkdir(join(home, 'artefacts', 'another-model', 'x-fp32'), { recursive: true })
    expect(await nanoFindings(home, { named: true })).toHaveLength(1)
    expect(await nanoFindings(home)).toHaveLength(2)
  })
})

describe('packed weights', () => {
  /** Large enough to be shared. */
  const BYTES = 70e6

  async function packed(make: (place: string, artefact: string) => Promise<void>) {
    const artefact = await emptyFolder()
    const data = { bytes: BYTES, sha256: '0'.repeat(64) }
    const manifest = { files: { 'backbone.onnx': data, 'backbone.onnx.data': data } } as unknown as Manifest
    const place = join(artefact, 'packed', await packedName(manifest))
    await mkdir(place, { recursive: true })
    await make(place, artefact)
    const findings: Finding[] = []
    for await (const finding of packedFindings('m/x-int8', artefact, manifest)) findings.push(finding)
    return { findings, place }
  }

  const fill = async (place: string): Promise<void> => {
    await writeFile(join(place, 'backbone.onnx'), 'graph')
    for (const name of ['backbone.onnx.data', 'packed.data']) {
      await writeFile(join(place, name), '')
      await truncate(join(place, name), BYTES)
    }
    await writePackedRecord(place, 0)
  }

  it('that are there for this engine and processor are fresh', async () => {
    const { findings, place } = await packed(fill)
    expect(findings).toMatchObject([{ id: 'artefact.packed', status: 'ok', facts: { state: 'fresh', path: place } }])
  })

  it('that are not there are made by the next load', async () => {
    const { findings } = await packed((place) => rm(place, { recursive: true }))
    expect(findings).toMatchObject([{ status: 'note', facts: { state: 'absent' } }])
  })

  it('that were cut or changed are damaged', async () => {
    const cut = await packed(async (place) => {
      await fill(place)
      await truncate(join(place, 'packed.data'), 5)
    })
    expect(cut.findings).toMatchObject([{ status: 'warning', facts: { state: 'damaged' } }])
    const changed = await packed(async (place) => {
      await fill(place)
      await writeFile(join(place, 'backbone.onnx'), 'grapf')
    })
    expect(changed.findings).toMatchObject([{ status: 'warning', facts: { state: 'damaged' } }])
  })

  it('that this machine refused are a warning with the reason', async () => {
    const { findings } = await packed((place) => writeRefusal(place, 'they come out otherwise'))
    expect(findings).toMatchObject([
      { status: 'warning', facts: { state: 'refused', reason: 'they come out otherwise' } },
    ])
  })

  it('of another engine or processor are stale, with size and machine', async () => {
    const { findings } = await packed(async (place, artefact) => {
      await fill(place)
      const old = join(artefact, 'packed', '1.29.0-0123456789abcdef')
      await mkdir(old)
      await writeFile(join(old, 'packed.data'), Buffer.alloc(3000))
      await writeFile(join(old, 'packed.json'), JSON.stringify({ format: 0, host: hostname() }))
    })
    expect(findings).toMatchObject([{ status: 'ok' }, { status: 'note', facts: { state: 'stale', host: hostname() } }])
    expect(findings[1]?.facts['bytes']).toBeGreaterThan(3000)
  })

  it('of small weights are not asked for', async () => {
    const { home, manifest, folder } = await converted()
    expect(manifest.files['backbone.onnx.data']?.bytes).toBeLessThan(64e6)
    expect((await nanoFindings(home)).map(({ id }) => id)).toEqual(['artefact.files'])
    expect(folder).toContain(home)
  })
})

describe('plans', () => {
  it('are told for each model, with the options that the environment sets', async () => {
    const models = [STELLA_NANO, STELLA_EN_400M_V5]
    const env = { STELLA_WORKERS: '1', STELLA_MEMORY: '4GB', STELLA_PRECISION: 'int4' }
    const findings = await findingsOf(checkPlans, { models, env })
    expect(findings.map(({ subject }) => subject)).toEqual(['stella-nano', 'stella-en-400m-v5'])
    expect(findings[1]).toMatchObject({
      status: 'ok',
      facts: { workers: 1, precision: 'int4', budget: 4e9, basis: 'estimate', batchTokens: 512 },
    })
  })

  it('go without variables that nobody can use', async () => {
    const env = { STELLA_WORKERS: 'many', STELLA_MEMORY: 'much', STELLA_PRECISION: 'int2' }
    expect(await findingsOf(checkPlans, { models: [STELLA_NANO], env })).toMatchObject([{ status: 'ok' }])
  })

  it('that do not fit say what would; for a model that was named that is a problem', () => {
    const limits = { budget: 1e8, cores: 2, workers: undefined, threads: undefined, maxLength: undefined }
    const subject = estimatedSubject(STELLA_EN_400M_V5, 'int8')
    const finding = planFinding(STELLA_EN_400M_V5, subject, limits, false)
    expect(finding).toMatchObject({ status: 'warning', subject: 'stella-en-400m-v5' })
    expect(finding.advice).toMatch(/--memory \d+MB/)
    expect(planFinding(STELLA_EN_400M_V5, subject, limits, true).status).toBe('problem')
  })
})

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20)
  await writeFile(path, bytes)
}

async function replaceByFolder(path: string): Promise<void> {
  await rm(path)
  await mkdir(path)
}
