/** From `--model`, `--checkpoint` or a name to a descriptor, and from a descriptor to a model that can embed. */
import { stat } from 'node:fs/promises'

import { getModel } from '../../registry/index.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { ConvertProgress } from '../convert/convert-progress.js'
import { describeCheckpoint } from '../convert/describe-checkpoint.js'
import type { PrepareOptions } from '../convert/prepare.js'
import { StellaError, isStellaError } from '../errors.js'
import type { Logger } from '../inference/logger.js'
import { SILENT } from '../inference/logger.js'
import { EmbeddingPool } from '../pool/embedding-pool.js'
import type { CommandContext } from './command.js'
import { OPTIONS } from './options.js'
import type { Phase, ProgressUnit, Reporter } from './progress.js'
import { UsageError } from './usage-error.js'

/**
 * The model that `--model` or `--checkpoint` names.
 *
 * @throws {StellaError} OPTION_INVALID, MODEL_UNKNOWN, CHECKPOINT_INVALID.
 */
export async function chooseModel({ values }: CommandContext): Promise<StellaModelInfo> {
  const { model, checkpoint } = values
  if (model !== undefined && checkpoint !== undefined) {
    throw new UsageError('`--model` and `--checkpoint` both name a model; give one of them')
  }
  return checkpoint === undefined ? getModel(model ?? OPTIONS.model.default) : describeCheckpoint(checkpoint)
}

/**
 * The model that an argument names: a registry key, a Hugging Face id, or a checkpoint folder. A name that is both a
 * key and a folder is the key; `./name` is the folder.
 *
 * @throws {StellaError} MODEL_UNKNOWN, CHECKPOINT_INVALID.
 */
export async function modelOrFolder(name: string): Promise<StellaModelInfo> {
  const isPath = /^[./~]|^[A-Za-z]:[\\/]/.test(name)
  if (!isPath) {
    try {
      return getModel(name)
    } catch (error) {
      if (!isStellaError(error)) throw error
      if (!(await isFolder(name))) {
        throw new StellaError(error.code, `${error.message}. There is no folder of that name either`, {
          cause: error,
          details: error.details,
        })
      }
    }
  }
  if (await isFolder(name)) return describeCheckpoint(name)
  throw new StellaError(
    'CHECKPOINT_INVALID',
    `${name} is no folder. Give a folder, a model key, or a Hugging Face id`,
    {
      details: { folder: name },
    },
  )
}

/** Whether there is a folder at `path`. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** What every command passes to `prepareArtefact`, with progress on standard error. */
export function prepareOptions(context: CommandContext, info: StellaModelInfo): PrepareOptions {
  return { ...sourceOptions(context, info), signal: context.signal }
}

/** The same for a pool, whose calls have a signal each. */
function sourceOptions({ values, environment, report }: CommandContext, info: StellaModelInfo) {
  const { precision, download } = values
  const { home, hub } = environment
  return { precision, home, hub, download, ...progressOf(report, info) }
}

/** Progress of downloads and conversions. */
export function progressOf(
  report: Reporter,
  { key }: StellaModelInfo,
): Required<Pick<PrepareOptions, 'onDownload' | 'onConvert' | 'onWait'>> {
  const phases = new Map<string, Phase>()
  const phase = (label: string, unit: ProgressUnit = 'bytes'): Phase => {
    const found = phases.get(label) ?? report.phase(label, unit)
    phases.set(label, found)
    return found
  }
  return {
    onDownload: ({ bytes, total, state }) => {
      if (state !== 'cached') phase(`downloading ${key}`).update(bytes, total)
    },
    onConvert: ({ done, total, unit, state }) => {
      // One line for all states where there is no terminal: they are one job to whoever waits.
      const doing = report.isTerminal ? CONVERTING[state] : 'converting'
      phase(`${doing} ${key}`, unit).update(done, total)
    },
    onWait: () => {
      report.note(`another process is converting ${key}; waiting for it`)
    },
  }
}

/**
 * Opens a pool for `info`, and closes it whatever happens. The first call loads the model, with one worker: for one text the
 * others would be waited for, and with many they join.
 *
 * @param maxLength - Longest text in tokens; memory is reserved for it.
 */
export async function withPool<T>(
  context: CommandContext,
  info: StellaModelInfo,
  { workers, maxLength }: { readonly workers: number | undefined; readonly maxLength: number },
  use: (pool: EmbeddingPool) => Promise<T>,
): Promise<T> {
  const { values, report } = context
  const { memory, threads, device } = values
  const logger = warningsTo(report)
  const found = sourceOptions(context, info)
  const pool = await EmbeddingPool.open({ memory, workers, threads, maxLength, device, logger, ...found })
  try {
    tellQuality(info, report)
    return await use(pool)
  } finally {
    await pool.close()
  }
}

/** What whoever runs the command should know, such as weights that could not be shared. */
function warningsTo(report: Reporter): Logger {
  const warn = (_: object, message: string): void => {
    report.note(message)
  }
  return { ...SILENT, warn, error: warn }
}

function tellQuality(info: StellaModelInfo, report: Reporter): void {
  const note = qualityNote(info)
  if (note !== undefined) report.note(note)
}

/** What whoever reads a result should know of the model; undefined where there is nothing. */
export function qualityNote({ key, quality }: StellaModelInfo): string | undefined {
  switch (quality) {
    case 'production':
      return undefined
    case 'demo':
      return `${key} is for trying things out. For real use name another model, such as -m stella-en-400m-v5`
    case 'random':
      return `${key} has random weights: its vectors mean nothing. Name a real model, such as -m stella-en-400m-v5`
  }
}

/** What each state of a conversion is called. */
const CONVERTING = {
  hashing: 'reading',
  writing: 'converting',
  calibrating: 'calibrating',
  comparing: 'comparing schemes for',
  checking: 'checking',
} as const satisfies Readonly<Record<ConvertProgress['state'], string>>
