/** What a manifest on disk may say, and that what conversions measure fits into it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'

import { digestTexts } from '../../../src/convert/calibration/task-text.js'
import { passes } from '../../../src/convert/fidelity-bars.js'
import { measureFidelity } from '../../../src/convert/fidelity.js'
import type { Manifest } from '../../../src/files/manifest.js'
import { MANIFEST_FILE, MANIFEST_FORMAT, readManifest } from '../../../src/files/manifest.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const SHA256 = 'a'.repeat(64)

const FIDELITY: NonNullable<Manifest['fidelity']> = {
  reference: 'fp32',
  probe: SHA256,
  texts: 64,
  dimensions: 1024,
  minCosine: 0.996,
  meanCosine: 0.9994,
  topTenOverlap: 0.97,
  worstText: 12,
  worstLayer: { name: '/layers.3/mlp/down_proj', cosine: 0.9921 },
}

const MANIFEST: Manifest = {
  format: MANIFEST_FORMAT,
  model: { key: 'x', source: { kind: 'folder' } },
  recipe: { name: 'packed', version: 1 },
  precision: 'int8',
  architecture: { kind: 'new' },
  heads: [],
  sources: { 'model.safetensors': SHA256 },
  files: { 'backbone.onnx': { bytes: 1, sha256: SHA256 } },
  calibration: { texts: 100, sha256: SHA256 },
  sites: { 'layers.0.mlp.in': { scheme: 'row8', smoothed: true, error: 2e-4 } },
  fidelity: FIDELITY,
  specimen: { ids: [101, 7, 102], pooled: 'AACAPw==' },
  rejected: null,
  fingerprint: SHA256,
}

async function read(value: unknown): Promise<Manifest | undefined> {
  await writeFile(join(temporary.path, MANIFEST_FILE), typeof value === 'string' ? value : JSON.stringify(value))
  return readManifest(temporary.path)
}

describe('readManifest', () => {
  it.each<[string, Manifest]>([
    ['int8 with figures', MANIFEST],
    ['int4 without layers', { ...MANIFEST, precision: 'int4', fidelity: { ...FIDELITY, worstLayer: null } }],
    ['fp32 without figures', { ...MANIFEST, precision: 'fp32', calibration: null, fidelity: null }],
  ])('gives back %s', async (_, manifest) => {
    expect(await read(manifest)).toEqual(manifest)
  })

  it('has room for what conversions measure', async () => {
    const slab = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i))
    const figures = measureFidelity(slab, slab, 12)
    const probe = digestTexts([{ task: 'document', text: 'a' }])
    const fidelity = { reference: 'fp32', probe, dimensions: 2, worstLayer: null, ...figures } as const
    const found = await read({ ...MANIFEST, fidelity } satisfies Manifest)
    expect(found?.fidelity).toEqual(fidelity)
    expect(found !== undefined && passes(found.precision, found.fidelity)).toBe(true)
  })

  it('finds none in an empty folder', async () => {
    const empty = temporaryFolder()
    expect(await readManifest(empty.path)).toBeUndefined()
    await empty.remove()
  })

  it.each<[string, unknown, RegExp]>([
    ['the format before this one', { ...MANIFEST, format: 1 }, /format/],
    ['a precision of no kind', { ...MANIFEST, precision: 'int3' }, /precision/],
    ['no fidelity', { ...MANIFEST, fidelity: undefined }, /fidelity/],
    ['no calibration', { ...MANIFEST, calibration: undefined }, /calibration/],
    ['a calibration on nothing', { ...MANIFEST, calibration: { texts: 0, sha256: SHA256 } }, /calibration\.texts/],
    ['a cosine above 1', { ...MANIFEST, fidelity: { ...FIDELITY, minCosine: 1.01 } }, /minCosine/],
    ['a cosine that is text', { ...MANIFEST, fidelity: { ...FIDELITY, meanCosine: '0.999' } }, /meanCosine/],
    ['a cosine of null, as NaN is written', { ...MANIFEST, fidelity: { ...FIDELITY, minCosine: NaN } }, /minCosine/],
    ['a cosine beyond numbers', JSON.stringify(MANIFEST).replace('0.996', '1e999'), /minCosine/],
    ['an overlap below 0', { ...MANIFEST, fidelity: { ...FIDELITY, topTenOverlap: -0.1 } }, /topTenOverlap/],
    ['another reference', { ...MANIFEST, fidelity: { ...FIDELITY, reference: 'fp16' } }, /reference/],
    ['a probe that is no hash', { ...MANIFEST, fidelity: { ...FIDELITY, probe: '../x' } }, /probe/],
    ['a figure nobody knows', { ...MANIFEST, fidelity: { ...FIDELITY, mood: 1 } }, /mood/],
  ])('refuses %s', async (_, manifest, message) => {
    const error = await failureOf(() => read(manifest))
    expect(error.code).toBe('ARTEFACT_INVALID')
    expect(error.message).toMatch(message)
  })

  it('gives a manifest or ARTEFACT_INVALID, whatever stands in the place of the figures', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (fidelity) => {
        const found = await read({ ...MANIFEST, fidelity }).catch((error: unknown) => error)
        if (fidelity === null) expect(found).toMatchObject({ fidelity: null })
        else expect(found).toMatchObject({ name: 'StellaError', code: 'ARTEFACT_INVALID' })
      }),
      { numRuns: 100 },
    )
  })
})
