/** The Markdown pages of the project, found and read. Knows nothing of what they say. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import type { Page } from './markdown.js'
import { parseMarkdown } from './markdown.js'

const ROOT = join(import.meta.dirname, '../..')

/** Folders that are made, installed or a tool's own: a clone has none of them, so that no page may link into one. */
const MADE = ['node_modules', 'dist', 'coverage', 'docs/api', 'bench/results', 'tools/reference/target']

/** Whether `path`, from the root, is in a folder that a fresh clone does not have. */
export function isMade(path: string): boolean {
  return MADE.some((folder) => path === folder || path.startsWith(`${folder}/`))
}

/** Whether the project has this file or folder; `path` is from the root. */
export function isThere(path: string): boolean {
  return existsSync(join(ROOT, path))
}

/** A file of the project; `path` is from the root. */
export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** Paths of all pages from the root, with forward slashes. */
export const PAGES: readonly string[] = pagesUnder('')

const read = new Map<string, Page>()

/** A page, read once. */
export function readPage(file: string): Page {
  const page = read.get(file) ?? parseMarkdown(textOf(file))
  read.set(file, page)
  return page
}

function pagesUnder(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.name.startsWith('.') || isMade(path)) return []
    if (entry.isDirectory()) return pagesUnder(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}
