/** Writes a result to a path: beside it first, in its place when it is complete. Knows no format. */
import type { FileHandle } from 'node:fs/promises'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { messageOf } from '../errors.js'
import { partialPath } from '../files/atomic.js'
import type { ByteSink } from './output.js'
import { writeFailure } from './output.js'
import { UsageError } from './usage-error.js'

/** A file being written. */
export interface OutputFile extends ByteSink {
  /** Puts the file in its place. */
  commit(): Promise<void>
  /** Removes what was written. After `commit` it does nothing. */
  discard(): Promise<void>
}

/**
 * Opens `path` for a result. An older file stays as it is until `commit`. A device or a pipe is written straight to:
 * renaming over it would replace the device.
 *
 * @param option - Where the path comes from, for messages.
 * @throws {UsageError} when `path` cannot be written, before anything is computed for it.
 */
export async function openOutputFile(path: string, option = '--out'): Promise<OutputFile> {
  try {
    const target = await realpath(path).catch(() => resolve(path))
    const found = await stat(target).catch(() => undefined)
    if (found?.isDirectory() === true) throw new UsageError(`\`${option}\` names the folder ${path}; expected a file`)
    if (found !== undefined && !found.isFile()) return new DeviceFile(await open(target, 'w'), path)
    await requireFolder(dirname(target), path)
    const partial = partialPath(target)
    return new RenamedFile(await open(partial, 'wx'), partial, target)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`Cannot write to ${path}: ${messageOf(error)}`)
  }
}

async function requireFolder(folder: string, path: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined)
  if (found?.isDirectory() !== true) throw new UsageError(`Cannot write ${path}: there is no folder ${folder}`)
}

async function writeAll(handle: FileHandle, data: string | Uint8Array, path: string): Promise<void> {
  try {
    await handle.writeFile(data)
  } catch (error) {
    throw writeFailure(path, error)
  }
}

class RenamedFile implements OutputFile {
  readonly #handle: FileHandle
  readonly #partial: string
  readonly #target: string
  #open = true

  constructor(handle: FileHandle, partial: string, target: string) {
    this.#handle = handle
    this.#partial = partial
    this.#target = target
  }

  async write(data: string | Uint8Array): Promise<void> {
    await writeAll(this.#handle, data, this.#target)
  }

  async rewriteStart(data: Uint8Array): Promise<void> {
    try {
      await this.#handle.write(data, 0, data.byteLength, 0)
    } catch (error) {
      throw writeFailure(this.#target, error)
    }
  }

  async commit(): Promise<void> {
    try {
      await this.#handle.sync()
      await this.#close()
      await rename(this.#partial, this.#target)
    } catch (error) {
      await rm(this.#partial, { force: true })
      throw writeFailure(this.#target, error)
    }
  }

  async discard(): Promise<void> {
    if (!this.#open) return
    await this.#close()
    await rm(this.#partial, { force: true })
  }

  async #close(): Promise<void> {
    this.#open = false
    await this.#handle.close()
  }
}

class DeviceFile implements OutputFile {
  readonly #handle: FileHandle
  readonly #path: string
  #open = true

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.#path = path
  }

  async write(data: string | Uint8Array): Promise<void> {
    await writeAll(this.#handle, data, this.#path)
  }

  async commit(): Promise<void> {
    await this.discard()
  }

  async discard(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#handle.close()
  }
}
