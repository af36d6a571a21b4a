/** A conversion to int8 or int4 from its first report to its end, or to an end before: nothing half-made stays. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { StellaModelInfo } from '../../../registry/types.js'
import { probeTexts } from '../../../src/convert/calibration/probe-texts.js'
import { digestTexts } from '../../../src/convert/calibration/task-text.js'
import type { ConvertProgress } from '../../../src/convert/convert-progress.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import type { PrepareOptions } from '../../../src/convert/prepare.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import { readManifest } from '../../../src/files/manifest.js'
import { LoadedStellaModel } from '../../../src/inference/loaded-stella-model.js'
import { makeCheckpoint } from '../../../tools/checkpoints/make-checkpoint.js'
import { CHECKPOINT_SPECS } from '../../../tools/checkpoints/specs.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'
import { FEW_TEXTS } from '../../support/quantisable.js'
import { runGraphChildren } from '../../support/run-graph-children.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { homesUnder, leftIn } from './artefact-homes.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())
const freshHome = homesUnder(temporary.path)

/** Just over what is converted in this process: its graphs run in processes of their own. */
const MID = CHECKPOINT_SPECS['qwen2-tiny']
const MID_SPEC = { ...MID, architecture: { ...MID.architecture, intermediate: 9216 }, heads: [48], defaultHead: 48 }

const STATES = ['calibrating', 'comparing', 'checking'] as const

let small: StellaModelInfo
let mid: StellaModelInfo

beforeAll(async () => {
  small = await describeCheckpoint(goldenCheckpoint('qwen2-tiny'), { key: 'small' })
  const folder = join(temporary.path, 'mid')
  await makeCheckpoint(folder, MID_SPEC)
  mid = await describeCheckpoint(folder, { key: 'mid' })
})

/** The states in order, each once for as long as it lasts. */
function phases(reports: readonly ConvertProgress[]): readonly string[] {
  return reports.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1])
}

describe('progress', () => {
  it.each(['int8', 'int4'] as const)(
    'of %s goes from hashing to checking, and counts each part to its end',
    async (precision) => {
      const reports: ConvertProgress[] = []
      const options = {
        home: freshHome(),
        precision,
        calibration: FEW_TEXTS,
        onConvert: (report: ConvertProgress) => reports.push(report),
      }
      const { manifest } = await prepareArtefact(small, options)
      const seen = phases(reports)
      // fp32's own vectors are made first; every repair compares, writes and checks again.
      expect(seen.slice(0, 5)).toEqual(['hashing', 'writing', 'checking', 'calibrating', 'comparing'])
      expect(seen.slice(5).join(' ')).toMatch(/^writing checking( comparing writing checking)*$/)
      for (const state of STATES) {
        const parts = reports.filter((report) => report.state === state)
        expect(parts.every(({ unit, model }) => unit === 'runs' && model === 'small')).toBe(true)
        expect(parts.at(-1)).toMatchObject({ done: parts.at(-1)?.total })
      }
      const bytes = reports.filter((report) => report.state === 'writing')
      expect(bytes.every(({ unit, done, total }) => unit === 'bytes' && done <= total)).toBe(true)
      expect(manifest.calibration).toEqual({ texts: FEW_TEXTS.length, sha256: digestTexts(FEW_TEXTS) })
      expect(manifest.fidelity).toMatchObject({ texts: probeTexts().length, probe: digestTexts(probeTexts()) })
    },
  )
})

