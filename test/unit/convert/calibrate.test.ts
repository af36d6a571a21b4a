/** What calibration reads of a model and what a comparison says of a candidate, in the engine, against the test's sums. */
import { afterAll, describe, expect, it } from 'vitest'

import type { Site, SitePlan, SiteScheme } from '../../../src/convert/backbone-plan.js'
import { REFERENCE_PLAN } from '../../../src/convert/backbone-plan.js'
import {
  CalibrationProbe,
  HESSIAN_GROUP,
  activationOutputs,
  readStatistics,
  weightOutputs,
} from '../../../src/convert/calibrate.js'
import { COMPARISON_OUTPUTS, ComparisonProbe, readErrors } from '../../../src/convert/compare-sites.js'
import type { SiteProbe } from '../../../src/convert/layers/sites.js'
import { Sites } from '../../../src/convert/layers/sites.js'
import type { Weights } from '../../../src/convert/weights.js'
import type { Graph } from '../../../src/onnx/graph.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { openRows, writeGraphOver } from '../../support/weights-graph.js'
import { keptWeight } from './layers/linear-graph.js'
import { normals, product } from './quantize/numbers.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

/** More than one group of inputs, and the last one not whole. */
const [INPUTS, HIDDEN, OUTPUTS, ROWS] = [HESSIAN_GROUP + 12, 24, 40, 5]

const FIRST: Site = 'layers.0.mlp.in'
const SECOND: Site = 'layers.0.mlp.out'

/** `first` holds two projections of one site in one matrix; `second` has a bias. */
const TENSORS = {
  'first.weight': { shape: [2 * HIDDEN, INPUTS], values: normals('first', 2 * HIDDEN * INPUTS, 0.1) },
  'second.weight': { shape: [OUTPUTS, HIDDEN], values: normals('second', OUTPUTS * HIDDEN, 0.3) },
  'second.bias': { shape: [OUTPUTS], values: normals('bias', OUTPUTS) },
}

const HALVES = [
  TENSORS['first.weight'].values.slice(0, HIDDEN * INPUTS),
  TENSORS['first.weight'].values.slice(HIDDEN * INPUTS),
]
const X = normals('x', ROWS * INPUTS)

/** x → (first half) · (second half) → second, in float32, with a probe on both sites. */
function build(graph: Graph, weights: Weights, probe: SiteProbe): void {
  const sites = new Sites(graph, weights, REFERENCE_PLAN, probe)
  const x = graph.input('x', 'float32', ['rows', INPUTS])
  const read = sites.input(FIRST, '/first', x)
  const up = sites.linearUnscaled('/up', read, { module: 'first', rows: { start: 0, end: HIDDEN } }).value
  const gate = sites.linear('/gate', read, { module: 'first', rows: { start: HIDDEN, end: 2 * HIDDEN }, bias: false })
  const inner = sites.input(SECOND, '/second', graph.node('/Mul', 'Mul', [up, gate]))
  graph.output(sites.linear('/down', inner, { module: 'second', bias: true }), 'y', 'float32', ['rows', OUTPUTS])
  probe.finish()
}

/** What the second site reads, in float64. */
function innerInput(x: Float32Array): Float64Array {
  const [up, gate] = HALVES.map((half) => product(x, half, INPUTS))
  return Float64Array.from(up ?? [], (value, i) => value * (gate?.[i] ?? NaN))
}

function largestOfColumns(values: ArrayLike<number>, columns: number): readonly number[] {
  return Array.from({ length: columns }, (_, column) => {
    return Math.max(
      ...Array.from(values)
        .filter((__, i) => i % columns === column)
        .map(Math.abs),
    )
  })
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, share = 1e-5): void {
  expect(actual).toHaveLength(expected.length)
  const size = Math.max(...Array.from(expected).map(Math.abs))
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs((actual[i] ?? NaN) - (expected[i] ?? NaN)), `place ${i}`).toBeLessThanOrEqual(share * size)
  }
}

