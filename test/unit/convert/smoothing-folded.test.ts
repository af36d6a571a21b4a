/**
 * Smoothing in the whole backbone: where each factor is folded in, it is taken out again. In float32 any factors must give
 * the plain model's vectors; a factor in the wrong place, or of the wrong head, gives others.
 */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import type { ArchitectureInfo } from '../../../registry/types.js'
import { BACKBONE_FILE } from '../../../src/convert/artefact-files.js'
import { buildBackbone } from '../../../src/convert/backbone.js'
import type { BackbonePlan, Site, SiteKind, SiteScheme } from '../../../src/convert/backbone-plan.js'
import { REFERENCE_PLAN, SITE_KINDS } from '../../../src/convert/backbone-plan.js'
import { describeCheckpoint } from '../../../src/convert/describe-checkpoint.js'
import { checkInventory } from '../../../src/convert/inventory.js'
import { runGraph } from '../../../src/convert/run-graph.js'
import { shareHeads } from '../../../src/convert/smoothing.js'
import { writeGraph } from '../../../src/convert/write-graph.js'
import { TensorReader } from '../../../src/files/safetensors.js'
import { POOLED_OUTPUT } from '../../../src/packed/names.js'
import { packTexts } from '../../../src/packed/packing.js'
import { GOLDEN_NAMES, goldenCheckpoint } from '../../golden/golden-file.js'
import { temporaryFolder } from '../../support/temp-folder.js'
import { normals, relativeError } from './quantize/numbers.js'

/** Rounding of float32 products whose factors are scaled: a share of the vectors' size. */
const MOST_OFF = 1e-5

/** Factors up to 9 apart at every site make weights and inputs harder to round: found 0.06 at most. */
const MOST_NOISE = 0.15

/** What a factor in the wrong place does at the least. */
const LEAST_OFF_IF_WRONG = 0.05

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

/** A batch, and a text of the flash path. */
const RUNS = [
  packTexts([Int32Array.from({ length: 20 }, (_, i) => (i * 37) % 180), Int32Array.of(5, 9, 2)]),
  packTexts([Int32Array.from({ length: 600 }, (_, i) => (i * 53) % 180)]),
]

const MODELS = await Promise.all(
  GOLDEN_NAMES.map(async (name) => ({ name, info: await describeCheckpoint(goldenCheckpoint(name)) })),
)

describe.each(MODELS)('$name', ({ name, info: { architecture } }) => {
  const vectors = (plan: BackbonePlan) => pooled(goldenCheckpoint(name), architecture, plan)

  it.each([...SITE_KINDS, 'all'] as const)('is the same model with any smoothing at %s', async (kind) => {
    const plain = await vectors(REFERENCE_PLAN)
    const smoothed = await vectors(smoothedPlan(architecture, kind, { kind: 'fp32' }))
    expect(relativeError(smoothed, plain)).toBeLessThanOrEqual(MOST_OFF)
  })

  it('is the same model in 8-bit rows, but for their noise', async () => {
    const plan = smoothedPlan(architecture, 'all', { kind: 'row8', steps: 2 })
    expect(relativeError(await vectors(plan), await vectors(REFERENCE_PLAN))).toBeLessThan(MOST_NOISE)
  })

  it.runIf(architecture.heads !== kvHeads(architecture))(
    'is another model if heads that share values do not share factors',
    async () => {
      const { site, table } = smoothedPlan(architecture, 'attention.out', { kind: 'fp32' })
      const apart: BackbonePlan = {
        table,
        site: (name) => ({
          ...site(name),
          smoothing: site(name).smoothing?.map((value, i) => value * (1 + (i % 7) / 7)),
        }),
      }
      expect(relativeError(await vectors(apart), await vectors(REFERENCE_PLAN))).toBeGreaterThan(LEAST_OFF_IF_WRONG)
    },
  )

  it.each([
    ['float16', 2e-3],
    ['int8', 5e-2],
  ] as const)('is nearly the same with its table in %s', async (table, most) => {
    const error = relativeError(await vectors({ ...REFERENCE_PLAN, table }), await vectors(REFERENCE_PLAN))
    expect(error).toBeGreaterThan(0)
    expect(error).toBeLessThan(most)
  })
})

function kvHeads(architecture: ArchitectureInfo): number {
  return architecture.kind === 'qwen2' ? architecture.kvHeads : architecture.heads
}

/** Factors from 1/3 to 3 at every site of a kind; heads that share values have the same. */
function smoothedPlan(architecture: ArchitectureInfo, kind: SiteKind | 'all', scheme: SiteScheme): BackbonePlan {
  const { hidden, intermediate, heads, headDim } = architecture
  const widths = {
    'attention.in': hidden,
    'attention.out': heads * headDim,
    'mlp.in': hidden,
    'mlp.out': intermediate,
  } as const satisfies Readonly<Record<SiteKind, number>>
  const factors = (site: Site): Float32Array | undefined => {
    const own = SITE_KINDS.find((each) => site.endsWith(each))
    if (own === undefined || (kind !== 'all' && own !== kind)) return undefined
    const values = normals(site, widths[own]).map((value) => 3 ** Math.tanh(value))
    if (own !== 'attention.out' || architecture.kind !== 'qwen2') return values
    return shareHeads({ inputs: values, weights: values }, architecture).inputs
  }
  return { table: 'float32', site: (site) => ({ scheme, smoothing: factors(site) }) }
}

async function pooled(checkpoint: string, architecture: ArchitectureInfo, plan: BackbonePlan): Promise<Float32Array> {
  const folder = await mkdtemp(join(temporary.path, 'backbone-'))
  await using reader = await TensorReader.open(checkpoint)
  const prefix = checkInventory(reader, architecture)
  const target = { folder, files: {}, model: 'test', signal: undefined, onProgress: undefined }
  await writeGraph(target, BACKBONE_FILE, (tensors) => buildBackbone(architecture, reader, prefix, tensors, { plan }))
  const outputs = { [POOLED_OUTPUT]: 'rows' } as const
  const graph = join(folder, BACKBONE_FILE)
  const found = await runGraph({ graph, weights: 'own', threads: 1, runs: RUNS, outputs })
  return found[POOLED_OUTPUT] ?? new Float32Array()
}
