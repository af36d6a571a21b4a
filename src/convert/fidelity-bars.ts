/** How faithful a precision must be to be loaded, and to be taken without being asked for. Measures nothing. */
import { StellaError } from '../errors.js'
import type { FidelityFigures } from './fidelity.js'
import type { Precision } from './recipe.js'

/** The figures that are held to a bar; more is better in each. */
export type JudgedFigures = Pick<FidelityFigures, 'minCosine' | 'meanCosine' | 'topTenOverlap'>

/** The least that each figure must reach. */
export type FidelityBar = Readonly<JudgedFigures>

/** A precision that strays from fp32. */
export type QuantisedPrecision = Exclude<Precision, 'fp32'>

/**
 * Bars under which an artefact is not loaded.
 *
 * int8 stands in for fp32: under an overlap of 0.9 more than one result of ten is another. Random noise that costs the
 * mean cosine 0.002 leaves more than that in place (held by a test on four models), so the bars ask for one and the same
 * thing; rounding is less random than noise, hence the overlap is judged by itself. The worst text may stray five times
 * as far as the mean does.
 *
 * int4 is chosen by hand for its size, as a model of its own: three results of ten may be others. Its worst text may
 * stray three times as far as the mean.
 */
export const FIDELITY_BARS = {
  int8: { minCosine: 0.99, meanCosine: 0.998, topTenOverlap: 0.9 },
  int4: { minCosine: 0.88, meanCosine: 0.96, topTenOverlap: 0.7 },
} as const satisfies Readonly<Record<QuantisedPrecision, FidelityBar>>

/**
 * Bar for int8 where nobody asked for it: half the error that loading allows. Who leaves the choice to `auto` did not
 * agree to a difference. int4 is no candidate: it saves memory, not time.
 */
export const AUTO_FIDELITY_BAR: FidelityBar = { minCosine: 0.995, meanCosine: 0.999, topTenOverlap: 0.95 }

/**
 * What a conversion to int8 strives for, by spending more on its worst sites: no text may stray farther than a tenth of
 * what loading allows. Reaching it is not asked of anyone.
 */
export const INT8_GOAL: FidelityBar = { minCosine: 0.999, meanCosine: 0.9995, topTenOverlap: 0.95 }

/** What each figure is called in messages. */
const NAMES = {
  minCosine: 'lowest cosine',
  meanCosine: 'mean cosine',
  topTenOverlap: 'top-10 overlap',
} as const satisfies Readonly<Record<keyof JudgedFigures, string>>

/** Decimals of a figure in messages; one below its bar is never rounded up to it. */
const SHOWN_DECIMALS = 5

/** A figure under its bar. */
export interface Shortfall {
  readonly figure: keyof JudgedFigures
  readonly measured: number
  readonly bar: number
}

/** The figures that do not reach `bar`, in the order of {@link JudgedFigures}; what is no number never does. */
export function shortfalls(figures: JudgedFigures, bar: FidelityBar): readonly Shortfall[] {
  return (['minCosine', 'meanCosine', 'topTenOverlap'] as const).flatMap((figure) => {
    const measured = figures[figure]
    return measured >= bar[figure] ? [] : [{ figure, measured, bar: bar[figure] }]
  })
}

/** Whether an artefact of this precision may be loaded. One that was never measured may not, fp32 aside. */
export function passes(precision: Precision, figures: JudgedFigures | null): boolean {
  if (precision === 'fp32') return true
  return figures !== null && shortfalls(figures, FIDELITY_BARS[precision]).length === 0
}

/** Whether `auto` may take an int8 artefact with these figures. */
export function passesAuto(figures: JudgedFigures | null): boolean {
  return figures !== null && shortfalls(figures, AUTO_FIDELITY_BAR).length === 0
}

/**
 * Refuses an artefact that is under its bar.
 *
 * @throws {StellaError} FIDELITY_TOO_LOW
 */
export function requireFidelity(model: string, precision: Precision, figures: JudgedFigures | null): void {
  if (precision === 'fp32' || passes(precision, figures)) return
  throw fidelityTooLow(model, precision, figures)
}

/** The error of an artefact under its bar, with the figures and what to do. */
export function fidelityTooLow(
  model: string,
  precision: QuantisedPrecision,
  figures: JudgedFigures | null,
): StellaError {
  const bar = FIDELITY_BARS[precision]
  if (figures === null) {
    return new StellaError(
      'FIDELITY_TOO_LOW',
      `This artefact of ${model} in ${precision} was never compared with fp32. Convert it again, or use \`precision: 'fp32'\``,
      { details: { model, precision, bar } },
    )
  }
  const { minCosine, meanCosine, topTenOverlap } = figures
  const failed = shortfalls(figures, bar)
  const problems = failed.map(({ figure, measured, bar: least }) => {
    return `${NAMES[figure]} ${shown(measured)} (at least ${least})`
  })
  return new StellaError(
    'FIDELITY_TOO_LOW',
    `${model} in ${precision} strays too far from fp32: ${problems.join(', ')}. ` +
      `${ADVICE[precision]}, or convert it again with calibration texts like those you embed`,
    {
      details: {
        model,
        precision,
        minCosine,
        meanCosine,
        topTenOverlap,
        bar,
        failed: failed.map(({ figure }) => figure),
      },
    },
  )
}

const ADVICE = {
  int8: "Use `precision: 'fp32'`",
  int4: "Use `precision: 'int8'` or `precision: 'fp32'`",
} as const satisfies Readonly<Record<QuantisedPrecision, string>>

function shown(figure: number): string {
  const scale = 10 ** SHOWN_DECIMALS
  return String(Math.floor(figure * scale) / scale)
}
