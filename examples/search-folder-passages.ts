/**
 * Part of search-folder.ts: the texts of a folder, cut to passages. Knows no model.
 */
import { open, readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'

const EXTENSIONS: readonly string[] = ['.txt', '.md']
/** About 250 tokens of English. One vector for more than a few paragraphs says too little of each of them. In characters. */
const PASSAGE_CHARACTERS = 1000
/** A line is read as a whole, so that this bounds the memory that a file may take. In bytes. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

/** A file to search, and what tells that it has changed. */
export interface SourceFile {
  readonly path: string
  readonly bytes: number
  readonly modifiedMs: number
}

/** Some lines of a file. */
export interface Passage {
  readonly file: string
  /** Of its first line, from 1. */
  readonly line: number
  readonly text: string
}

/** The files of a folder and of the folders in it, in the order of their names. Links are not followed. */
export async function listFiles(folder: string): Promise<readonly SourceFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile() && EXTENSIONS.includes(extname(entry.name).toLowerCase()))
    .map((entry) => join(entry.parentPath, entry.name))
  const files: SourceFile[] = []
  for (const path of paths.sort()) {
    const { size: bytes, mtimeMs: modifiedMs } = await stat(path)
    if (bytes <= MAX_FILE_BYTES) files.push({ path, bytes, modifiedMs })
    else console.error(`${path} is left out: ${bytes} bytes; at most ${MAX_FILE_BYTES} are read`)
  }
  return files
}

/** Paragraphs, cut where they are too long. Reads a file line by line, and no faster than passages are taken. */
export async function* passagesOf(files: readonly SourceFile[]): AsyncGenerator<Passage, void, void> {
  for (const { path: file } of files) {
    let passage = ''
    let start = 1
    let line = 0
    // Closed also where the reader of the passages stops early.
    await using handle = await open(file)
    for await (const text of handle.readLines()) {
      line++
      // An empty line ends a paragraph, and what would not fit begins another passage.
      if (passage !== '' && (text.trim() === '' || passage.length + text.length > PASSAGE_CHARACTERS)) {
        yield { file, line: start, text: passage }
        passage = ''
      }
      if (text.trim() === '') continue
      if (passage === '') start = line
      passage = passage === '' ? text.trim() : `${passage}\n${text.trim()}`
      // One line may be longer than a passage: cut it between words.
      while (passage.length > PASSAGE_CHARACTERS) {
        const space = passage.lastIndexOf(' ', PASSAGE_CHARACTERS)
        const end = space > 0 ? space : PASSAGE_CHARACTERS
        yield { file, line: start, text: passage.slice(0, end) }
        passage = passage.slice(end).trimStart()
      }
    }
    if (passage !== '') yield { file, line: start, text: passage }
  }
}