describe('calibration', () => {
  const statisticsOf = async (hessians: boolean) => {
    const { path } = await writeGraphOver(temporary.path, TENSORS, (graph, weights) => {
      build(graph, weights, new CalibrationProbe(graph, weights, hessians))
    })
    await using opened = await openRows(path)
    const wanted = { ...activationOutputs([FIRST, SECOND], hessians), ...weightOutputs([FIRST, SECOND]) }
    const outputs = await opened.run({ data: X, columns: INPUTS }, Object.keys(wanted))
    return { statistics: readStatistics([FIRST, SECOND], outputs, hessians), wanted }
  }

  it('reads the largest magnitude of each channel, and of each column over all projections of a site', async () => {
    const { statistics, wanted } = await statisticsOf(false)
    expect(new Set(Object.values(wanted))).toEqual(new Set(['max']))
    expectClose(statistics.get(FIRST)?.inputs ?? [], largestOfColumns(X, INPUTS), 0)
    expectClose(statistics.get(FIRST)?.weights ?? [], largestOfColumns(TENSORS['first.weight'].values, INPUTS), 0)
    expectClose(statistics.get(SECOND)?.inputs ?? [], largestOfColumns(innerInput(X), HIDDEN))
    expectClose(statistics.get(SECOND)?.weights ?? [], largestOfColumns(TENSORS['second.weight'].values, HIDDEN), 0)
    expect(statistics.get(FIRST)?.hessian).toBeUndefined()
  })

  it('sums xᵀx within each group of inputs, zeros where the last one ends early, once for a site', async () => {
    const { statistics, wanted } = await statisticsOf(true)
    expect(wanted[`${FIRST}/hessian`]).toBe('sum')
    for (const [site, x, width] of [
      [FIRST, X, INPUTS],
      [SECOND, innerInput(X), HIDDEN],
    ] as const) {
      const hessian = statistics.get(site)?.hessian
      expect(hessian?.group).toBe(HESSIAN_GROUP)
      const groups = Math.ceil(width / HESSIAN_GROUP)
      const expected = new Float64Array(groups * HESSIAN_GROUP ** 2)
      for (let row = 0; row < x.length / width; row++) {
        for (let i = 0; i < width; i++) {
          const group = Math.floor(i / HESSIAN_GROUP)
          for (let j = group * HESSIAN_GROUP; j < Math.min(width, (group + 1) * HESSIAN_GROUP); j++) {
            const at = i * HESSIAN_GROUP + (j % HESSIAN_GROUP)
            expected[at] = (expected[at] ?? 0) + (x[row * width + i] ?? 0) * (x[row * width + j] ?? 0)
          }
        }
      }
      expectClose(hessian?.values ?? [], expected)
    }
  })

  it('fails where an output is missing', () => {
    expect(() => readStatistics([FIRST], { [`${FIRST}/inputs`]: new Float32Array(1) }, false)).toThrow(
      `${FIRST}/weights`,
    )
  })
})

