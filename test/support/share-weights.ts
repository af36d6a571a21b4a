/** A process that shares the weights of an artefact; prints what the logger heard, and what came of it. */
import { describeCheckpoint } from '../../src/convert/describe-checkpoint.js'
import { readManifest } from '../../src/files/manifest.js'
import { shareWeights } from '../../src/inference/packed-weights.js'

const [, , checkpoint = '', artefact = ''] = process.argv
const info = await describeCheckpoint(checkpoint, { key: 'tiny' })
const manifest = await readManifest(artefact)
if (manifest === undefined) throw new Error(`${artefact} is no artefact`)
const heard: string[] = []
const listen = (_: object, message: string): void => {
  heard.push(message)
}
const logger = { debug: listen, info: listen, warn: listen, error: listen }
const found = await shareWeights(info, artefact, manifest, { threads: 1, logger, minBytes: 0 })
process.stdout.write(JSON.stringify({ heard, weights: found.weights }))
