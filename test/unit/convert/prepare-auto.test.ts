/** What `auto` makes of a model, once, and what it remembers. */
import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import type { StellaModelInfo } from '../../../registry/types.js'
import type { Artefact, PrepareOptions } from '../../../src/convert/prepare.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { cosine } from '../../golden/golden-file.js'
import { FEW_TEXTS, calmModel, hardModel, setElement } from '../../support/quantisable.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { homesUnder, leftIn } from './artefact-homes.js'

const PREPARE = fileURLToPath(new URL('../../support/prepare-child.ts', import.meta.url))

const temporary = temporaryFolder()
afterAll(() => temporary.remove())
const freshHome = homesUnder(temporary.path)

let calm: StellaModelInfo
let hard: StellaModelInfo

beforeAll(async () => {
  calm = await calmModel(temporary.path, 'calm')
  hard = await hardModel(temporary.path, 'hard')
})

const prepare = (info: StellaModelInfo, options: PrepareOptions) =>
  prepareArtefact(info, { calibration: FEW_TEXTS, ...options })

const refuseToConvert = (): never => {
  throw new Error('converted again')
}

/** Endings of the artefacts of a model. */
async function precisionsIn({ folder }: Artefact): Promise<readonly string[]> {
  return (await readdir(dirname(folder))).map((name) => name.slice(name.lastIndexOf('-') + 1)).sort()
}

describe('auto', () => {
  it('is int8 where that is faithful, and finds it again', async () => {
    const home = freshHome()
    const made = await prepare(calm, { home })
    expect(made.manifest).toMatchObject({ precision: 'int8', rejected: null })
    expect(made.converted).toBe(true)
    const again = await prepareArtefact(calm, { home, onConvert: refuseToConvert })
    expect(again).toEqual({ ...made, converted: false })
    expect(await precisionsIn(made)).toEqual(['int8'])
  })

  it('is fp32 where it is not, says what was tried, keeps nothing else, and tries no more', async () => {
    const home = freshHome()
    const made = await prepare(hard, { home })
    expect(made.manifest).toMatchObject({ precision: 'fp32', fidelity: null, sites: null, calibration: null })
    expect(made.manifest.rejected).toHaveLength(1)
    const [tried] = made.manifest.rejected ?? []
    expect(tried).toMatchObject({ precision: 'int8', fidelity: { reference: 'fp32' } })
    expect(tried?.fidelity.minCosine).toBeLessThan(0.99)
    expect(await precisionsIn(made)).toEqual(['fp32'])
    expect(await prepareArtefact(hard, { home, onConvert: refuseToConvert })).toEqual({ ...made, converted: false })
    await using model = await LoadedStellaModel.load(hard, { home, threads: 1 })
    expect(model.artefact).toBe(made.folder)
  })

  it('tries over an fp32 artefact that somebody asked for, and again when forced', async () => {
    const home = freshHome()
    await prepare(calm, { home, precision: 'fp32' })
    const made = await prepare(calm, { home })
    expect([made.manifest.precision, made.converted]).toEqual(['int8', true])
    expect(await precisionsIn(made)).toEqual(['fp32', 'int8'])
    expect((await prepare(calm, { home, force: true })).converted).toBe(true)
  })

  it('goes by the int8 artefact that somebody asked for', async () => {
    const home = freshHome()
    await prepare(hard, { home, precision: 'int8' })
    const made = await prepare(hard, { home })
    expect(made.manifest.precision).toBe('fp32')
    expect(await precisionsIn(made)).toEqual(['fp32', 'int8'])
  })

  it('judges again what is calibrated on other texts', async () => {
    const home = freshHome()
    const first = await prepare(calm, { home })
    const others = FEW_TEXTS.map(({ task, text: own }) => ({ task, text: own.toUpperCase() }))
    const second = await prepare(calm, { home, calibration: others })
    expect([second.converted, second.manifest.precision]).toEqual([true, 'int8'])
    expect(second.manifest.fingerprint).not.toBe(first.manifest.fingerprint)
  })

  it('leaves nothing when it is aborted, be it in the first conversion or in the second', async () => {
    for (const at of ['int8', 'fp32'] as const) {
      const home = freshHome()
      const controller = new AbortController()
      let hashings = 0
      let last = ''
      const onConvert: PrepareOptions['onConvert'] = ({ state }) => {
        if (state === 'hashing' && last !== 'hashing') hashings++
        last = state
        if (hashings === (at === 'int8' ? 1 : 2)) controller.abort()
      }
      const aborted = prepare(hard, { home, signal: controller.signal, onConvert })
      await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
      const left = await leftIn(home, 'hard')
      expect(left.filter((name) => !name.includes('-int8'))).toEqual([])
      if (at === 'int8') expect(left).toEqual([])
      else expect((await prepare(hard, { home })).manifest.precision).toBe('fp32')
    }
  })
})

