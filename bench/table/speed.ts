/** Tokens a second in every precision, against fp32 and against the bare matrix products, all in turns in one process. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { Precision } from '../../src/index.js'
import type { ModelsByPrecision } from '../support/models.js'
import { runsOf, withModels } from '../support/models.js'
import type { MixedRow, SpeedRow } from '../support/results.js'
import type { Shape } from '../support/shapes.js'
import { someIds, tokensOf } from '../support/shapes.js'
import type { Work } from '../support/statistics.js'
import { median, pairedRatio, takeTurns } from '../support/statistics.js'
import type { BareGemms } from './bare-gemms.js'
import { hotShape, openBareGemms, openHotGemm } from './bare-gemms.js'
import { gemmKind } from './gemm.js'
import { gemmGopPerToken } from './linear-shapes.js'

/** What to measure. */
export interface SpeedOptions {
  readonly home: string
  readonly precisions: readonly Precision[]
  readonly shapes: readonly Shape[]
  readonly threads: number
  readonly rounds: number
  readonly report: (line: string) => void
}

/** The precision that others are compared with. */
const REFERENCE = 'fp32'

/** Times of one precision on one shape, in milliseconds by round. */
interface Samples {
  readonly shape: Shape
  readonly precision: string
  readonly runs: readonly number[]
  readonly model: readonly number[]
  readonly bare: readonly number[] | undefined
  readonly hot: readonly number[] | undefined
}

/** Rows of the table for one number of threads. */
export async function measureSpeed(
  info: StellaModelInfo,
  options: SpeedOptions,
): Promise<{ speed: SpeedRow[]; mixed: MixedRow[] }> {
  const { precisions, threads } = options
  const samples = await withModels(info, precisions, { ...options, tokenizer: false }, (models) =>
    withBare(info, precisions, threads, (bare) => takeSamples(info, models, bare, options)),
  )
  return {
    speed: samples.map((sample) => speedRow(info, sample, samples, threads)),
    mixed: precisions.flatMap((precision) => mixedRow(precision, samples, threads)),
  }
}

/** The bare graphs of one precision. */
interface Bare {
  readonly model: BareGemms
  readonly hot: BareGemms
}

async function withBare<T>(
  { architecture }: StellaModelInfo,
  precisions: readonly Precision[],
  threads: number,
  work: (bare: ReadonlyMap<string, Bare>) => Promise<T>,
): Promise<T> {
  const bare = new Map<string, Bare>()
  try {
    for (const precision of precisions) {
      const kind = gemmKind(precision)
      if (kind === undefined) continue
      const model = await openBareGemms(architecture, kind, threads)
      bare.set(precision, { model, hot: await openHotGemm(architecture, kind, threads) })
    }
    return await work(bare)
  } finally {
    for (const { model, hot } of bare.values()) await Promise.all([model.close(), hot.close()])
  }
}

/** Every work takes its turn in every round; what is compared lies next to each other. */
async function takeSamples(
  { architecture }: StellaModelInfo,
  models: ModelsByPrecision,
  bare: ReadonlyMap<string, Bare>,
  { shapes, rounds, threads, report }: SpeedOptions,
): Promise<readonly Samples[]> {
  const works: Work[] = []
  const add = (work: Work): number => works.push(work) - 1
  const places = []
  for (const shape of shapes) {
    const texts = someIds(shape, architecture.vocab)
    for (const [precision, model] of models) {
      const runs = await runsOf(model, texts)
      const graphs = bare.get(precision)
      places.push({
        ...{ shape, precision, runs },
        model: add(() => model.batchEmbed(texts)),
        bare: graphs === undefined ? undefined : add(() => graphs.model.run(runs)),
        hot: graphs === undefined ? undefined : add(() => graphs.hot.run([Math.max(...runs)])),
      })
    }
  }
  const times = await takeTurns(works, rounds, (round) => {
    report(`${threads} thread${threads === 1 ? '' : 's'}: round ${round} of ${rounds}`)
  })
  const at = (place: number | undefined): readonly number[] | undefined =>
    place === undefined ? undefined : times[place]
  return places.map(({ shape, precision, runs, ...place }) => {
    return { shape, precision, runs, model: at(place.model) ?? [], bare: at(place.bare), hot: at(place.hot) }
  })
}

function speedRow(info: StellaModelInfo, sample: Samples, all: readonly Samples[], threads: number): SpeedRow {
  const { shape, precision, runs, model, bare, hot } = sample
  const tokens = tokensOf(shape)
  const reference = all.find((other) => other.shape === shape && other.precision === REFERENCE)
  const { inputs, outputs } = hotShape(info.architecture)
  const hotGop = (2 * inputs * outputs * Math.max(...runs)) / 1e9
  return {
    shape: shape.name,
    texts: shape.lengths.length,
    tokens,
    threads,
    precision,
    runs,
    tokensPerSecond: perSecond(tokens, model),
    overFp32: reference === undefined ? null : pairedRatio(reference.model, model),
    bareGops: bare === undefined ? null : perSecond(tokens * gemmGopPerToken(info.architecture), bare),
    bareShare: bare === undefined ? null : pairedRatio(bare, model),
    hotGops: hot === undefined ? null : perSecond(hotGop, hot),
  }
}

/** Mixed lengths against equal ones with as many tokens, where both were measured. */
function mixedRow(precision: string, samples: readonly Samples[], threads: number): MixedRow[] {
  const of = (name: string) => samples.find((sample) => sample.shape.name === name && sample.precision === precision)
  const [mixed, equal] = [of('mixed'), of('equal')]
  if (mixed === undefined || equal === undefined) return []
  return [{ threads, precision, mixedOverEqual: pairedRatio(equal.model, mixed.model) }]
}

function perSecond(amount: number, samples: readonly number[]): number {
  return (amount * 1000) / median(samples)
}
