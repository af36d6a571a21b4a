/** The tokenizers of the full-size stand-ins, and texts for them. Makes files of a few megabytes, and no weights. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { StellaTokenizer } from '../../src/text/tokenizer.js'
import { CHECKPOINT_SPECS } from '../../tools/checkpoints/specs.js'
import { tokenizerFiles } from '../../tools/checkpoints/tokenizers.js'
import { textOfTokens } from '../support/texts.js'

/** The full-size stand-ins. */
export const NAMES = ['stella-en-400m-v5', 'stella-en-1.5b-v5'] as const

/** How any text is tokenised here: nothing is cut. */
export const WHOLE = { prompt: '', maxLength: 1_000_000, overflow: 'truncate-right' } as const

/** A `tokenizer.json` on disk. */
export interface TokenizerFile {
  readonly name: string
  readonly path: string
  readonly vocab: number
  readonly megabytes: number
}

/** Writes the tokenizers to a temporary folder for as long as `work` takes. */
export async function withTokenizers<T>(work: (files: readonly TokenizerFile[]) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'stella-pool-bench-'))
  try {
    const files: TokenizerFile[] = []
    for (const name of NAMES) {
      const { tokenizer, architecture } = CHECKPOINT_SPECS[name]
      const text = tokenizerFiles(tokenizer).files.find(([path]) => path === 'tokenizer.json')?.[1] ?? ''
      const path = join(folder, `${name}.json`)
      await writeFile(path, text)
      files.push({ name, path, vocab: architecture.vocab, megabytes: Buffer.byteLength(text) / 1e6 })
    }
    return await work(files)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Distinct texts of so many tokens each, as that tokenizer counts them. */
export async function textsOf(
  { path, vocab }: TokenizerFile,
  count: number,
  tokens: number,
): Promise<readonly string[]> {
  const tokenizer = await StellaTokenizer.load(path, vocab)
  const tokensOf = async (text: string): Promise<number> => (await tokenizer.encode([text], WHOLE))[0]?.total ?? 0
  const texts: string[] = []
  for (let seed = 0; seed < count; seed++) texts.push(await textOfTokens(tokensOf, tokens, seed))
  return texts
}
