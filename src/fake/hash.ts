/**
 * Hashes that come out the same on every platform and version of Node: 32-bit integers only, and no table of Unicode's.
 */

/** Spreads every bit of `value` over all 32: the finaliser of MurmurHash3 (Austin Appleby, public domain). */
function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** One hash of two; their order matters. Gives 0 to 2³² − 1. */
export function combine(first: number, second: number): number {
  return mix(Math.imul(mix(first), 0x9e3779b1) + second)
}

/** Hash of a text's UTF-16 units, A to Z read as a to z: FNV-1a, mixed. Gives 0 to 2³² − 1. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    // ASCII alone: other alphabets' cases are a table that grows with Unicode.
    const lower = unit >= 65 && unit <= 90 ? unit + 32 : unit
    hash = Math.imul(hash ^ lower, 0x01000193)
  }
  return mix(hash)
}
