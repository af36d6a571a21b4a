/** What a process holds too much of is seen. */
import { openSync, closeSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { afterAll, describe, expect, it } from 'vitest'

import { temporaryFolder } from '../support/temp-folder.js'
import { readHoldings, unfinished } from './holdings.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

/** What there is more of while `hold` is held. */
async function more(hold: () => Promise<() => unknown>): Promise<readonly string[]> {
  const before = readHoldings(temporary.path)
  const release = await hold()
  const now = readHoldings(temporary.path)
  await release()
  return [...now].filter(([what, count]) => count > (before.get(what) ?? 0)).map(([what]) => what)
}

describe.skipIf(process.platform !== 'linux')('a process that holds', () => {
  it('a thread', async () => {
    const hold = async () => {
      const worker = new Worker('setInterval(() => undefined, 1000)', { eval: true })
      await new Promise((resolve) => worker.once('online', resolve))
      return () => worker.terminate()
    }
    expect(await more(hold)).toContain('thread')
  })

  it('a file', async () => {
    const path = join(temporary.path, 'open')
    const hold = () => {
      const file = openSync(path, 'w')
      return Promise.resolve(() => {
        closeSync(file)
      })
    }
    expect(await more(hold)).toContain(`file: ${path}`)
  })

  it('a timer and a listener', async () => {
    const hold = () => {
      const listener = (): void => undefined
      const timer = setTimeout(listener, 60_000)
      process.on('exit', listener)
      return Promise.resolve(() => {
        clearTimeout(timer)
        process.off('exit', listener)
      })
    }
    expect(await more(hold)).toEqual(expect.arrayContaining(['resource: Timeout', 'listener: exit']))
  })
})

it('locks and half-written folders are unfinished, and nothing else is', async () => {
  const home = join(temporary.path, 'home')
  for (const name of ['a.lock', 'b.0123.partial', 'whole']) await mkdir(join(home, name), { recursive: true })
  await writeFile(join(home, 'whole', 'manifest.json'), '{}')
  expect([...unfinished(home)].sort()).toEqual(['a.lock', 'b.0123.partial'])
})
