/** Texts of a sentence's length, all different, the same in every run. */
const SUBJECTS = ['The river', 'An old bridge', 'Every garden', 'The last train', 'A quiet street', 'Her letter']
const VERBS = ['crosses', 'remembers', 'follows', 'outlives', 'paints', 'leaves behind']
const OBJECTS = ['the winter market', 'a row of houses', 'the morning light', 'its own shadow', 'many questions']

/** So many texts of 8 to 25 tokens. */
export function* shortTexts(count: number): Generator<string> {
  for (let index = 0; index < count; index++) {
    const pick = (from: readonly string[], step: number): string => from[Math.floor(index / step) % from.length] ?? ''
    const tail = index % 3 === 0 ? ' while nobody looks, and the town sleeps on' : ''
    yield `${pick(SUBJECTS, 1)} ${pick(VERBS, 7)} ${pick(OBJECTS, 3)} ${index}${tail}`
  }
}
