/** Running a graph over batches, here and in a process of its own: the same numbers, and an end to every process. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { GraphOrder } from '../../../workers/graph-protocol.js'
import { runGraphInProcess } from '../../../src/convert/graph-process.js'
import { packedLayout } from '../../../src/convert/layers/packed-layout.js'
import { runGraph } from '../../../src/convert/run-graph.js'
import { encodeGraph } from '../../../src/convert/write-graph.js'
import { StellaError } from '../../../src/errors.js'
import { Graph, int } from '../../../src/onnx/graph.js'
import { packTexts } from '../../../src/packed/packing.js'
import { failureOf } from '../../support/failure.js'
import { runGraphChildren } from '../../support/run-graph-children.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const RUNS = [
  packTexts([Int32Array.of(5, 1, 9), Int32Array.of(4)]),
  packTexts([Int32Array.of(2, 8)]),
  packTexts([Int32Array.of(7), Int32Array.of(3), Int32Array.of(6, 6)]),
]

let order: GraphOrder

beforeAll(async () => {
  const graph = new Graph('lengths')
  const layout = packedLayout(graph)
  graph.output(graph.cast('/lengths', layout.lengths, 'float32'), 'each', 'float32', ['batch'])
  const ids = graph.cast('/ids', layout.inputIds, 'float32')
  const whole = { attributes: { keepdims: int(0) } }
  const [largest, sum] = [
    graph.node('/ids/largest', 'ReduceMax', [ids], whole),
    graph.node('/ids/sum', 'ReduceSum', [ids], whole),
  ]
  graph.output(largest, 'largest', 'float32', [])
  graph.output(sum, 'sum', 'float32', [])
  const path = join(await mkdtemp(join(temporary.path, 'graph-')), 'graph.onnx')
  await writeFile(path, encodeGraph(graph.build()))
  const outputs = { each: 'rows', largest: 'max', sum: 'sum' } as const
  order = { graph: path, weights: 'own', threads: 1, runs: RUNS, outputs }
})

const EXPECTED = {
  each: Float32Array.of(3, 1, 2, 1, 1, 2),
  largest: Float32Array.of(9),
  sum: Float32Array.of(5 + 1 + 9 + 4 + 2 + 8 + 7 + 3 + 6 + 6),
}

describe.each([
  ['here', (given: GraphOrder, onRun?: (done: number) => void) => runGraph(given, onRun)],
  ['in a process', (given: GraphOrder, onRun?: (done: number) => void) => runGraphInProcess(given, { onRun })],
])('a graph run %s', (_, run) => {
  it('puts rows end to end, keeps the largest and the sum, and tells of each run', async () => {
    const done: number[] = []
    expect(await run(order, (count) => done.push(count))).toEqual(EXPECTED)
    expect(done).toEqual([1, 2, 3])
  })

  it('gives what one run gives, and for none empty outputs', async () => {
    expect(await run({ ...order, runs: RUNS.slice(1, 2) })).toEqual({
      each: Float32Array.of(2),
      largest: Float32Array.of(8),
      sum: Float32Array.of(10),
    })
    const nothing = new Float32Array()
    expect(await run({ ...order, runs: [] })).toEqual({ each: nothing, largest: nothing, sum: nothing })
  })

  it('fetches only what is asked for', async () => {
    expect(await run({ ...order, outputs: { sum: 'sum' } })).toEqual({ sum: EXPECTED.sum })
  })

  it('fails for a graph that is not there, and for an output that it does not have', async () => {
    await expect(run({ ...order, graph: join(temporary.path, 'nothing.onnx') })).rejects.toThrow('nothing.onnx')
    await expect(run({ ...order, outputs: { other: 'rows' } })).rejects.toThrow('other')
  })

  it.each([1, 2, 3])(
    'fails with what the listener throws at run %i, even the last, and tells it no more',
    async (at) => {
      const told: number[] = []
      const running = run(order, (done) => {
        told.push(done)
        if (done === at) throw new Error('listener')
      })
      await expect(running).rejects.toThrow('listener')
      expect(told.at(-1)).toBe(at)
    },
  )
})

describe.runIf(process.platform === 'linux')('the process of a graph', () => {
  /** So many runs that it is under way for as long as a test takes. */
  const long = (): GraphOrder => ({ ...order, runs: Array.from({ length: 20_000 }, () => RUNS).flat() })

  it('is gone when the call has ended', async () => {
    await runGraphInProcess(order)
    expect(await runGraphChildren()).toEqual([])
  })

  it('is not started once the caller has aborted', async () => {
    const error = await failureOf(() => runGraphInProcess(order, { signal: AbortSignal.abort() }))
    expect(error.code).toBe('ABORTED')
    expect(await runGraphChildren()).toEqual([])
  })

  it('is ended by an abort, before the call rejects, and leaves no listener behind', async () => {
    const controller = new AbortController()
    let listeners = 0
    const { signal } = controller
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    const error = await failureOf(() =>
      runGraphInProcess(long(), {
        signal,
        onRun: () => {
          controller.abort('enough')
        },
      }),
    )
    expect(error).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect(await runGraphChildren()).toEqual([])
    expect(listeners).toBe(0)
  })

  it('that is killed fails the call with WORKER_LOST and a guess at why', async () => {
    let killed = false
    const error = await failureOf(() =>
      runGraphInProcess(long(), {
        onRun: () => {
          if (killed) return
          killed = true
          void runGraphChildren().then((pids) => {
            for (const pid of pids) process.kill(pid, 'SIGKILL')
          })
        },
      }),
    )
    expect(error).toMatchObject({ code: 'WORKER_LOST', details: { signal: 'SIGKILL' } })
    expect(error.message).toContain('for want of memory')
  })

  it('keeps the code of an error of this package', async () => {
    const broken = { ...order, runs: [{ ids: Int32Array.of(1), lengths: Int32Array.of(9) }] }
    await expect(runGraphInProcess(broken)).rejects.toBeInstanceOf(StellaError)
  })
})
