/** Which tokenizer files are loaded, and which are refused. */
import { copyFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Tokenizer } from 'tokenizers'
import { afterAll, describe, expect, it } from 'vitest'

import { tooLong } from '../../../src/text/length-errors.js'
import { StellaTokenizer } from '../../../src/text/tokenizer.js'
import { goldenCheckpoint } from '../../golden/golden-file.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const WORD_PIECE = join(goldenCheckpoint('new-tiny'), 'tokenizer.json')
const VOCAB = 1000

describe('a tokenizer.json is refused', () => {
  const path = join(temporary.path, 'tokenizer.json')

  it.each([
    ['no JSON', '{"model":'],
    ['null', 'null'],
    ['an array', '[]'],
    ['an empty object', '{}'],
    ['a model of an unknown kind', '{"model":{"type":"Telepathy"}}'],
  ])('that is %s, by its path', async (_, text) => {
    await writeFile(path, text)
    const error = await failureOf(() => StellaTokenizer.load(path, VOCAB))
    expect(error.code).toBe('ARTEFACT_INVALID')
    expect(error.message).toContain(`${path} is not a usable tokenizer`)
    expect(error.cause).toBeDefined()
  })

  it('that is missing', async () => {
    const error = await failureOf(() => StellaTokenizer.load(join(temporary.path, 'none.json'), VOCAB))
    expect(error.code).toBe('ARTEFACT_INVALID')
    expect(error.message).toContain('ENOENT')
  })

  it('that is larger than any real one, before it is read', async () => {
    await writeFile(path, '')
    await truncate(path, 101_000_000)
    const error = await failureOf(() => StellaTokenizer.load(path, VOCAB))
    expect(error.message).toContain('it has 101000000 bytes; at most 100000000 are read')
  })

  it('that knows more tokens than the model has rows', async () => {
    await copyFile(WORD_PIECE, path)
    const size = Tokenizer.fromFile(WORD_PIECE).getVocabSize(true)
    await expect(StellaTokenizer.load(path, size)).resolves.toBeInstanceOf(StellaTokenizer)
    const error = await failureOf(() => StellaTokenizer.load(path, size - 1))
    expect(error.code).toBe('ARTEFACT_INVALID')
    expect(error.message).toContain(`it has ${size} tokens; the model's embedding table has ${size - 1} rows`)
  })
})

it('tooLong says what to do', () => {
  expect(tooLong(3, 900, 512).message).toBe(
    "Text 3 has 900 tokens; the limit is 512. Raise `maxLength`, or choose `overflow: 'truncate-right'`",
  )
})
