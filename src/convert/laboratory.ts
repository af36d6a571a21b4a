/**
 * The float32 model as a thing to measure: written once into a folder of its own, run over calibration texts, and
 * compared with candidates that lie beside it. The folder goes away with the laboratory.
 */
import { mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'

import type { GraphOrder, GraphOutputs } from '../../workers/graph-protocol.js'
import type { ArchitectureInfo } from '../../registry/types.js'
import { writeFileDurably } from '../files/atomic.js'
import { throwIfAborted } from '../files/cancellation.js'
import type { TensorReader } from '../files/safetensors.js'
import type { PackedTexts } from '../packed/packing.js'
import { POOLED_OUTPUT } from '../packed/names.js'
import { pruneTo } from '../onnx/prune.js'
import { availableCores } from '../runtime/cores.js'
import { buildBackbone } from './backbone.js'
import type { Site } from './backbone-plan.js'
import { sitesOf } from './backbone-plan.js'
import type { SiteStatistics } from './calibrate.js'
import { CalibrationProbe, activationOutputs, readStatistics, weightOutputs } from './calibrate.js'
import type { Candidate } from './choose-schemes.js'
import { COMPARISON_OUTPUTS, ComparisonProbe, readErrors } from './compare-sites.js'
import type { ConvertProgress } from './convert-progress.js'
import { runGraphInProcess } from './graph-process.js'
import { runGraph } from './run-graph.js'
import { shareHeads } from './smoothing.js'
import { TensorPlan } from './tensor-plan.js'
import { Weights } from './weights.js'
import { INLINE_BYTES, writeTensors } from './write-tensors.js'
import type { GraphTarget } from './write-graph.js'
import { encodeGraph } from './write-graph.js'

/** The graphs of the float32 model: vectors, what goes into sites, what the weights of sites are. One weights file. */
const GRAPHS = { reference: 'reference.onnx', calibration: 'calibration.onnx', weights: 'weights.onnx' } as const

/** float32 weights of all graphs. */
const REFERENCE_DATA = 'reference.onnx.data'

/** Tokens that schemes are compared on; the first runs of the calibration texts, which are those of the longest. */
const COMPARED_TOKENS = 1024

/** What a laboratory works on. */
export interface Subject {
  readonly architecture: ArchitectureInfo
  readonly reader: TensorReader
  /** What the checkpoint puts before every tensor name. */
  readonly prefix: string
  /** The artefact being made. */
  readonly target: GraphTarget
  /** Calibration texts. */
  readonly texts: readonly PackedTexts[]
}

/** See the file. */
export class Laboratory {
  readonly architecture: ArchitectureInfo
  readonly reader: TensorReader
  readonly prefix: string
  readonly target: GraphTarget
  readonly #texts: readonly PackedTexts[]
  readonly #folder: string
  readonly #sites: readonly Site[]
  readonly #hessians: boolean
  #small = false
  #comparisons = 0

  private constructor({ architecture, reader, prefix, target, texts }: Subject, hessians: boolean) {
    this.#hessians = hessians
    this.architecture = architecture
    this.reader = reader
    this.prefix = prefix
    this.target = target
    this.#texts = texts
    this.#folder = join(target.folder, 'reference')
    this.#sites = sitesOf(architecture.layers)
  }

  /**
   * Writes the float32 model, with the outputs that calibration reads.
   *
   * @param hessians - Whether to measure what 4-bit rounding with feedback wants.
   */
  static async open(subject: Subject, hessians: boolean): Promise<Laboratory> {
    const laboratory = new Laboratory(subject, hessians)
    await mkdir(laboratory.#folder)
    await laboratory.#writeReference()
    return laboratory
  }

  /** Path of the float32 graph. */
  get reference(): string {
    return join(this.#folder, GRAPHS.reference)
  }

  /** What the calibration texts put into each site. */
  async calibrate(): Promise<ReadonlyMap<Site, SiteStatistics>> {
    const [first] = this.#texts
    if (first === undefined) throw new Error('there are no calibration texts')
    const columns = { graph: join(this.#folder, GRAPHS.weights), weights: 'unpacked', runs: [ONE_TOKEN] } as const
    const weights = await this.run({ ...columns, outputs: weightOutputs(this.#sites) })
    const inputs = { graph: join(this.#folder, GRAPHS.calibration), weights: 'unpacked', runs: this.#texts } as const
    const activations = await this.run(
      { ...inputs, outputs: activationOutputs(this.#sites, this.#hessians) },
      'calibrating',
    )
    const statistics = readStatistics(this.#sites, { ...weights, ...activations }, this.#hessians)
    return new Map([...statistics].map(([site, found]) => [site, this.#sharable(site, found)]))
  }

  /**
   * The error of each site of a candidate, each on float32's own input. Block schemes are measured with unrounded inputs:
   * the engine rounds those only with packed weights, of which a large model would need a second copy in memory here.
   */
  async compare(candidate: Candidate): Promise<ReadonlyMap<Site, number>> {
    const { architecture, reader, prefix, target } = this
    const file = `comparison-${this.#comparisons++}.onnx`
    const tensors = new TensorPlan(`${file}.data`)
    const own = new Weights(reader, tensors, prefix)
    let probe: ComparisonProbe | undefined
    // The float32 weights lie where the reference has them: the same walk over the model reserves the same places.
    const graph = buildBackbone(architecture, reader, prefix, new TensorPlan(REFERENCE_DATA), {
      probe: (built, reference) => {
        const site = (name: Site) => candidate.get(name) ?? { scheme: { kind: 'fp32' as const } }
        probe = new ComparisonProbe(built, reference, own, { table: 'float32', site })
        return probe
      },
    })
    const path = join(this.#folder, file)
    await writeTensors(`${path}.data`, tensors, { threads: target.threads, signal: target.signal })
    await writeFileDurably(path, encodeGraph(graph))
    const order = { graph: path, weights: 'unpacked', runs: this.#someTexts(), outputs: COMPARISON_OUTPUTS } as const
    const outputs = await this.run(order, 'comparing')
    await rm(path)
    await rm(`${path}.data`)
    return readErrors(probe?.projections ?? [], outputs)
  }

  /** Runs a graph: in a process of its own, unless the model is so small that the process would be most of the work. */
  async run(order: Omit<GraphOrder, 'threads'>, state?: ConvertProgress['state']): Promise<GraphOutputs> {
    const { model, signal, onProgress, threads = availableCores() } = this.target
    const total = order.runs.length
    const file = basename(order.graph)
    const onRun = (done: number): void => {
      if (state !== undefined) onProgress?.({ model, state, file, done, total, unit: 'runs' })
    }
    const whole: GraphOrder = { ...order, threads }
    if (!this.#small) return runGraphInProcess(whole, { signal, onRun })
    return runGraph(whole, (done) => {
      onRun(done)
      throwIfAborted(signal, `converting ${model}`)
    })
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #writeReference(): Promise<void> {
    const { architecture, reader, prefix, target } = this
    const { model, threads, signal, onProgress } = target
    const tensors = new TensorPlan(REFERENCE_DATA)
    const graph = buildBackbone(architecture, reader, prefix, tensors, {
      probe: (built, weights) => new CalibrationProbe(built, weights, this.#hessians),
    })
    this.#small = tensors.bytes <= INLINE_BYTES
    const outputs = {
      reference: [POOLED_OUTPUT],
      calibration: Object.keys(activationOutputs(this.#sites, this.#hessians)),
      weights: Object.keys(weightOutputs(this.#sites)),
    }
    for (const name of ['reference', 'calibration', 'weights'] as const) {
      await writeFileDurably(join(this.#folder, GRAPHS[name]), encodeGraph(pruneTo(graph, outputs[name])))
    }
    const report = { model, state: 'writing', file: REFERENCE_DATA, total: tensors.bytes, unit: 'bytes' } as const
    const onBytes = (done: number): void => onProgress?.({ ...report, done })
    await writeTensors(join(this.#folder, REFERENCE_DATA), tensors, { threads, signal, onBytes })
  }

  /** Heads that share values can be smoothed only as one. */
  #sharable(site: Site, statistics: SiteStatistics): SiteStatistics {
    if (!site.endsWith('attention.out') || this.architecture.kind !== 'qwen2') return statistics
    return shareHeads(statistics, this.architecture)
  }

  #someTexts(): readonly PackedTexts[] {
    const some: PackedTexts[] = []
    let tokens = 0
    for (const run of this.#texts) {
      if (tokens >= COMPARED_TOKENS) break
      some.push(run)
      tokens += run.ids.length
    }
    return some
  }
}

/** What a run needs whose outputs depend on no text. */
const ONE_TOKEN: PackedTexts = { ids: new Int32Array(1), lengths: Int32Array.of(1) }
