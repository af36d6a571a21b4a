/** One part of the pool's benchmark, in a process of its own: arguments as JSON, results as JSON. */
import { describeCheckpoint } from '../../src/index.js'
import { measureLedger } from './ledger.js'
import { measureOverhead } from './overhead.js'
import { measureSaturation } from './saturation.js'
import { measureSingles } from './singles.js'
import type { PoolStepArguments, PoolStepResult } from './steps.js'
import { measureStream } from './stream.js'
import { measureUrgency } from './urgency.js'

const given = JSON.parse(process.argv[2] ?? '') as PoolStepArguments
const info = await describeCheckpoint(given.checkpoint, { key: given.key })
const measure = {
  overhead: measureOverhead,
  singles: measureSingles,
  saturation: measureSaturation,
  urgency: measureUrgency,
  ledger: measureLedger,
  stream: measureStream,
}[given.part]
const results: readonly PoolStepResult[] = await measure(info, given)
process.stdout.write(JSON.stringify(results))
