/**
 * The texts that a conversion measures activations on where the user names none. All of them were written for this
 * project. They are varied on purpose: what matters is that every channel which grows large on some kind of text does so
 * on one of these.
 */
import type { TaskText } from './task-text.js'
import { flow, textsFor } from './task-text.js'
import { CODE } from './texts/code.js'
import { DIALOGUE, DOMAINS } from './texts/domains.js'
import { LANGUAGES } from './texts/languages.js'
import { LONG_PROSE, PROSE } from './texts/prose.js'
import { SEARCH_QUERIES, SIMILARITY_QUERIES } from './texts/queries.js'
import { RECORDS } from './texts/records.js'

/**
 * The embedded calibration set, always in the same order. A change of it changes the weights of every quantised
 * artefact, and so their fingerprints.
 */
export function calibrationTexts(): readonly TaskText[] {
  return [
    ...textsFor('document', flow(PROSE)),
    ...textsFor('document', CODE),
    ...textsFor('document', RECORDS),
    ...textsFor('document', flow(DOMAINS)),
    ...textsFor('document', DIALOGUE),
    ...textsFor('document', flow(LANGUAGES)),
    ...textsFor('document', flow(LONG_PROSE)),
    ...textsFor('s2p_query', flow(SEARCH_QUERIES)),
    ...textsFor('s2s_query', SIMILARITY_QUERIES),
  ]
}
