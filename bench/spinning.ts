/**
 * One run with spinning threads against one whose threads wait, in turns: time, and processor time spent.
 *
 *   npm run bench:spinning -- [model] [folder]
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

import { InferenceSession, Tensor } from 'onnxruntime-node'

import { BACKBONE_FILE } from '../src/convert/artefact-files.js'
import { prepareArtefact } from '../src/convert/prepare.js'
import { packedIndices } from '../src/packed/packing.js'
import { disableEngineTelemetry } from '../src/runtime/telemetry.js'
import { median, someTexts, standIn } from './stand-in.js'

// The engine decides on first use, which is below.
disableEngineTelemetry()

const ROUNDS = 7
const SHAPES = [[32], [64, 64, 64, 64], [512]]

const [name = 'stella-en-400m-v5', folder] = process.argv.slice(2)
const { info, home } = await standIn(name, folder)
const artefact = await prepareArtefact(info, { home })

const open = (spinning: '0' | '1') =>
  InferenceSession.create(join(artefact.folder, BACKBONE_FILE), {
    intraOpNumThreads: availableParallelism(),
    graphOptimizationLevel: 'basic',
    extra: { session: { intra_op: { allow_spinning: spinning } } },
  })

function feeds(lengths: readonly number[]): Record<string, Tensor> {
  const texts = someTexts(lengths)
  const { positionIds, paddedRows, packedPlaces, length } = packedIndices(texts.lengths)
  const ints = (data: Int32Array, ...dims: number[]) => new Tensor('int32', data, dims)
  return {
    input_ids: ints(texts.ids, texts.ids.length),
    position_ids: ints(positionIds, texts.ids.length),
    padded_rows: ints(paddedRows, lengths.length, length),
    packed_places: ints(packedPlaces, texts.ids.length),
    lengths: ints(texts.lengths, lengths.length),
  }
}

const sessions = [await open('1'), await open('0')]
console.log('| texts | spinning ms | waiting ms | ratio | spinning cores | waiting cores |\n|---|---|---|---|---|---|')
for (const lengths of SHAPES) {
  const inputs = feeds(lengths)
  const samples = sessions.map(() => ({ wall: [] as number[], cores: [] as number[] }))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, session] of sessions.entries()) {
      const [started, before] = [performance.now(), process.cpuUsage()]
      await session.run(inputs)
      const wall = performance.now() - started
      const { user, system } = process.cpuUsage(before)
      samples[index]?.wall.push(wall)
      samples[index]?.cores.push((user + system) / 1000 / wall)
    }
  }
  const [spin = NaN, wait = NaN] = samples.map(({ wall }) => median(wall))
  const cores = samples.map((sample) => median(sample.cores).toFixed(2))
  const row = [`${lengths.length} × ${lengths[0] ?? 0}`, spin.toFixed(0), wait.toFixed(0), (wait / spin).toFixed(2)]
  console.log(`| ${[...row, ...cores].join(' | ')} |`)
}
