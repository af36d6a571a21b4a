/**
 * Search a folder of .txt and .md files by meaning: embed it as a stream, keep the vectors, and find what is nearest.
 *
 *     npx tsx examples/search-folder.ts docs "how much memory does a model take?" --top 3 --index docs.index
 *
 * With `--index` the vectors are kept in a file, and made again only when the model or the folder has changed.
 */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'

import { EmbeddingPool, getModel, prepareArtefact, topK } from 'stella-pool'

import type { FolderIndex, Place } from './search-folder-index.js'
import { GrowingMatrix, loadIndex, saveIndex } from './search-folder-index.js'
import type { SourceFile } from './search-folder-passages.js'
import { listFiles, passagesOf } from './search-folder-passages.js'

const MODEL = process.env.STELLA_MODEL ?? 'stella-nano'
const USAGE = 'Usage: search-folder.ts <folder> <question> [--top 5] [--index <file>]'

/**
 * What the vectors depend on. The fingerprint of the converted model covers its weights, its precision and how it was
 * converted: vectors of equal fingerprints can be compared, and no others.
 */
async function keyOf(files: readonly SourceFile[]): Promise<string> {
  const { manifest } = await prepareArtefact(getModel(MODEL))
  return createHash('sha256')
    .update(JSON.stringify([manifest.fingerprint, files]))
    .digest('hex')
}

/** Embeds a folder of any size: passages are read as vectors are taken, and only vectors and places are kept. */
async function indexFiles(pool: EmbeddingPool, files: readonly SourceFile[]): Promise<FolderIndex> {
  // Of the passages that are under way, by their number in the stream.
  const underWay = new Map<number, Place>()
  const texts = async function* (): AsyncGenerator<string> {
    let index = 0
    for await (const { file, line, text } of passagesOf(files)) {
      underWay.set(index++, { file, line, excerpt: text.slice(0, 60).replaceAll('\n', ' ') })
      yield text
    }
  }
  const places: Place[] = []
  const matrix = new GrowingMatrix(getModel(MODEL).defaultDimensions)
  // With 'yield' a passage that cannot be embedded is left out, and the others go on.
  for await (const item of pool.embedStream(MODEL, texts(), { task: 'document', onError: 'yield' })) {
    const place = underWay.get(item.index)
    underWay.delete(item.index)
    if (place === undefined) throw new Error(`the stream gave item ${item.index} twice`)
    if (item.error !== undefined) {
      console.error(`${place.file}:${place.line} is left out: ${item.error.message}`)
      continue
    }
    matrix.add(item.embedding)
    places.push(place)
  }
  console.error(`${places.length} passages of ${files.length} files embedded`)
  return { places, matrix: matrix.take() }
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { top: { type: 'string', default: '5' }, index: { type: 'string' } },
  })
  const [folder, question] = positionals
  if (folder === undefined || question === undefined || positionals.length > 2) {
    console.error(USAGE)
    process.exitCode = 2
    return
  }

  const files = await listFiles(folder)
  await using pool = await EmbeddingPool.open({ maxLength: 512 })
  const { index: path } = values
  let index: FolderIndex | undefined
  if (path === undefined) index = await indexFiles(pool, files)
  else {
    const key = await keyOf(files)
    index = await loadIndex(path, key)
    if (index === undefined) {
      index = await indexFiles(pool, files)
      await saveIndex(path, key, index)
    }
  }

  const { embedding } = await pool.embed(MODEL, question, { task: 's2p_query' })
  const query = { data: embedding, rows: 1, dimensions: embedding.length }
  const [matches = []] = topK(query, index.matrix, Number(values.top))
  for (const match of matches) {
    const place = index.places[match.index]
    if (place !== undefined) console.log(`${match.score.toFixed(4)}  ${place.file}:${place.line}  ${place.excerpt}`)
  }
}

try {
  await main()
} catch (error) {
  // What has a code says what is wrong: a folder that is not there, a model that is not. Anything else is a mistake here.
  if (!(error instanceof Error && 'code' in error)) throw error
  console.error(`${String(error.code)}: ${error.message}`)
  process.exitCode = 1
}
