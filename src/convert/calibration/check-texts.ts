/** Checks calibration texts that a caller hands over as an array. */
import { StellaError } from '../../errors.js'
import { show } from '../../show.js'
import { MAX_CALIBRATION_CHARACTERS, MAX_CALIBRATION_TEXTS, MIN_CALIBRATION_TEXTS, TASKS } from './read-texts.js'
import type { TaskText } from './task-text.js'

/**
 * Returns the texts.
 *
 * @throws {StellaError} OPTION_INVALID naming what is accepted.
 */
export function checkCalibration(given: readonly TaskText[] | undefined): readonly TaskText[] | undefined {
  if (given === undefined) return undefined
  const texts: unknown = given
  if (!Array.isArray(texts)) throw refused(`an array of { task, text }; got ${show(texts)}`)
  const bad = texts.findIndex((text: unknown) => !isTaskText(text))
  if (bad !== -1) {
    throw refused(
      `text ${bad} to be { task, text } with a task of ${TASKS.join(', ')} and 1 to ${MAX_CALIBRATION_CHARACTERS} ` +
        `characters; got ${show(texts[bad])}`,
    )
  }
  const different = new Set(given.map(({ text }) => text)).size
  if (different < MIN_CALIBRATION_TEXTS || texts.length > MAX_CALIBRATION_TEXTS) {
    throw refused(
      `${MIN_CALIBRATION_TEXTS} different texts at least and ${MAX_CALIBRATION_TEXTS} texts at most; got ${texts.length}, ` +
        `${different} of them different`,
    )
  }
  return given.map(({ task, text }) => ({ task, text }))
}

function isTaskText(value: unknown): value is TaskText {
  if (typeof value !== 'object' || value === null || !('text' in value) || !('task' in value)) return false
  const { text, task } = value
  if (typeof text !== 'string' || text.trim() === '' || text.length > MAX_CALIBRATION_CHARACTERS) return false
  return TASKS.some((known) => known === task)
}

function refused(expected: string): StellaError {
  return new StellaError('OPTION_INVALID', `Expected \`calibration\` to have ${expected}`, {
    details: { option: 'calibration' },
  })
}
