/**
 * What the core costs at full size: conversion, load, first and warm latency, and the price of reloading for each call.
 * Each step runs in a process of its own, so that its peak memory is its own.
 *
 *   npm run bench:core -- stella-en-400m-v5 [folder]
 *
 * Makes the full-size stand-in in `folder` (default: a folder under the system's temporary one) unless it is there.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describeCheckpoint } from '../src/convert/describe-checkpoint.js'
import { prepareArtefact } from '../src/convert/prepare.js'
import { LoadedStellaModel } from '../src/inference/loaded-stella-model.js'
import { median, processMemory, standIn } from './stand-in.js'

/** The 400M's stand-in makes 26 tokens of it. */
const TEXT = 'Embeddings map texts to points so that texts of like meaning lie close together.'
const WARM_RUNS = 20
const RELOADS = 3

/** Facts of one step. */
type Facts = Readonly<Record<string, number>>

const megabytes = ({ rss, pss, anonymous }: { rss: number; pss: number; anonymous: number }): Facts => {
  return { rssMB: rss, pssMB: pss, anonymousMB: anonymous }
}

const seconds = (since: number): number => (performance.now() - since) / 1000

/** Steps by name; each prints its facts as JSON. */
const STEPS = {
  convert: async (folder: string, home: string): Promise<Facts> => {
    const info = await describeCheckpoint(folder)
    const started = performance.now()
    await prepareArtefact(info, { home, force: true })
    return { convertSeconds: seconds(started), convertPeakMB: process.resourceUsage().maxRSS / 1e3 }
  },
  load: async (folder: string, home: string): Promise<Facts> => {
    const info = await describeCheckpoint(folder)
    const started = performance.now()
    await using model = await LoadedStellaModel.load(info, { home })
    const loadSeconds = seconds(started)
    const first = performance.now()
    await model.embed(TEXT)
    const firstMs = seconds(first) * 1000
    const warm: number[] = []
    for (let run = 0; run < WARM_RUNS; run++) {
      const start = performance.now()
      await model.embed(TEXT)
      warm.push(seconds(start) * 1000)
    }
    return { loadSeconds, firstMs, warmMs: median(warm), ...megabytes(await processMemory()) }
  },
  reload: async (folder: string, home: string): Promise<Facts> => {
    const info = await describeCheckpoint(folder)
    const calls: number[] = []
    for (let run = 0; run < RELOADS; run++) {
      const start = performance.now()
      await using model = await LoadedStellaModel.load(info, { home })
      await model.embed(TEXT)
      calls.push(seconds(start) * 1000)
    }
    return { reloadedCallMs: median(calls) }
  },
} as const

async function inChild(step: string, folder: string, home: string): Promise<Facts> {
  const self = fileURLToPath(import.meta.url)
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    self,
    '--step',
    step,
    folder,
    home,
  ])
  return JSON.parse(stdout) as Facts
}

async function main(): Promise<void> {
  const [first, second, third, fourth] = process.argv.slice(2)
  if (first === '--step' && second !== undefined && third !== undefined && fourth !== undefined) {
    const step = STEPS[second as keyof typeof STEPS]
    process.stdout.write(JSON.stringify(await step(third, fourth)))
    return
  }
  const name = first ?? 'stella-en-400m-v5'
  const { folder, home } = await standIn(name, second)
  const facts: Record<string, number> = {}
  for (const step of Object.keys(STEPS)) Object.assign(facts, await inChild(step, folder, home))
  facts.reloadRatio = (facts.reloadedCallMs ?? Number.NaN) / (facts.warmMs ?? Number.NaN)
  const rows = Object.entries(facts).map(([fact, value]) => `| ${fact} | ${value.toFixed(value < 10 ? 2 : 0)} |`)
  console.log([`| ${name} | |`, '|---|---|', ...rows].join('\n'))
}

await main()
