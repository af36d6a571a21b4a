/**
 * Regenerates every golden file: checkpoints from seeds, then candle, then what Python runs where one is given.
 * Runs the engines and holds no model code.
 *
 *     npx tsx tools/reference/run.ts --python /path/to/venv/bin/python
 */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { STELLA_NANO } from '../../registry/index.js'
import { makeCheckpoint } from '../checkpoints/make-checkpoint.js'
import type { CheckpointSpec } from '../checkpoints/spec.js'
import { CHECKPOINT_SPECS, type CheckpointName } from '../checkpoints/specs.js'
import { longCases, nanoCases, standardCases, type Case } from './cases.js'

const HERE = import.meta.dirname
const ROOT = join(HERE, '../..')
const GOLDEN = join(ROOT, 'test/golden')
const CANDLE = join(HERE, 'candle')

/** The script that runs each architecture in transformers. */
const PYTHON_SCRIPTS = { new: 'new_as_gte.py', qwen2: 'qwen2_bidirectional.py' } as const

/** The tiny checkpoints of the golden tests. */
const TINY = [
  'new-tiny',
  'new-wide',
  'qwen2-tiny',
  'qwen2-mqa',
  'qwen2-mha',
] as const satisfies readonly CheckpointName[]

/** The tiny checkpoints that also have long texts, and the head these use. */
const LONG = { names: ['new-tiny', 'qwen2-tiny'] as readonly string[], dimensions: 256 }

/** One engine run: a checkpoint, its cases, and where the vectors go, by engine. */
interface Job {
  readonly kind: CheckpointSpec['architecture']['kind']
  readonly checkpoint: string
  readonly cases: readonly Case[]
  readonly candleOut: string
  /** Absent where one reference is enough. */
  readonly transformersOut?: string
}

const { values } = parseArgs({ options: { python: { type: 'string' }, 'checkpoints-only': { type: 'boolean' } } })
const scratch = await mkdtemp(join(tmpdir(), 'stella-reference-'))
try {
  const jobs = await prepare()
  if (values['checkpoints-only'] !== true) await runEngines(jobs, scratch, values.python)
} finally {
  await rm(scratch, { recursive: true, force: true })
}

async function prepare(): Promise<Job[]> {
  const jobs: Job[] = []
  for (const name of TINY) {
    const spec = CHECKPOINT_SPECS[name]
    const { kind } = spec.architecture
    const folder = join(GOLDEN, name)
    const checkpoint = join(folder, 'checkpoint')
    await remake(checkpoint, spec)
    const out = (suffix: string) => ({
      candleOut: join(folder, `candle${suffix}.json`),
      transformersOut: join(folder, `transformers${suffix}.json`),
    })
    jobs.push({ kind, checkpoint, cases: standardCases(spec.heads), ...out('') })
    if (LONG.names.includes(name)) jobs.push({ kind, checkpoint, cases: longCases(LONG.dimensions), ...out('-long') })
  }
  // Trained, not made of a seed: tools/nano has it.
  const { key, architecture, heads } = STELLA_NANO
  const cases = nanoCases(heads.map(({ dimensions }) => dimensions))
  const checkpoint = join(ROOT, 'models', key)
  jobs.push({ kind: architecture.kind, checkpoint, cases, candleOut: join(GOLDEN, `${key}.json`) })
  return jobs
}

/** Afresh, so that no file of an earlier shape is left. */
async function remake(checkpoint: string, spec: CheckpointSpec): Promise<void> {
  await rm(checkpoint, { recursive: true, force: true })
  await mkdir(checkpoint, { recursive: true })
  const { bytes } = await makeCheckpoint(checkpoint, spec)
  report(`${spec.name}: ${bytes} bytes`)
}

async function runEngines(jobs: readonly Job[], scratch: string, python: string | undefined): Promise<void> {
  if (python === undefined)
    report('transformers skipped and its golden files left as they are: give --python to run it')
  for (const [index, { kind, checkpoint, cases, candleOut, transformersOut }] of jobs.entries()) {
    const list = join(scratch, `${index}.json`)
    await writeFile(list, JSON.stringify(cases))
    run('cargo', ['run', '--quiet', '--release', '--locked', '--', checkpoint, list, candleOut], CANDLE)
    if (python === undefined || transformersOut === undefined) continue
    const script = PYTHON_SCRIPTS[kind]
    run(python, ['-B', script, checkpoint, list, transformersOut], HERE)
    run(python, ['-B', 'compare.py', candleOut, transformersOut], HERE)
  }
  if (python !== undefined) run(python, ['-B', 'quantization.py', join(GOLDEN, 'quantization.json')], HERE)
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with status ${status ?? 'none'}`)
}

function report(line: string): void {
  process.stderr.write(`${line}\n`)
}
