/** The process that packs: its answers, its failures, and its end. Runs from `dist`. */
import { mkdtemp, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import type { PackOrder } from '../../../workers/pack-protocol.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { prepareArtefact } from '../../../src/convert/prepare.js'
import { PackingEnded, packInProcess } from '../../../src/inference/packing-process.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

async function order(changes: Partial<PackOrder> = {}): Promise<PackOrder> {
  const info = await describeCheckpoint(goldenCheckpoint('qwen2-tiny'), { key: 'tiny' })
  const { folder } = await prepareArtefact(info, { home: join(temporary.path, 'home') })
  const out = await mkdtemp(join(temporary.path, 'out-'))
  return { artefact: folder, out, threads: 1, vocab: info.architecture.vocab, runs: [[1], [2, 3]], ...changes }
}

const never = new AbortController().signal

describe('the process that packs', () => {
  it('says how many vectors it compared and that they are the same, and leaves what it made', async () => {
    const { out, ...rest } = await order()
    expect(await packInProcess({ out, ...rest }, never)).toEqual({ difference: 0, vectors: 3 })
    expect((await readdir(out)).sort()).toEqual(['backbone.onnx', 'backbone.onnx.data', 'packed.data'])
  })

  it('tells what went wrong in it', async () => {
    const failing = packInProcess(await order({ artefact: join(temporary.path, 'nowhere') }), never)
    await expect(failing).rejects.toThrow(/nowhere/)
  })

  it('tells of a run that the engine refuses, such as one of ids that are not in the table', async () => {
    await expect(packInProcess(await order({ vocab: 1e9 }), never)).rejects.toThrow(/bound|range|indices/)
  })

  it('ends with an abort, in the middle of a run', async () => {
    const controller = new AbortController()
    const packing = packInProcess(await order({ runs: Array.from({ length: 5000 }, () => [512]) }), controller.signal)
    setTimeout(() => {
      controller.abort()
    }, 300)
    await expect(packing).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('a process that ended without an answer', () => {
  it.each([
    ['SIGSEGV', true],
    ['SIGILL', true],
    ['SIGABRT', false],
    ['SIGKILL', false],
    ['SIGBUS', false],
  ] as const)('by %s: would it again? %s', (signal, again) => {
    const ended = new PackingEnded({ signal, code: null, printed: '' })
    expect(ended.crashed).toBe(again)
    expect(ended.message).toBe(`the process that packs weights ended by ${signal}`)
  })

  it('by itself may work another time, and what it printed is told', () => {
    const ended = new PackingEnded({ signal: null, code: 1, printed: 'Cannot find module' })
    expect(ended.crashed).toBe(false)
    expect(ended.message).toBe('the process that packs weights ended with exit code 1: Cannot find module')
  })
})
