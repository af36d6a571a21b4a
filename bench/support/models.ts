/** The models a benchmark runs, found by name, and loaded side by side in several precisions. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { StellaModelInfo } from '../../registry/types.js'
import { PRECISIONS } from '../../src/convert/recipe.js'
import { packageRoot } from '../../src/files/package-root.js'
import type { Precision } from '../../src/index.js'
import { LoadedStellaModel, STELLA_NANO, describeCheckpoint, isStellaError } from '../../src/index.js'
import { StellaTokenizer } from '../../src/text/tokenizer.js'
import type { StandIn } from '../stand-in.js'
import { standIn } from '../stand-in.js'

/** A model to measure, and where its artefacts are kept while it is. */
export interface BenchModel extends StandIn {
  /** As the tables call it. */
  readonly name: string
}

/** Models in several precisions; each is loaded once. */
export type ModelsByPrecision = ReadonlyMap<string, LoadedStellaModel>

/**
 * The model that `argument` names: `name` of a stand-in, which is made unless it is there, or `name=folder` of a
 * checkpoint. The embedded model gets a home that goes with {@link AsyncDisposable.[Symbol.asyncDispose]}.
 */
export async function findModel(argument: string): Promise<BenchModel & AsyncDisposable> {
  const [name = '', folder] = argument.split('=', 2)
  const parent = join(tmpdir(), 'stella-pool-bench')
  await mkdir(parent, { recursive: true })
  if (folder === undefined && name === STELLA_NANO.key) {
    const home = await mkdtemp(join(parent, 'nano-'))
    const checkpoint = join(packageRoot(), 'models', name)
    const info = await describeCheckpoint(checkpoint, { key: name })
    return { info, folder: checkpoint, home, name, [Symbol.asyncDispose]: () => removed(home) }
  }
  const found = await standIn(name, folder)
  const home = join(parent, `${name}-home`)
  return { ...found, home, name, [Symbol.asyncDispose]: () => Promise.resolve() }
}

/** `text` as a precision of this version; undefined where it is none. */
export function asPrecision(text: string): Precision | undefined {
  return PRECISIONS.find((precision) => precision === text)
}

/** How to load models. */
export interface ModelsOptions {
  readonly home: string
  readonly threads: number
  readonly tokenizer: boolean
  /**
   * Told of a precision that is too far from fp32 on this checkpoint to be loaded; it is left out.
   * @default the refusal is thrown
   */
  readonly onRefused?: (precision: Precision, reason: string) => void
}

/** Loads `info` in each precision, hands the models to `work`, and frees them whatever happens. */
export async function withModels<T>(
  info: StellaModelInfo,
  precisions: readonly Precision[],
  { home, threads, tokenizer, onRefused }: ModelsOptions,
  work: (models: ModelsByPrecision) => Promise<T>,
): Promise<T> {
  const models = new Map<string, LoadedStellaModel>()
  try {
    for (const precision of precisions) {
      try {
        models.set(precision, await LoadedStellaModel.load(info, { home, threads, tokenizer, precision }))
      } catch (error) {
        if (onRefused === undefined || !isStellaError(error) || error.code !== 'FIDELITY_TOO_LOW') throw error
        onRefused(precision, error.message)
      }
    }
    return await work(models)
  } finally {
    for (const model of models.values()) await model.close()
  }
}

/**
 * Tokens of each run that `model` cuts these texts into, as it really does.
 *
 * @throws Error when the runs do not hold the texts' tokens: then this no longer watches what the model does.
 */
export async function runsOf(model: LoadedStellaModel, texts: readonly Int32Array[]): Promise<readonly number[]> {
  const runs: number[] = []
  const embedTokens: LoadedStellaModel['embedTokens'] = (batch, options) => {
    runs.push(batch.ids.length)
    return LoadedStellaModel.prototype.embedTokens.call(model, batch, options)
  }
  Object.defineProperty(model, 'embedTokens', { value: embedTokens, configurable: true })
  try {
    await model.batchEmbed(texts)
  } finally {
    Reflect.deleteProperty(model, 'embedTokens')
  }
  const [seen, given] = [sum(runs), sum(texts.map((ids) => ids.length))]
  if (seen === given) return runs
  throw new Error(`saw runs of ${seen} tokens in all for texts of ${given}: batchEmbed no longer runs embedTokens`)
}

/** Counts the tokens of texts as `model` reads them. */
export async function tokenCounter(model: LoadedStellaModel): Promise<(text: string) => Promise<number>> {
  const { architecture, tokens } = model.info
  const tokenizer = await StellaTokenizer.load(join(model.artefact, 'tokenizer.json'), architecture.vocab)
  return async (text) => {
    const found = await tokenizer.encode([text], { prompt: '', maxLength: tokens.max, overflow: 'truncate-right' })
    return found[0]?.total ?? Number.NaN
  }
}

function removed(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true })
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
