/** Entry of a child process: runs one step of the table and prints what it found as JSON. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import type { StellaModelInfo } from '../../registry/types.js'
import { readManifest } from '../../src/files/manifest.js'
import type { Precision } from '../../src/index.js'
import {
  EmbeddingPool,
  LoadedStellaModel,
  describeCheckpoint,
  isStellaError,
  prepareArtefact,
} from '../../src/index.js'
import { asPrecision } from '../support/models.js'
import { someIds } from '../support/shapes.js'
import { processMemory } from '../stand-in.js'
import { longText } from './long-text.js'
import type { Fidelity, Memory, StepArguments, Steps } from './steps.js'

type Opened = { readonly info: StellaModelInfo; readonly precision: Precision }

const FIDELITY = z.object({ minCosine: z.number(), meanCosine: z.number(), topTenOverlap: z.number() })

const FIRST_TEXT = 'The window of a house by the station, with the light of an old lamp in it.'

const STEPS: { readonly [Name in keyof Steps]: (given: Steps[Name]['given']) => Promise<Steps[Name]['found']> } = {
  convert: async (given) => {
    const { info, precision } = await open(given)
    const started = performance.now()
    const { folder } = await prepareArtefact(info, { home: given.home, precision, force: true })
    const seconds = (performance.now() - started) / 1000
    // ru_maxrss counts in units of 1,024 bytes on Linux.
    return { seconds, peakMB: (process.resourceUsage().maxRSS * 1024) / 1e6, artefactMB: await folderMB(folder) }
  },

  load: async (given) => {
    const { info, precision } = await open(given)
    try {
      await using model = await LoadedStellaModel.load(info, { home: given.home, precision, threads: given.threads })
      const started = performance.now()
      await model.embed(FIRST_TEXT)
      const firstTextMs = performance.now() - started
      const fidelity = pickFidelity((await readManifest(model.artefact))?.fidelity)
      return { seconds: model.loadMs / 1000, firstTextMs, fidelity }
    } catch (error) {
      if (!isStellaError(error) || error.code !== 'FIDELITY_TOO_LOW') throw error
      return { refused: error.message, fidelity: pickFidelity(error.details) }
    }
  },

  footprint: async (given) => {
    const { info, precision } = await open(given)
    const empty = await memory()
    const { home, workers, threads, shapes } = given
    const maxLength = Math.max(...shapes.flat())
    await using pool = await EmbeddingPool.open({ home, workers, threads, precision, maxLength })
    try {
      await pool.preload(info)
    } catch (error) {
      if (isStellaError(error) && error.code === 'MEMORY_EXHAUSTED') return { refused: error.message }
      throw error
    }
    const loaded = await memory()
    for (const lengths of shapes) {
      // A call for each worker, at once, and of other texts: every worker gets runs of the largest kind.
      const call = (_: unknown, worker: number) =>
        pool.batchEmbed(info, someIds({ lengths }, info.architecture.vocab, worker))
      await Promise.all(Array.from({ length: workers }, call))
    }
    const chargedMB = pool.stats().memory.granted / 1e6
    return { empty, loaded, afterLargest: await memory(), chargedMB }
  },

  long: async (given) => {
    const { info, precision } = await open(given)
    return await longText(info, precision, given)
  },
}

async function open({ checkpoint, key, precision }: StepArguments): Promise<Opened> {
  const known = asPrecision(precision)
  if (known === undefined) throw new Error(`${precision} is no precision of this version`)
  return { info: await describeCheckpoint(checkpoint, { key }), precision: known }
}

/** The figures that the table shows, from wherever they are told; null where they were not measured. */
function pickFidelity(told: unknown): Fidelity | null {
  return FIDELITY.safeParse(told).data ?? null
}

async function memory(): Promise<Memory> {
  const { pss, anonymous } = await processMemory()
  return { pssMB: pss, anonymousMB: anonymous }
}

async function folderMB(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return bytes / 1e6
}

/** Runs the step that the parent named. Generic, so that a step and what it is given belong together. */
async function run<Name extends keyof Steps>(step: Name, given: Steps[Name]['given']): Promise<Steps[Name]['found']> {
  return await STEPS[step](given)
}

const { step, given } = JSON.parse(process.argv[2] ?? '') as { step: keyof Steps; given: never }
process.stdout.write(JSON.stringify(await run(step, given)))
