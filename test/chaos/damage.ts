/** Harm done to the artefacts on disk, and its repair. Never in place: what is mapped stays as it is. */
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { ARTEFACTS_FOLDER } from '../../src/convert/artefact-folder.js'
import { PACKED_FOLDER, PACKING_LOCK } from '../../src/convert/artefact-files.js'
import type { Draws } from './draws.js'

/** Files that a load hashes, in bytes: damage to larger ones is for `stella verify` to find. */
const MAX_HASHED_BYTES = 16 * 1024 ** 2

/** Bytes that are changed in a file. */
const FLIPPED_BYTES = 16

/** See the head of this file. All of it is synchronous: neither a pool nor a sabotaged disk comes in between. */
export class Damage {
  readonly #home: string
  /** Files as they were. */
  readonly #originals = new Map<string, Buffer>()
  #removed = 0

  constructor(home: string) {
    this.#home = home
  }

  /** Changes, cuts or empties a file. Says which. */
  corrupt(draws: Draws): string {
    const files = this.#artefacts().flatMap((folder) => filesOf(folder))
    if (files.length === 0) return 'nothing: there is no artefact'
    const path = draws.pick(files)
    const bytes = readFileSync(path)
    if (!this.#originals.has(path)) this.#originals.set(path, Buffer.from(bytes))
    const how = draws.pick(['flip', 'flip', 'cut', 'empty', 'remove'] as const)
    if (how === 'remove') rmSync(path)
    else replace(path, damaged(bytes, how, draws))
    return `${how} ${path.slice(this.#home.length)}`
  }

  /** Removes a whole artefact, as somebody who clears a cache would. */
  removeArtefact(draws: Draws): string {
    const folders = this.#artefacts()
    if (folders.length === 0) return 'nothing: there is no artefact'
    const folder = draws.pick(folders)
    const away = join(this.#home, `removed-${this.#removed++}`)
    renameSync(folder, away)
    rmSync(away, { recursive: true })
    for (const path of this.#originals.keys()) if (path.startsWith(`${folder}/`)) this.#originals.delete(path)
    return `removed ${folder.slice(this.#home.length)}`
  }

  /** Removes the packed weights: the next load packs again. */
  removePacked(): string {
    const packed = this.#artefacts()
      .map((folder) => join(folder, PACKED_FOLDER))
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
      .filter((path) => !basename(path).startsWith(PACKING_LOCK) && !path.endsWith('.partial'))
    for (const path of packed) rmSync(path, { recursive: true })
    return `removed ${packed.length} packed forms`
  }

  /** Puts every file back as it was. */
  repair(): void {
    for (const [path, bytes] of this.#originals) if (existsSync(join(path, '..'))) replace(path, bytes)
    this.#originals.clear()
  }

  #artefacts(): readonly string[] {
    const root = join(this.#home, ARTEFACTS_FOLDER)
    if (!existsSync(root)) return []
    return readdirSync(root)
      .flatMap((key) => readdirSync(join(root, key)).map((name) => join(root, key, name)))
      .filter((folder) => folder.endsWith('-fp32'))
  }
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith(PACKED_FOLDER))
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size <= MAX_HASHED_BYTES)
}

function damaged(bytes: Buffer, how: 'flip' | 'cut' | 'empty', draws: Draws): Buffer {
  if (how === 'empty') return Buffer.alloc(0)
  if (how === 'cut') return bytes.subarray(0, draws.between(0, Math.max(0, bytes.length - 1)))
  for (let flips = 0; flips < FLIPPED_BYTES && bytes.length > 0; flips++) {
    const at = draws.between(0, bytes.length - 1)
    bytes.writeUInt8(bytes.readUInt8(at) ^ draws.between(1, 255), at)
  }
  return bytes
}

function replace(path: string, bytes: Buffer): void {
  writeFileSync(`${path}.chaos`, bytes)
  renameSync(`${path}.chaos`, path)
}