describe('a conversion that ends early leaves nothing', () => {
  async function expectNothing(info: StellaModelInfo, options: PrepareOptions): Promise<unknown> {
    const home = freshHome()
    const [outcome] = await Promise.allSettled([
      prepareArtefact(info, { precision: 'int8', calibration: FEW_TEXTS, ...options, home }),
    ])
    expect(await leftIn(home, info.key)).toEqual([])
    if (process.platform === 'linux') expect(await runGraphChildren()).toEqual([])
    return outcome.status === 'rejected' ? outcome.reason : outcome
  }

  describe.each(STATES)('while %s', (state) => {
    it.each(['small', 'mid'] as const)('when the caller aborts it: %s', async (name) => {
      const controller = new AbortController()
      const states: string[] = []
      const onConvert = (report: ConvertProgress): void => {
        states.push(report.state)
        if (report.state === state) controller.abort()
      }
      const info = name === 'small' ? small : mid
      const error = await expectNothing(info, { signal: controller.signal, onConvert })
      expect(error).toMatchObject({ code: 'ABORTED' })
      expect(states.filter((seen) => seen === state).length).toBeLessThanOrEqual(2)
    })

    it.each(['small', 'mid'] as const)('when a listener throws: %s', async (name) => {
      const onConvert = (report: ConvertProgress): void => {
        if (report.state === state && report.done === report.total) throw new Error('listener')
      }
      const error = await expectNothing(name === 'small' ? small : mid, { onConvert })
      expect(error).toMatchObject({ message: 'listener' })
    })
  })

  it.runIf(process.platform === 'linux')('when the process that runs the model is killed', async () => {
    let killed: Promise<void> | undefined
    const onConvert = ({ state }: ConvertProgress): void => {
      if (state !== 'calibrating') return
      killed ??= runGraphChildren().then((pids) => {
        for (const pid of pids) process.kill(pid, 'SIGKILL')
      })
    }
    const error = await expectNothing(mid, { onConvert, calibration: undefined })
    expect(error).toMatchObject({ code: 'WORKER_LOST', details: { signal: 'SIGKILL' } })
  })
})

describe('a model of processes', () => {
  it('is converted as one of this process is, and its laboratory is gone', async () => {
    const home = freshHome()
    const { manifest, folder } = await prepareArtefact(mid, { home, precision: 'int8', calibration: FEW_TEXTS })
    const files = await leftIn(home, mid.key)
    expect(files.filter((file) => /reference|comparison|partial|lock/.test(file))).toEqual([])
    expect(Object.keys(manifest.sites ?? {})).toHaveLength(4 * mid.architecture.layers)
    expect(manifest.fidelity?.minCosine).toBeGreaterThan(0.99)
    expect(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))).toEqual(manifest)
  })
})

describe('calibration texts', () => {
  it('that are others make the artefact again; none named keep the one that is there', async () => {
    const home = freshHome()
    const own = { home, precision: 'int8' } as const
    const first = await prepareArtefact(small, { ...own, calibration: FEW_TEXTS })
    expect((await prepareArtefact(small, own)).converted).toBe(false)
    expect((await prepareArtefact(small, { ...own, calibration: FEW_TEXTS })).converted).toBe(false)
    const others = FEW_TEXTS.map(({ task, text }) => ({ task, text: text.toUpperCase() }))
    const second = await prepareArtefact(small, { ...own, calibration: others })
    expect(second.converted).toBe(true)
    expect(second.folder).toBe(first.folder)
    expect(second.manifest.calibration?.sha256).toBe(digestTexts(others))
    expect(second.manifest.fingerprint).not.toBe(first.manifest.fingerprint)
    expect((await prepareArtefact(small, own)).manifest).toEqual(second.manifest)
  })

  it('can be given to a load', async () => {
    const options = { home: freshHome(), precision: 'int8', calibration: FEW_TEXTS, threads: 1 } as const
    await using model = await LoadedStellaModel.load(small, options)
    const manifest = await readManifest(model.artefact)
    expect(manifest?.calibration?.sha256).toBe(digestTexts(FEW_TEXTS))
  })

  it('say nothing of fp32', async () => {
    const home = freshHome()
    const { manifest } = await prepareArtefact(small, { home, precision: 'fp32', calibration: FEW_TEXTS })
    expect([manifest.calibration, manifest.sites, manifest.fidelity]).toEqual([null, null, null])
    expect((await prepareArtefact(small, { home, precision: 'fp32' })).converted).toBe(false)
  })

  it('that are too few or no texts are refused before anything is read', async () => {
    const home = freshHome()
    for (const calibration of [FEW_TEXTS.slice(1), [], 'texts', [{ task: 'other', text: 'x' }]]) {
      const options = { home, precision: 'int8', calibration: calibration as typeof FEW_TEXTS } as const
      const error = await failureOf(() => prepareArtefact(small, options))
      expect(error).toMatchObject({ code: 'OPTION_INVALID', details: { option: 'calibration' } })
    }
    expect(await leftIn(home, 'small')).toEqual([])
  })
})
