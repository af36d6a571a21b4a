/** What a packed form of weights depends on, the folder named after that, and the record that says it is complete. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { cpus, hostname } from 'node:os'
import { join } from 'node:path'

import { z } from 'zod'

import { BACKBONE_FILE } from '../convert/artefact-files.js'
import { writeFileDurably } from '../files/atomic.js'
import { sha256File } from '../files/hash.js'
import { readJsonFile } from '../files/json-file.js'
import type { Manifest } from '../files/manifest.js'
import { engineVersion } from '../runtime/session.js'
import { PACKED_DATA, RAW_DATA } from './compact-packed-weights.js'

/** Raise with every change of what is in the folder: older ones are made again. */
const FORMAT = 1

/** Name of the record. It is written last. */
export const RECORD_FILE = 'packed.json'

/** Length of the hash in a folder's name, in hex digits. */
const NAME_HASH_LENGTH = 16

const COUNT = z.int().min(0)

const RECORD = z.strictObject({
  format: z.literal(FORMAT),
  engine: z.string(),
  /** For people: what tells one processor from another is in the folder's name. */
  cpu: z.string(),
  /** The machine that made it. Only that one may remove it: another may have it mapped. */
  host: z.string(),
  /** Sizes of the files besides this one. Empty when refused. */
  files: z.record(z.string(), COUNT),
  /** SHA-256 of the graph. The weights are not hashed at a load: that would cost more than the load. */
  graph: z.string().nullable(),
  /** See `PackCheck`; null when refused. */
  difference: z.number().nullable(),
  /** Why weights are not shared with this engine on this processor, in words; null: they are. */
  refused: z.string().nullable(),
})

/** What records of all formats have. */
const HOST = z.looseObject({ host: z.string() })

/** See {@link RECORD_FILE}. */
export type PackedRecord = z.infer<typeof RECORD>

/** Name of the folder that holds the packed form of an artefact, made by this engine for this processor. */
export async function packedName({ files }: Manifest): Promise<string> {
  const engine = engineVersion()
  const backbone = [BACKBONE_FILE, RAW_DATA].map((file) => files[file]?.sha256)
  const facts = {
    format: FORMAT,
    engine,
    platform: process.platform,
    arch: process.arch,
    cpu: await cpuFacts(),
    backbone,
  }
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest('hex')
  return `${engine}-${hash.slice(0, NAME_HASH_LENGTH)}`
}

/** What kernels are chosen by, where the system says it; else the processor's name. */
async function cpuFacts(): Promise<string> {
  if (process.platform !== 'linux') return cpuModel()
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '')
  // `flags` on x86, `Features` on Arm.
  return /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1] ?? cpuModel()
}

function cpuModel(): string {
  return cpus()[0]?.model ?? 'unknown'
}

/** The record in `folder`, if it is one of this format and every file still has its size, and the graph its hash. */
export async function readPackedRecord(folder: string): Promise<PackedRecord | undefined> {
  const path = join(folder, RECORD_FILE)
  // Whatever is wrong with it, the packed form is made again.
  const record = await readJsonFile(path, RECORD, { code: 'ARTEFACT_INVALID', label: path }).catch(() => undefined)
  if (record === undefined || record.refused !== null) return record
  for (const file of [BACKBONE_FILE, RAW_DATA, PACKED_DATA]) {
    const bytes = await sizeOf(join(folder, file))
    if (bytes === undefined || bytes !== record.files[file]) return undefined
  }
  const { sha256 } = await sha256File(join(folder, BACKBONE_FILE))
  return sha256 === record.graph ? record : undefined
}

/** The machine that made the packed form in `folder`, of whatever format; undefined where that cannot be told. */
export async function hostOf(folder: string): Promise<string | undefined> {
  const path = join(folder, RECORD_FILE)
  const record = await readJsonFile(path, HOST, { code: 'ARTEFACT_INVALID', label: path }).catch(() => undefined)
  return record?.host
}

/** Writes the record of a packed form that passed its check with this `difference`. */
export async function writePackedRecord(folder: string, difference: number): Promise<void> {
  const files: Record<string, number> = {}
  for (const file of [BACKBONE_FILE, RAW_DATA, PACKED_DATA]) files[file] = (await stat(join(folder, file))).size
  const { sha256 } = await sha256File(join(folder, BACKBONE_FILE))
  await write(folder, { files, graph: sha256, difference, refused: null })
}

/** Writes the record of a packed form that does not work, so that it is not made again at every load. */
export async function writeRefusal(folder: string, reason: string): Promise<void> {
  await write(folder, { files: {}, graph: null, difference: null, refused: reason })
}

async function write(
  folder: string,
  found: Pick<PackedRecord, 'files' | 'graph' | 'difference' | 'refused'>,
): Promise<void> {
  const record: PackedRecord = { format: FORMAT, engine: engineVersion(), cpu: cpuModel(), host: hostname(), ...found }
  await writeFileDurably(join(folder, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`)
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  )
}
