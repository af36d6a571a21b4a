/** What the fake takes for tokens: words, cut where they are long, and signs, each hashed to ids of the vocabulary. */
import { hashText } from './hash.js'

/** Put before every text. */
export const START_ID = 0

/** Put after every text. */
export const END_ID = 1

/** Whether an id is no part of a text. */
export function isSpecial(id: number): boolean {
  return id === START_ID || id === END_ID
}

/** Token ids of a text, without the special ones, and where in the text each ends. */
export interface FakeTokens {
  readonly ids: readonly number[]
  /** In UTF-16 units from the text's start. */
  readonly ends: readonly number[]
}

/**
 * Characters that are a token by themselves: punctuation and symbols; Chinese and Japanese, which are written without
 * spaces; emoji. Listed by range and not by Unicode property, of which newer versions of Node know more.
 */
const ALONE =
  '!-\\/:-@\\[-`{-~\\u00a1-\\u00bf\\u00d7\\u00f7\\u2010-\\u2027\\u2030-\\u205e\\u20a0-\\u2bff' +
  '\\u2e80-\\u312f\\u3190-\\u9fff\\uf900-\\ufaff\\uff01-\\uff0f\\uff1a-\\uff20\\u{1f000}-\\u{1faff}\\u{20000}-\\u{3ffff}'

/** Longest piece of a word, in characters. English has about 1.2 such pieces for each word. */
const PIECE = 8

const TOKEN = new RegExp(`[${ALONE}]|[^\\s${ALONE}]{1,${PIECE}}`, 'gu')

/**
 * Pieces that can be told apart, at least: with one id each out of a small vocabulary, a test with a dozen words would
 * soon have two that are the same.
 */
const DISTINCT_PIECES = 25_000

/** Most ids of a piece. */
const MAX_IDS = 4

/**
 * Cuts `text` into tokens.
 *
 * @param vocab - Ids are below this. Of a large vocabulary a piece takes one id, of a small one several.
 */
export function fakeTokens(text: string, vocab: number): FakeTokens {
  const first = Math.min(END_ID + 1, vocab - 1)
  const base = vocab - first
  let perPiece = 1
  while (perPiece < MAX_IDS && base ** perPiece < DISTINCT_PIECES) perPiece++
  const ids: number[] = []
  const ends: number[] = []
  for (const match of text.matchAll(TOKEN)) {
    const [piece] = match
    let hash = hashText(piece)
    for (let digit = 0; digit < perPiece; digit++) {
      ids.push(first + (hash % base))
      ends.push(match.index + piece.length)
      hash = Math.floor(hash / base)
    }
  }
  return { ids, ends }
}
