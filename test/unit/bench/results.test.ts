import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { parseResults, readResults, saveResults } from '../../../bench/support/results.js'
import { PEERS, TABLE } from './results.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stella-pool-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('results on disk', () => {
  it('come back as they were saved, a model to a file', async () => {
    expect(await saveResults(TABLE, folder)).toBe('a-model.json')
    expect(await saveResults(PEERS, folder)).toBe('a-model-peers.json')
    expect(await readResults(folder)).toEqual([PEERS, TABLE])
  })

  it('replace those found before', async () => {
    await saveResults({ ...TABLE, rounds: 9 }, folder)
    expect(parseResults(await readFile(join(folder, 'a-model.json'), 'utf8'))).toMatchObject({ rounds: 9 })
  })

  it('are rounded to four figures, cosines to nine', async () => {
    await saveResults({ ...TABLE, gopPerToken: 1 / 3 }, folder)
    const [agreement] = PEERS.agreement
    if (agreement === undefined) throw new Error('no row')
    await saveResults({ ...PEERS, agreement: [{ ...agreement, minCosine: 0.12345678912, maxAbs: 1.23456e-8 }] }, folder)
    const [peers, table] = await readResults(folder)
    expect(table).toMatchObject({ gopPerToken: 0.3333 })
    expect(peers).toMatchObject({ agreement: [{ minCosine: 0.123456789, maxAbs: 1.235e-8 }] })
  })

  it('of no folder are none', async () => {
    expect(await readResults(join(folder, 'missing'))).toEqual([])
  })

  it('of another format or with keys nobody knows are refused', async () => {
    expect(() => parseResults(JSON.stringify({ ...TABLE, format: 0 }))).toThrow('format')
    expect(() => parseResults(JSON.stringify({ ...TABLE, hostname: 'x' }))).toThrow('hostname')
    expect(() => parseResults(JSON.stringify({ ...TABLE, kind: 'other' }))).toThrow('kind')
    const bad = join(folder, 'bad')
    await saveResults(TABLE, bad)
    await writeFile(join(bad, 'b.json'), '{')
    await expect(readResults(bad)).rejects.toThrow(SyntaxError)
  })

  it('that were measured as no number are not saved', async () => {
    await expect(saveResults({ ...TABLE, gopPerToken: Number.NaN }, folder)).rejects.toThrow('gopPerToken')
  })
})
