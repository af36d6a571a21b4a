/** When two texts are the same, and a hash that is equal for such. Knows no queue. */
import type { TextToRun } from './contract.js'

/** What makes a text what it is: one run of it serves all who want it. */
export type TextIdentity = Pick<TextToRun, 'ids' | 'variant'>

/** Whether one result serves both. */
export function isSameText(one: TextIdentity, other: TextIdentity): boolean {
  const { ids } = one
  if (ids.length !== other.ids.length || !isSameVariant(one, other)) return false
  for (let at = 0; at < ids.length; at++) if (ids[at] !== other.ids[at]) return false
  return true
}

function isSameVariant({ variant: one }: TextIdentity, { variant: other }: TextIdentity): boolean {
  return one.dimensions === other.dimensions && one.normalize === other.normalize
}

/** A number that is equal for equal variants, and for no others. */
export function variantNumber({ variant }: TextIdentity): number {
  return variant.dimensions * 2 + (variant.normalize ? 1 : 0)
}

/**
 * 32 bits of a text, by MurmurHash3 (A. Appleby, public domain). Whoever sends texts can make them collide, so nothing
 * may rest on it: texts are compared, and only one of a colliding lot is found again.
 */
export function hashText(text: TextIdentity): number {
  const { ids } = text
  let hash = mix(0, variantNumber(text))
  for (let at = 0; at < ids.length; at++) hash = mix(hash, ids[at] ?? 0)
  hash ^= ids.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function mix(hash: number, word: number): number {
  let bits = Math.imul(word, 0xcc9e2d51)
  bits = Math.imul((bits << 15) | (bits >>> 17), 0x1b873593)
  const mixed = hash ^ bits
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}
