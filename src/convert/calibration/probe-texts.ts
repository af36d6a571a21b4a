/**
 * The texts on which a converted model is compared with fp32. Fixed, written for this project, and none of them is a
 * calibration text: a conversion must not be judged by what it was fitted to.
 */
import { FAMILIES } from './probes/families.js'
import { SINGLES } from './probes/singles.js'
import type { TaskText } from './task-text.js'

/**
 * The probe set, always in the same order. A change of it makes figures incomparable, and shows as another `probe` in
 * the manifest.
 */
export function probeTexts(): readonly TaskText[] {
  return [...FAMILIES.flatMap(({ texts }) => texts), ...SINGLES]
}
