/** The record that makes a folder an artefact: what it was made from, how, and what is in it. */
import { join } from 'node:path'

import { z } from 'zod'

import { readJsonFile } from './json-file.js'

/** Name of the record inside an artefact. It is written last. */
export const MANIFEST_FILE = 'manifest.json'

/** Version of the record's own shape. */
export const MANIFEST_FORMAT = 1

const SHA256 = z.string().regex(/^[0-9a-f]{64}$/)
const COUNT = z.int().min(0)

const MANIFEST = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  model: z.strictObject({ key: z.string(), source: z.record(z.string(), z.string()) }),
  recipe: z.strictObject({ name: z.string(), version: COUNT }),
  precision: z.enum(['fp32']),
  /** The descriptor's architecture, word for word: an artefact loads only under the model it was made for. */
  architecture: z.record(z.string(), z.unknown()),
  heads: z.array(z.strictObject({ dimensions: COUNT, file: z.string(), sourceSha256: SHA256 })),
  /** SHA-256 of each file of the checkpoint that went in, heads aside. */
  sources: z.record(z.string(), SHA256),
  /** Every file of the artefact besides this one. */
  files: z.record(z.string(), z.strictObject({ bytes: COUNT, sha256: SHA256 })),
  /** Agreement with fp32 on the probe set; null for fp32, which is the reference. */
  fidelity: z.null(),
  /** SHA-256 over recipe, precision, architecture and sources: vectors of equal fingerprints may be compared. */
  fingerprint: SHA256,
})

/** See {@link MANIFEST_FILE}. */
export type Manifest = z.infer<typeof MANIFEST>

/**
 * The manifest of the artefact in `folder`; undefined when there is none.
 *
 * @throws {StellaError} ARTEFACT_INVALID when it is malformed or of another format.
 */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, MANIFEST_FILE)
  return readJsonFile(path, MANIFEST, { code: 'ARTEFACT_INVALID', label: path })
}
