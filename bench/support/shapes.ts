/** The batches that benchmarks run: which texts of how many tokens. Data only. */

/** A batch by name. */
export interface Shape {
  readonly name: string
  /** Tokens of each text. */
  readonly lengths: readonly number[]
}

/** 16 texts from 8 to 512 tokens, 2,400 in all, in no order: most are short, as texts are. */
const MIXED = [96, 8, 512, 144, 31, 250, 16, 420, 72, 190, 11, 330, 24, 128, 48, 120] as const

const times = (texts: number, length: number): readonly number[] => Array.from({ length: texts }, () => length)

/** Tokens of a shape. */
export function tokensOf({ lengths }: Pick<Shape, 'lengths'>): number {
  return lengths.reduce((sum, length) => sum + length, 0)
}

/** Every shape of the table. `equal` has the tokens and the texts of `mixed`, in equal lengths. */
export const SHAPES = [
  { name: '1×32', lengths: times(1, 32) },
  { name: '4×64', lengths: times(4, 64) },
  { name: '1×512', lengths: times(1, 512) },
  { name: '8×128', lengths: times(8, 128) },
  { name: 'mixed', lengths: MIXED },
  { name: 'equal', lengths: times(MIXED.length, tokensOf({ lengths: MIXED }) / MIXED.length) },
] as const satisfies readonly Shape[]

/** Names of {@link SHAPES}, also as they are typed: `x` for `×`. */
export function findShape(name: string): Shape | undefined {
  return SHAPES.find((shape) => shape.name === name.replaceAll('x', '×') || shape.name === name)
}

/**
 * Token ids of a text of each of these lengths; the ids are any that the table has.
 *
 * @param salt - Gives other texts: a pool computes texts once that are the same and wait together. @default 0
 */
export function someIds({ lengths }: Pick<Shape, 'lengths'>, vocab: number, salt = 0): readonly Int32Array[] {
  return lengths.map((length, text) => {
    const first = text * 101 + salt * 7919
    return Int32Array.from({ length }, (_, i) => (i * 37 + first) % vocab)
  })
}
