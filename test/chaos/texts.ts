/** The texts of a chaos run, the ways to embed them, and the vectors that a pool gives in peace. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { EmbedInput, EmbedOptions, EmbeddingPool } from '../../src/index.js'
import type { Draws } from './draws.js'
import type { Stage } from './stage.js'

/** How far a number may be from the undisturbed one: of vectors of length 1, else relative to the largest number. */
export const MAX_DIFFERENCE = 1e-6

const WORDS = 'a river of small stones runs under old bridges while nobody counts its slow and patient words'.split(' ')

/** Words of each text. The last are longer than models read; one of 512 tokens or more runs alone. */
const LENGTHS = [1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 8, 9, 12, 15, 20, 25, 31, 40, 55, 70, 90, 130, 180, 420, 700]

/** Token ids that any vocabulary has. */
const IDS = [
  [5, 6, 7],
  [9, 9, 9, 9, 9, 9, 9, 9],
]

/** What can be asked of a model. Those with a prompt are not for token ids. */
interface Variant {
  readonly options: EmbedOptions
  readonly forIds: boolean
}

/** An input, and what comes of it in peace. */
export interface Known {
  readonly input: EmbedInput
  readonly options: EmbedOptions
  readonly expected: Expected
}

interface Expected {
  readonly embedding: Float32Array
  readonly tokens: number
  readonly truncated: boolean
}

/** What a call gave for one input. */
export interface Found extends Expected {
  /** The place in the call. */
  readonly place: number
}

/** A vector that is not what it should be. */
export class WrongResult extends Error {}

/** The known inputs of each model. */
export class Texts {
  /** By model, then by variant: all its inputs. */
  readonly #known = new Map<string, readonly (readonly Known[])[]>()

  private constructor() {
    // Made by `embed`.
  }

  /** Embeds everything with a pool that nobody disturbs. */
  static async embed(stage: Stage, pool: EmbeddingPool): Promise<Texts> {
    const texts = new Texts()
    for (const { info } of stage.actors) {
      const variants: (readonly Known[])[] = []
      for (const variant of variantsOf(info)) variants.push(await embedAll(pool, info, variant))
      texts.#known.set(info.key, variants)
    }
    return texts
  }

  /** Some inputs that one call can have; now and then the same twice. */
  draw(draws: Draws, info: StellaModelInfo, count: number): readonly Known[] {
    const variant = draws.pick(this.#known.get(info.key) ?? [])
    return Array.from({ length: count }, () => draws.pick(variant))
  }
}

/** @throws {WrongResult} saying where, and by how much. */
export function requireSame(found: Found, { expected }: Known): void {
  const { place, embedding, tokens, truncated } = found
  if (tokens !== expected.tokens || truncated !== expected.truncated) {
    const of = ({ tokens: count, truncated: cut }: Expected): string => `${count} tokens${cut ? ', cut' : ''}`
    throw new WrongResult(`text ${place} had ${of(found)}; undisturbed ${of(expected)}`)
  }
  const { length } = expected.embedding
  if (embedding.length !== length) throw new WrongResult(`text ${place} has ${embedding.length} numbers, not ${length}`)
  const scale = expected.embedding.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  const worst = embedding.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (expected.embedding[at] ?? Number.NaN)) / scale),
    0,
  )
  if (worst <= MAX_DIFFERENCE) return
  throw new WrongResult(`text ${place} of ${tokens} tokens differs by ${worst} from the undisturbed vector`)
}

function variantsOf({ heads, defaultDimensions, prompts }: StellaModelInfo): readonly Variant[] {
  const other = heads.find(({ dimensions }) => dimensions !== defaultDimensions)?.dimensions
  return [
    { options: {}, forIds: true },
    { options: { normalize: false }, forIds: true },
    { options: { maxLength: 16, overflow: 'truncate-left' }, forIds: true },
    ...(other === undefined ? [] : [{ options: { dimensions: other }, forIds: true }]),
    ...(prompts.s2p_query === null ? [] : [{ options: { task: 's2p_query' as const }, forIds: false }]),
  ]
}

async function embedAll(pool: EmbeddingPool, info: StellaModelInfo, variant: Variant): Promise<readonly Known[]> {
  const ids = variant.forIds ? IDS.map((tokens) => Int32Array.from(tokens)) : []
  const inputs: readonly EmbedInput[] = [...LENGTHS.map(textOf), 'Ünïcödé — 日本語 🎈', ...ids]
  const { options } = variant
  const { embeddings, tokens, truncated } = await pool.batchEmbed(info, inputs, options)
  return inputs.map((input, place) => {
    const [embedding, count, cut] = [embeddings[place], tokens[place], truncated[place]]
    if (embedding === undefined || count === undefined || cut === undefined) throw new Error(`no vector for ${place}`)
    return { input, options, expected: { embedding, tokens: count, truncated: cut } }
  })
}

/** So many words; another number gives others. */
function textOf(words: number, seed: number): string {
  return Array.from({ length: words }, (_, at) => WORDS[(at * 7 + seed * 3) % WORDS.length]).join(' ')
}