describe('auto in two places at once', () => {
  /** Reports of a conversion that told whom. */
  const both = async (info: StellaModelInfo) => {
    const home = freshHome()
    const reports = [0, 0]
    const calls = reports.map((_, index) =>
      prepare(info, { home, onConvert: () => (reports[index] = (reports[index] ?? 0) + 1) }),
    )
    return { artefacts: await Promise.all(calls), reports }
  }

  it.each(['calm', 'hard'] as const)('converts once: the %s model, in one process', async (name) => {
    const { artefacts, reports } = await both(name === 'calm' ? calm : hard)
    expect(artefacts.map(({ converted }) => converted).sort()).toEqual([false, true])
    expect(artefacts[0]?.manifest).toEqual(artefacts[1]?.manifest)
    expect(reports.filter((count) => count > 0)).toHaveLength(1)
  })

  it('converts once: in two processes', async () => {
    const options = { home: freshHome(), calibration: FEW_TEXTS }
    const run = async () => {
      const json = JSON.stringify({ info: hard, options })
      const child = spawn(process.execPath, ['--import', 'tsx', PREPARE, json], { stdio: ['ignore', 'pipe', 'pipe'] })
      onTestFinished(() => {
        child.kill('SIGKILL')
      })
      const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
      if (out === '') throw new Error(`the process ended without a result: ${errors}`)
      return JSON.parse(out) as Artefact & { readonly reports: number }
    }
    const results = await Promise.all([run(), run()])
    expect(results.map(({ converted }) => converted).sort()).toEqual([false, true])
    expect(results.filter(({ reports }) => reports > 0)).toHaveLength(1)
    expect(results.map(({ folder }) => basename(folder).endsWith('-fp32'))).toEqual([true, true])
  })
})

describe('an embedding table that float16 cannot hold', () => {
  it.each([1e6, Number.POSITIVE_INFINITY])('keeps its numbers: %d', async (huge) => {
    const info = await calmModel(temporary.path, 'huge')
    if (info.source.kind !== 'folder') throw new Error('a made checkpoint lies in a folder')
    const { hidden, vocab } = info.architecture
    // The last row: of a token that no probe text has.
    await setElement(info.source.path, 'new.embeddings.word_embeddings.weight', vocab * hidden - 1, huge)
    const home = freshHome()
    const { manifest } = await prepare(info, { home })
    expect(manifest.precision).toBe('int8')
    expect(manifest.files['backbone.onnx.data']?.bytes).toBeGreaterThan(4 * vocab * hidden)
    await using int8 = await LoadedStellaModel.load(info, { home, threads: 1 })
    await using fp32 = await LoadedStellaModel.load(info, { home, threads: 1, precision: 'fp32' })
    const [a, b] = [await int8.embed('quick brown fox'), await fp32.embed('quick brown fox')]
    expect(cosine(a.embedding, b.embedding)).toBeGreaterThan(0.999)
  })
})
