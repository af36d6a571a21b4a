/** Which packed forms are removed, and which stay. */
import type * as Fs from 'node:fs/promises'
import { mkdir, mkdtemp, readdir, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, it, vi } from 'vitest'

import { removeStalePacked } from '../../../src/inference/stale-packed-weights.js'
import { recorder } from '../../support/sharing.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const mapped = vi.hoisted(() => ({ name: '' }))
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof Fs>()
  const rm: typeof fs.rm = (path, options) => {
    const isMapped = mapped.name !== '' && String(path).endsWith(mapped.name)
    return isMapped ? Promise.reject(new Error('EBUSY: it is mapped')) : fs.rm(path, options)
  }
  return { ...fs, rm }
})

/** A day more than a packed form of another machine may go unused. */
const OLD_MS = 31 * 24 * 3600 * 1000

const CURRENT = '1.30.0-fedcba9876543210'
const OTHER = '1.29.0-0123456789abcdef'
const UNFINISHED = `${CURRENT}.01234567-0123-0123-0123-0123456789ab.partial`

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

interface Before {
  /** Machine in the record; none: no record. */
  readonly host?: string
  /** Time since the last load, in milliseconds. */
  readonly unused?: number
}

/** Makes folders in a fresh `packed/`, removes what is stale, and gives the names that are left. */
async function remaining(before: Readonly<Record<string, Before>>, logger = recorder()): Promise<readonly string[]> {
  const root = await mkdtemp(join(temporary.path, 'packed-'))
  for (const [name, { host, unused = 0 }] of Object.entries(before)) {
    await mkdir(join(root, name))
    await writeFile(join(root, name, 'packed.data'), 'large')
    if (host === undefined) continue
    const record = join(root, name, 'packed.json')
    // Of a format that this version does not know.
    await writeFile(record, JSON.stringify({ format: 0, host, later: true }))
    const used = new Date(Date.now() - unused)
    await utimes(record, used, used)
  }
  await removeStalePacked(root, join(root, CURRENT), logger)
  return readdir(root)
}

it.each<[string, Readonly<Record<string, Before>>, readonly string[]]>([
  ['of this machine, for another engine, processor or artefact, goes', { [OTHER]: { host: hostname() } }, []],
  ['of another machine stays: it may have it mapped', { [OTHER]: { host: 'elsewhere' } }, [OTHER]],
  ['of another machine goes after a month without a load', { [OTHER]: { host: 'elsewhere', unused: OLD_MS } }, []],
  ['without a record goes', { [OTHER]: {} }, []],
  ['that was never finished goes', { [UNFINISHED]: {} }, []],
  ['that is the current one stays, whatever it holds', { [CURRENT]: {}, [OTHER]: {} }, [CURRENT]],
])('a packed form %s', async (_, before, left) => {
  expect(await remaining(before)).toEqual(left)
})

it('what has no name of a packed form stays', async () => {
  expect(await remaining({ notes: {}, 'packing.lock': {} })).toEqual(['notes', 'packing.lock'])
})

it('what cannot be removed, as a mapped file on Windows, stays until next time, and keeps nothing else', async () => {
  const logger = recorder()
  mapped.name = OTHER
  try {
    const mine = { host: hostname() }
    expect(await remaining({ '1.28.0-0123456789abcdef': mine, [OTHER]: mine, [UNFINISHED]: {} }, logger)).toEqual([
      OTHER,
    ])
  } finally {
    mapped.name = ''
  }
  expect(logger.debug).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ reason: 'EBUSY: it is mapped' }),
    'stale packed weights stay',
  )
})
