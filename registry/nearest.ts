/** Finds what somebody probably meant, for error messages. */

/** A name this many times its own length away is no hint. */
const FARTHEST = 0.5

/** The candidate with the smallest edit distance to `word`; undefined when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.floor(word.length * FARTHEST) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate, bestDistance)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/**
 * Optimal string alignment distance: insertions, deletions, substitutions, and swaps of neighbours, which is how people
 * mistype. `limit` where it is at least that.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= b.length; column++) {
      const differs = a[row - 1] === b[column - 1] ? 0 : 1
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      const distances = [at(row - 1, column - 1) + differs, at(row - 1, column) + 1, at(row, column - 1) + 1]
      if (swapped) distances.push(at(row - 2, column - 2) + 1)
      current.push(Math.min(...distances))
    }
  }
  return Math.min(at(a.length, b.length), limit)
}
