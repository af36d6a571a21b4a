/** Which fields of an object, or columns of a table, hold the texts and the id. Knows no file. */
import { StellaError } from '../../errors.js'
import { clip } from '../../show.js'
import type { RowNames } from './pair-row.js'

/** Names of one's own, as they stand in the file. */
export interface PairFieldOptions {
  /**
   * Holds what should have been written.
   * @default `groundTruth`, `ground_truth`, `gt`; else `reference`, `expected`, `text1`, `sentence1`
   */
  readonly groundTruthField?: string | undefined
  /**
   * Holds what was written.
   * @default `prediction`, `pred`; else `candidate`, `hypothesis`, `actual`, `text2`, `sentence2`
   */
  readonly predictionField?: string | undefined
  /**
   * Holds the name of the pair.
   * @default `id`; else `pairId`, `videoId`; where there is none, a pair is named after its line
   */
  readonly idField?: string | undefined
}

/** What a field is, and the option that names it. */
const ROLES = {
  groundTruth: { option: 'groundTruthField', what: 'the ground truth' },
  prediction: { option: 'predictionField', what: 'the prediction' },
  id: { option: 'idField', what: 'the id' },
} as const

type Role = keyof typeof ROLES

/**
 * Names that are known without being told, the plainest first: a name of a later group is looked at only where none of
 * an earlier one is there. Upper and lower case, blanks, `-` and `_` make no difference: `Ground Truth` is `groundTruth`.
 */
export const PAIR_FIELDS = {
  groundTruth: [
    ['groundTruth', 'gt'],
    ['reference', 'expected', 'text1', 'sentence1'],
  ],
  prediction: [
    ['prediction', 'pred'],
    ['candidate', 'hypothesis', 'actual', 'text2', 'sentence2'],
  ],
  id: [['id'], ['pairId', 'videoId']],
} as const satisfies Record<Role, readonly (readonly string[])[]>

/** How many of a row's names a message repeats. */
const SHOWN_NAMES = 12

/** Where the values of a row stand, as indices into its names. */
export interface PairFieldPlaces {
  readonly groundTruth: number
  readonly prediction: number
  /** Undefined where there is no id. */
  readonly id: number | undefined
}

/**
 * Finds the fields among `names`.
 *
 * @throws {StellaError} INPUT_INVALID when one is missing, or several could be meant.
 */
export function findPairFields(names: readonly string[], options: PairFieldOptions): PairFieldPlaces {
  return {
    groundTruth: required(names, options, 'groundTruth'),
    prediction: required(names, options, 'prediction'),
    id: find(names, options, 'id'),
  }
}

/** What the found fields are called, for messages. */
export function namesOf(names: readonly string[], { groundTruth, prediction, id }: PairFieldPlaces): RowNames {
  const nameAt = (index: number | undefined): string => clip((index === undefined ? undefined : names[index]) ?? '')
  return { groundTruth: nameAt(groundTruth), prediction: nameAt(prediction), id: nameAt(id) }
}

function required(names: readonly string[], options: PairFieldOptions, role: Role): number {
  const found = find(names, options, role)
  if (found !== undefined) return found
  const { option, what } = ROLES[role]
  const known = PAIR_FIELDS[role].flat().join(', ')
  throw refused(`has no field for ${what}. It has ${listed(names)}. Known are ${known}; name another as \`${option}\``)
}

function find(names: readonly string[], options: PairFieldOptions, role: Role): number | undefined {
  const { option, what } = ROLES[role]
  const given = options[option]
  if (given !== undefined) {
    const places = placesOf(names, (name) => name === given)
    if (places.length === 1) return places[0]
    const count = places.length === 0 ? 'no field' : `${places.length} fields`
    throw refused(`has ${count} \`${clip(given)}\`, which \`${option}\` names. It has ${listed(names)}`)
  }
  for (const group of PAIR_FIELDS[role]) {
    const plain = group.map(plainName)
    const places = placesOf(names, (name) => plain.includes(plainName(name)))
    if (places.length === 1) return places[0]
    if (places.length < 2) continue
    const found = places.map((place) => names[place] ?? '')
    throw refused(`has several fields for ${what}: ${listed(found)}. Name one as \`${option}\``)
  }
  return undefined
}

function placesOf(names: readonly string[], matches: (name: string) => boolean): readonly number[] {
  return names.flatMap((name, place) => (matches(name) ? [place] : []))
}

/** Longest name that may be a known one; nobody's time goes into longer ones. In UTF-16 units. */
const MAX_KNOWN_NAME = 40

function plainName(name: string): string {
  return name.length > MAX_KNOWN_NAME ? name : name.toLowerCase().replaceAll(/[\s_-]/g, '')
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  const shown = names.slice(0, SHOWN_NAMES).map(clip).join(', ')
  return names.length <= SHOWN_NAMES ? shown : `${shown} and ${names.length - SHOWN_NAMES} more`
}

/** @param problem - What comes after the name of the line. */
function refused(problem: string): StellaError {
  return new StellaError('INPUT_INVALID', problem)
}
