/** A parsed file whose every key and value knows its place. Knows no format and no key of the configuration. */

/** A place in a text; both numbers count from 1, columns in UTF-16 units, as editors do. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** What the formats have in common. */
export type Scalar = string | number | boolean | null

/** A key's place and its value. */
export interface LocatedEntry {
  readonly keyAt: Place
  readonly node: Located
}

/** A value with its place. The same one may stand in several places, where the file says so. */
export type Located =
  | { readonly kind: 'map'; readonly at: Place; readonly entries: ReadonlyMap<string, LocatedEntry> }
  | { readonly kind: 'list'; readonly at: Place; readonly items: readonly Located[] }
  | { readonly kind: 'value'; readonly at: Place; readonly value: Scalar }

/** The value alone. Maps have no prototype: every key is its own, whatever it is called. */
export function plainOf(node: Located): unknown {
  switch (node.kind) {
    case 'value':
      return node.value
    case 'list':
      return node.items.map(plainOf)
    case 'map': {
      const plain = Object.create(null) as Record<string, unknown>
      for (const [key, entry] of node.entries) plain[key] = plainOf(entry.node)
      return plain
    }
  }
}

/**
 * Where `path` leads: the place of its last key for `key`, that of its value for `value`. Where it leads nowhere, the
 * last place that it passed.
 */
export function placeIn(node: Located, path: readonly PropertyKey[], what: 'key' | 'value'): Place {
  let place = node.at
  let current: Located | undefined = node
  for (const part of path) {
    const entry: LocatedEntry | undefined = current.kind === 'map' ? current.entries.get(String(part)) : undefined
    if (entry === undefined) break
    place = what === 'key' ? entry.keyAt : entry.node.at
    current = entry.node
  }
  return place
}
