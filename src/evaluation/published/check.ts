/** What a published number is compared by. Knows no model and no number: they are in the files beside this one. */
import type { BatchEmbedResult, EmbedInput } from '../../inference/embed-texts.js'
import type { BatchEmbedOptions } from '../../inference/options.js'
import { cosineSimilarity } from '../../vectors/similarity.js'

/** Embeds texts with the model under test. */
export type EmbedTexts = (inputs: readonly EmbedInput[], options?: BatchEmbedOptions) => Promise<BatchEmbedResult>

/** What a check found. */
export interface Measurement {
  readonly passed: boolean
  readonly measured: number
  readonly expected: number
  /** Largest difference that passes. */
  readonly tolerance: number
  /** What was measured, where the name of the check does not say it all. */
  readonly detail?: string
}

/** A number that somebody published about a model's real weights. */
export interface PublishedCheck {
  readonly name: string
  /** Who published it, and where. */
  readonly source: string
  /** Size of the vectors it needs. */
  readonly dimensions: number
  run(embed: EmbedTexts): Promise<Measurement>
}

/** Compares one number. A number that is not finite never passes. */
export function compare(measured: number, expected: number, tolerance: number, detail?: string): Measurement {
  const passed = Math.abs(measured - expected) <= tolerance
  return { passed, measured, expected, tolerance, ...(detail === undefined ? {} : { detail }) }
}

/** The comparison that is farthest off. Where all have one tolerance and it passes, all do. */
export function worst(measurements: readonly Measurement[]): Measurement {
  const [first, ...rest] = measurements
  if (first === undefined) throw new Error('nothing was measured')
  const offBy = ({ measured, expected }: Measurement): number => {
    const distance = Math.abs(measured - expected)
    return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance
  }
  return rest.reduce((far, next) => (offBy(next) > offBy(far) ? next : far), first)
}

/** Cosines of queries and documents, row by row: `[queries, documents]`. */
export interface SimilarityTable {
  readonly queries: readonly string[]
  /** Task of the queries; documents take no prompt. */
  readonly task: 's2p_query' | 's2s_query' | 'document'
  readonly documents: readonly string[]
  readonly dimensions: number
  readonly expected: readonly (readonly number[])[]
  readonly tolerance: number
}

/** Embeds queries and documents and compares each cosine with the published one. */
export async function compareTable(embed: EmbedTexts, table: SimilarityTable): Promise<Measurement> {
  const { dimensions, task, tolerance } = table
  const queries = await embed(table.queries, { task, dimensions })
  const documents = await embed(table.documents, { dimensions })
  const cells = table.expected.flatMap((row, query) =>
    row.map((expected, document) => {
      const cosine = cosineSimilarity(vectorAt(queries, query), vectorAt(documents, document))
      return compare(cosine, expected, tolerance, `query ${query + 1}, document ${document + 1}`)
    }),
  )
  return worst(cells)
}

/** The vector of a text, refusing to go on without it. */
export function vectorAt({ embeddings }: BatchEmbedResult, index: number): Float32Array {
  const vector = embeddings[index]
  if (vector === undefined) throw new Error(`the model returned ${embeddings.length} vectors, none for text ${index}`)
  return vector
}
