/**
 * Learns byte-pair merges from a text: a plain, deterministic trainer for small vocabularies.
 * Knows the byte alphabet and the word split of Qwen2; knows no file.
 */

/**
 * Qwen2's word split. JavaScript of this age has no inline `(?i:…)`, so the contractions spell out both cases; tokenizer
 * files carry the original, see `byte-bpe.ts`.
 */
const WORD_SPLIT =
  /'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu

/** The pair of symbols a merge joins. */
export type Merge = readonly [left: string, right: string]

/** The 256 printable stand-ins of byte-level BPE, by byte: printable Latin-1 is itself, the rest is moved past U+0100. */
export function byteSymbols(): string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)
  let moved = 0
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : 0x100 + moved++))
}

/** Up to `count` merges, most frequent pair first; of equally frequent pairs the first in code point order. */
export function trainMerges(text: string, count: number): Merge[] {
  const symbols = byteSymbols()
  const words = countWords(text, symbols)
  const merges: Merge[] = []
  while (merges.length < count) {
    const best = mostFrequentPair(words)
    if (best === undefined) break
    merges.push(best)
    for (const word of words) word.symbols = applyMerge(word.symbols, best)
  }
  return merges
}

interface Word {
  symbols: readonly string[]
  readonly count: number
}

function countWords(text: string, symbols: readonly string[]): Word[] {
  const counts = new Map<string, number>()
  for (const [word] of text.normalize('NFC').matchAll(WORD_SPLIT)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].map(([word, count]) => ({
    symbols: [...Buffer.from(word, 'utf8')].map((byte) => symbols[byte] ?? ''),
    count,
  }))
}

function mostFrequentPair(words: readonly Word[]): Merge | undefined {
  const counts = new Map<string, { readonly pair: Merge; count: number }>()
  for (const { symbols, count } of words) {
    for (let i = 1; i < symbols.length; i++) {
      const pair: Merge = [symbols[i - 1] ?? '', symbols[i] ?? '']
      const key = pair.join(' ')
      const entry = counts.get(key)
      if (entry === undefined) counts.set(key, { pair, count })
      else entry.count += count
    }
  }
  let best: { readonly key: string; readonly pair: Merge; readonly count: number } | undefined
  for (const [key, { pair, count }] of counts) {
    if (best === undefined || count > best.count || (count === best.count && key < best.key))
      best = { key, pair, count }
  }
  // A pair seen once is a whole word learnt by heart.
  return best !== undefined && best.count > 1 ? best.pair : undefined
}

function applyMerge(symbols: readonly string[], [left, right]: Merge): readonly string[] {
  const merged: string[] = []
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] ?? ''
    if (symbol === left && symbols[i + 1] === right) {
      merged.push(left + right)
      i++
    } else {
      merged.push(symbol)
    }
  }
  return merged
}