describe('a comparison', () => {
  const errorsOf = async (plans: ReadonlyMap<Site, SitePlan>, x = X) => {
    const site = (name: Site): SitePlan => plans.get(name) ?? { scheme: { kind: 'fp32' } }
    const { path, built } = await writeGraphOver(temporary.path, TENSORS, (graph, weights, second) => {
      const probe = new ComparisonProbe(graph, weights, second, { table: 'float32', site })
      build(graph, weights, probe)
      return probe
    })
    await using opened = await openRows(path)
    const outputs = await opened.run({ data: x, columns: INPUTS }, Object.keys(COMPARISON_OUTPUTS))
    return readErrors(built.projections, outputs)
  }

  /** Noise in the power of a projection's product, with the input in 8-bit steps of each row. */
  const noiseOf = (x: ArrayLike<number>, weight: Float32Array, inputs: number, plan: SitePlan, bias?: Float32Array) => {
    const { smoothing } = plan
    const read = Float64Array.from(x, (value, i) => value / (smoothing?.[i % inputs] ?? 1))
    const rounded = read.map((value, i) => {
      const row = Math.floor(i / inputs) * inputs
      const step = Math.max(...read.subarray(row, row + inputs).map(Math.abs)) / 127
      return Math.round(value / step) * step
    })
    const outputs = weight.length / inputs
    const kept = keptWeight({ inputs, outputs, weight, plan }).values
    const exact = product(x, weight, inputs).map((value, i) => value + (bias?.[i % outputs] ?? 0))
    const candidate = product(rounded, kept, inputs).map((value, i) => value + (bias?.[i % outputs] ?? 0))
    const power = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0)
    return power(candidate.map((value, i) => value - (exact[i] ?? NaN))) / power(exact)
  }

  /** float32 sums, and a code that rounds to the other side. */
  const SHARE_OFF = 0.02

  const ROW8: SiteScheme = { kind: 'row8', steps: 1 }
  const smoothing = Float32Array.from(normals('smoothing', INPUTS), Math.exp)

  it.each([
    ['plain', { scheme: ROW8 }],
    ['smoothed', { scheme: ROW8, smoothing }],
  ] as const)('gives the largest noise of a site’s projections: %s', async (_, plan) => {
    const expected = Math.max(...HALVES.map((half) => noiseOf(X, half, INPUTS, plan)))
    const error = (await errorsOf(new Map([[FIRST, plan]]))).get(FIRST) ?? NaN
    expect(Math.abs(error / expected - 1)).toBeLessThan(SHARE_OFF)
  })

  it('judges each site on float32’s own input, the bias counted as signal, and leaves out those in float32', async () => {
    const plan = { scheme: ROW8 }
    const { values } = TENSORS['second.bias']
    const expected = noiseOf(innerInput(X), TENSORS['second.weight'].values, HIDDEN, plan, values)
    const alone = await errorsOf(new Map([[SECOND, plan]]))
    const both = await errorsOf(
      new Map([
        [FIRST, plan],
        [SECOND, plan],
      ]),
    )
    expect([...alone.keys()]).toEqual([SECOND])
    expect(Math.abs((alone.get(SECOND) ?? NaN) / expected - 1)).toBeLessThan(SHARE_OFF)
    expect(both.get(SECOND)).toBe(alone.get(SECOND))
  })

  it('ranks the schemes as they are', async () => {
    const schemes: readonly SiteScheme[] = [{ kind: 'row8', steps: 2 }, ROW8, { kind: 'block4', block: 32 }]
    const errors = []
    for (const scheme of schemes) errors.push((await errorsOf(new Map([[FIRST, { scheme }]]))).get(FIRST) ?? NaN)
    expect(errors).toEqual(errors.toSorted((a, b) => a - b))
  })

  it('finds no error in a product of zeros', async () => {
    const errors = await errorsOf(new Map([[FIRST, { scheme: ROW8 }]]), new Float32Array(ROWS * INPUTS))
    expect(errors).toEqual(new Map([[FIRST, 0]]))
  })
})

describe('readErrors', () => {
  const squares = (...values: readonly number[]) => ({ squares: Float32Array.from(values) })

  it('takes the worst projection of each site', () => {
    const errors = readErrors([FIRST, SECOND, FIRST], squares(1, 8, 3, 4, 1, 4))
    expect(errors).toEqual(
      new Map([
        [FIRST, 0.25],
        [SECOND, 0.75],
      ]),
    )
  })

  it('counts noise without a signal, and what is no number, as nothing but noise', () => {
    for (const pair of [
      [1, 0],
      [NaN, 1],
      [1, NaN],
      [NaN, NaN],
      [Infinity, Infinity],
    ]) {
      expect(readErrors([FIRST], squares(...pair)).get(FIRST)).toBe(Infinity)
      expect(readErrors([FIRST, FIRST], squares(...pair, 0, 1)).get(FIRST)).toBe(Infinity)
    }
  })

  it('refuses another number of projections', () => {
    expect(() => readErrors([FIRST], squares(1, 2, 3, 4))).toThrow('another number of projections')
    expect(() => readErrors([FIRST], {})).toThrow('another number of projections')
  })
})
