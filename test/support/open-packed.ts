/** Runs a packed form of `quantised-graph.ts` and prints its output. A process of its own: it may crash. */
import { GraphSession } from '../../src/runtime/session.js'
import { OUTPUT, quantisedFeeds } from './quantised-graph.js'

const [, , path = ''] = process.argv
const session = await GraphSession.open(path, { threads: 1, weights: { kind: 'packed' } })
const output = await session.run(quantisedFeeds(), OUTPUT)
process.stdout.write(JSON.stringify(Array.from(output, String)))
