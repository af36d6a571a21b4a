/**
 * Files of encoding ranges: what one run saves, and a later one encodes with. Refuses those that were taken from vectors
 * of another kind, as no number in them would tell.
 */
import { z } from 'zod'

import { StellaError } from '../errors.js'
import { readJsonFile } from '../files/json-file.js'
import type { Encoding } from '../vectors/codes.js'
import type { EncodingRanges, RangeTracker } from '../vectors/ranges.js'
import { STABLE_CALIBRATION_VECTORS } from '../vectors/ranges.js'
import { rangesFromJson } from '../vectors/ranges-json.js'
import { vectorText } from './formats/float-text.js'
import type { OptionValues } from './options.js'
import { UsageError } from './usage-error.js'

/** Of which vectors ranges are. The task is not among them: queries and documents are compared with each other. */
export interface RangesFacts {
  /** Key of the model. */
  readonly model: string
  readonly dimensions: number
  /** Whether they are of length 1. */
  readonly normalized: boolean
}

const RANGES_FILE = z.object({
  model: z.string(),
  dimensions: z.number(),
  normalized: z.boolean(),
  /** Vectors they were taken from. */
  vectors: z.number(),
  minimum: z.array(z.number()),
  maximum: z.array(z.number()),
})

/** @throws {UsageError} when ranges are missing, or given to no purpose. */
export function checkRangeOptions({ ranges, 'save-ranges': save }: OptionValues, encoding: Encoding): void {
  if (ranges !== undefined && save !== undefined) {
    throw new UsageError(
      '`--save-ranges` and `--ranges` were both given; ranges come from one run and are used by the next',
      'Save them first, from texts like yours',
    )
  }
  const needed = encoding === 'int8' || encoding === 'uint8'
  if (needed && ranges === undefined) {
    throw new UsageError(
      `\`--encoding ${encoding}\` needs \`--ranges file.json\`: the lowest and highest number of each dimension`,
      'Save them from some hundred texts like yours: stella embed --file texts.txt --save-ranges file.json --out floats.jsonl',
    )
  }
  if (!needed && ranges !== undefined) {
    throw new UsageError(
      `\`--ranges\` is for the encodings int8 and uint8; this run encodes ${encoding}`,
      'Say `--encoding int8`, or leave the ranges out; STELLA_RANGES counts too',
    )
  }
}

/**
 * The ranges of a file that {@link rangesText} made.
 *
 * @param facts - Of the vectors to encode with them.
 * @throws {StellaError} INPUT_INVALID when there is no such file, it holds no ranges, or those of other vectors.
 */
export async function readRangesFile(path: string, facts: RangesFacts): Promise<EncodingRanges> {
  const file = await readJsonFile(path, RANGES_FILE, { code: 'INPUT_INVALID', label: path })
  if (file === undefined) throw refusal(path, 'there is no such file')
  for (const [name, wanted] of Object.entries(facts)) {
    const found = file[name as keyof RangesFacts]
    if (found === wanted) continue
    const what = `it is for vectors of ${name} ${found}, and those of this run are of ${name} ${String(wanted)}`
    throw refusal(path, `${what}. Save ranges with the options of this run`)
  }
  const ranges = rangesFromJson(file)
  if (ranges.minimum.length === facts.dimensions) return ranges
  throw refusal(path, `it holds ranges of ${ranges.minimum.length} dimensions, and says ${file.dimensions}`)
}

/**
 * The text of a file of ranges.
 *
 * @throws {StellaError} INPUT_INVALID when there were too few vectors.
 */
export function rangesText(tracker: RangeTracker, facts: RangesFacts): string {
  const { minimum, maximum } = tracker.ranges()
  const head = JSON.stringify({ ...facts, vectors: tracker.count }).slice(0, -1)
  return `${head},\n"minimum":${vectorText(minimum)},\n"maximum":${vectorText(maximum)}}\n`
}

/** What to tell of ranges that were saved. */
export function rangesNote(path: string, { count }: RangeTracker): string {
  const few = count < STABLE_CALIBRATION_VECTORS ? `; from ${STABLE_CALIBRATION_VECTORS} on they are stable` : ''
  return `wrote the ranges of ${count} vectors to ${path}${few}`
}

function refusal(path: string, problem: string): StellaError {
  return new StellaError('INPUT_INVALID', `Cannot use the ranges of ${path}: ${problem}`, { details: { file: path } })
}
