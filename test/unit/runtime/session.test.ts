/** The engine's wrapper on a small graph: outputs, ways to hold weights, and what it says when it cannot. */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { env } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { Graph } from '../../../src/onnx/graph.js'
import { encodeModel } from '../../../src/onnx/wire.js'
import type { SessionWeights } from '../../../src/runtime/session.js'
import { GraphSession, engineVersion } from '../../../src/runtime/session.js'
import { maxAbs } from '../../golden/golden-file.js'
import { OUTPUT, quantisedFeeds, writeQuantisedGraph } from '../../support/quantised-graph.js'
import { temporaryFolder } from '../../support/temp-folder.js'

/**
 * Raw against packed, relative to the largest output: only the packed kernels of 4-bit matrices round their input to
 * 8 bits, which is a step of 1/127, and the graph has four of them in a row.
 */
const MAX_DIFFERENCE = 4 / 127

const temporary = temporaryFolder()
const graph = join(temporary.path, 'backbone.onnx')

beforeAll(() => writeQuantisedGraph(temporary.path))
afterAll(() => temporary.remove())

async function outputWith(weights: SessionWeights, path = graph): Promise<Float32Array> {
  const session = await GraphSession.open(path, { threads: 1, weights })
  try {
    return await session.run(quantisedFeeds(), OUTPUT)
  } finally {
    await session.close()
  }
}

describe('a session', () => {
  it('gives any float32 outputs of one run, and only those asked for', async () => {
    const two = new Graph('two')
    const x = two.input('x', 'float32', [2])
    two.output(two.node('/twice', 'Add', [x, x]), 'double', 'float32', [2])
    two.output(two.node('/squared', 'Mul', [x, x]), 'square', 'float32', [2])
    const path = join(temporary.path, 'two.onnx')
    const producer = { name: 'test', version: '0' }
    const model = { irVersion: 12, opsets: { '': 24 }, producer, metadata: {}, graph: two.build() }
    await writeFile(path, encodeModel(model))
    const session = await GraphSession.open(path, { threads: 1 })
    const feeds = { x: { type: 'float32', data: Float32Array.of(3, 4), dims: [2] } } as const
    expect(await session.run(feeds, 'square')).toEqual(Float32Array.of(9, 16))
    expect(await session.runAll(feeds, ['square', 'double'])).toEqual({
      square: Float32Array.of(9, 16),
      double: Float32Array.of(6, 8),
    })
    expect(Object.keys(await session.runAll(feeds, ['double']))).toEqual(['double'])
    await expect(session.run(feeds, 'cube')).rejects.toThrow('cube')
    await session.close()
  })

  it('gives much the same numbers with raw weights as with packed ones', async () => {
    const [raw, packed] = [await outputWith({ kind: 'unpacked' }), await outputWith({ kind: 'own' })]
    const largest = packed.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(maxAbs(raw, packed) / largest).toBeLessThan(MAX_DIFFERENCE)
  })

  it('that saves gives what one that does not gives, and leaves a graph and its weights', async () => {
    const folder = join(temporary.path, 'saved')
    await mkdir(folder)
    const saving = await outputWith({ kind: 'save', graph: join(folder, 'saved.onnx'), data: 'saved.data' })
    expect(saving).toEqual(await outputWith({ kind: 'own' }))
    expect((await readdir(folder)).sort()).toEqual(['saved.data', 'saved.onnx'])
    const [model, data] = [await readFile(join(folder, 'saved.onnx')), await readFile(join(folder, 'saved.data'))]
    expect(model.includes('prepacked_')).toBe(true)
    const { byteLength } = await readFile(`${graph}.data`)
    expect(data.byteLength).toBeGreaterThan(byteLength * 1.5)
  })

  it('tells where a graph is missing', async () => {
    await expect(outputWith({ kind: 'own' }, join(temporary.path, 'nowhere.onnx'))).rejects.toThrow('nowhere.onnx')
  })
})

describe('the engine', () => {
  it('has the version that is installed', () => {
    expect(engineVersion()).toBe(env.versions.node)
  })
})
