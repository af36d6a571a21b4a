/**
 * Command line of the checkpoint maker: a named spec, a folder, a few overrides. Knows only names and options.
 *
 *     npx tsx tools/checkpoints/main.ts stella-en-400m-v5 /tmp/stella-400m --heads 256,1024
 */
import { parseArgs } from 'node:util'

import { isStellaError, StellaError } from '../../src/errors.js'
import { makeCheckpoint } from './make-checkpoint.js'
import type { CheckpointSpec } from './spec.js'
import { CHECKPOINT_SPECS, isCheckpointName } from './specs.js'

const USAGE = `usage: npx tsx tools/checkpoints/main.ts <name> <out folder> [options]

names:   ${Object.keys(CHECKPOINT_SPECS).join(', ')}
options: --dtype F32|F16|BF16   stored type of every tensor (default: the spec's)
         --seed n               other weights of the same shape (default: the spec's)
         --heads 256,1024       2_Dense folders to write (default: the spec's)
         --shards n             spread the tensors over n files with an index (default: 1)
         --prefix text          before every tensor name; "" for none (default: new. or model.)
         --no-pooler            leave out the unused pooler of architecture "new"
`

/** Exit status for a command that was used wrongly. */
const EXIT_USAGE = 2

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dtype: { type: 'string' },
      seed: { type: 'string' },
      heads: { type: 'string' },
      shards: { type: 'string' },
      prefix: { type: 'string' },
      'no-pooler': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return
  }
  const [name, folder, ...surplus] = positionals
  if (name === undefined || folder === undefined || surplus.length > 0 || !isCheckpointName(name)) {
    throw new StellaError('OPTION_INVALID', `Expected a checkpoint name and a folder, got "${positionals.join(' ')}"`)
  }
  const base: CheckpointSpec = CHECKPOINT_SPECS[name]
  const heads =
    values.heads === undefined ? base.heads : values.heads.split(',').map((text) => integer('--heads', text))
  const spec: CheckpointSpec = {
    ...base,
    heads,
    defaultHead: heads.includes(base.defaultHead) ? base.defaultHead : (heads[0] ?? base.defaultHead),
    dtype: values.dtype === undefined ? base.dtype : dtype(values.dtype),
    seed: values.seed === undefined ? base.seed : integer('--seed', values.seed),
    ...(values.shards === undefined ? {} : { shards: integer('--shards', values.shards) }),
    ...(values.prefix === undefined ? {} : { prefix: values.prefix }),
    pooler: values['no-pooler'] !== true,
  }
  const started = performance.now()
  const made = await makeCheckpoint(folder, spec)
  for (const file of made.files) process.stderr.write(`${String(file.bytes).padStart(14)}  ${file.path}\n`)
  const seconds = (performance.now() - started) / 1000
  const peakMegabytes = process.resourceUsage().maxRSS / 1024
  process.stderr.write(
    `${made.tensors} tensors, ${made.bytes} bytes in ${seconds.toFixed(1)} s, peak ${peakMegabytes.toFixed(0)} MB resident\n`,
  )
}

function integer(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new StellaError('OPTION_INVALID', `Expected \`${option}\` to be an integer ≥ 0, got \`${text}\``)
}

function dtype(text: string): CheckpointSpec['dtype'] {
  if (text === 'F32' || text === 'F16' || text === 'BF16') return text
  throw new StellaError('OPTION_INVALID', `Expected \`--dtype\` to be F32, F16 or BF16, got \`${text}\``)
}

try {
  await main()
} catch (error) {
  const isUsage = isStellaError(error) || (error instanceof TypeError && 'code' in error)
  if (!isUsage) throw error
  process.stderr.write(`${error.message}\n\n${USAGE}`)
  process.exitCode = EXIT_USAGE
}
