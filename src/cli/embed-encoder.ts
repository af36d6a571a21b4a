/** What a run makes of each vector: its encoding, and with `--save-ranges` a file of ranges. Knows no model. */
import type { Encoding } from '../vectors/codes.js'
import { embeddingEncoder } from '../vectors/encoding.js'
import { RangeTracker } from '../vectors/ranges.js'
import type { CommandContext } from './command.js'
import type { Encode } from './embed-run.js'
import { openOutputFile } from './output-file.js'
import type { RangesFacts } from './ranges-file.js'
import { checkRangeOptions, rangesNote, rangesText, readRangesFile } from './ranges-file.js'

/** The encoder of a run. */
export interface EmbedEncoder {
  readonly encode: Encode
  /**
   * Puts the file of ranges in its place, where there is to be one.
   *
   * @throws {StellaError} INPUT_INVALID when there were too few vectors for ranges.
   */
  commit(): Promise<void>
  /** Removes what was written of it. After `commit` it does nothing. */
  discard(): Promise<void>
}

/**
 * Reads the ranges the encoding needs, and makes sure that those to be saved can be: before anything is embedded.
 *
 * @throws {StellaError} OPTION_INVALID or INPUT_INVALID for the ranges and their files.
 */
export async function openEncoder(
  { values, report }: CommandContext,
  encoding: Encoding,
  facts: RangesFacts,
): Promise<EmbedEncoder> {
  checkRangeOptions(values, encoding)
  const ranges = values.ranges === undefined ? undefined : await readRangesFile(values.ranges, facts)
  const encode = embeddingEncoder(encoding, facts.dimensions, { ranges })
  const path = values['save-ranges']
  if (path === undefined) return { encode, commit: () => Promise.resolve(), discard: () => Promise.resolve() }
  const file = await openOutputFile(path, '--save-ranges')
  const tracker = new RangeTracker(facts.dimensions)
  return {
    encode: (embedding) => {
      tracker.add(embedding)
      return encode(embedding)
    },
    commit: async () => {
      await file.write(rangesText(tracker, facts))
      await file.commit()
      report.note(rangesNote(path, tracker))
    },
    discard: () => file.discard(),
  }
}
