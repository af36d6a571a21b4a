/** The record that makes a folder an artefact: what it was made from, how, and what is in it. */
import { join } from 'node:path'

import { z } from 'zod'

import { readJsonFile } from './json-file.js'

/** Name of the record inside an artefact. It is written last. */
export const MANIFEST_FILE = 'manifest.json'

/** Version of the record's own shape. */
export const MANIFEST_FORMAT = 2

const SHA256 = z.string().regex(/^[0-9a-f]{64}$/)
const COUNT = z.int().min(0)
const COSINE = z.number().min(-1).max(1)

/** How well an artefact's vectors agree with those of fp32, as measured when it was made. */
const FIDELITY = z.strictObject({
  reference: z.literal('fp32'),
  /** SHA-256 of the probe set: figures of different sets cannot be compared. */
  probe: SHA256,
  texts: COUNT.min(1),
  /** Size of the vectors compared: a head's, or the backbone's. */
  dimensions: COUNT.min(1),
  minCosine: COSINE,
  meanCosine: COSINE,
  /** Mean share of a text's ten nearest texts that are the same in both. */
  topTenOverlap: z.number().min(0).max(1),
  /** Place in the probe set of the text with the lowest cosine. */
  worstText: COUNT,
  /** The layer whose output strays farthest from fp32 by itself; null where layers were not measured. */
  worstLayer: z.strictObject({ name: z.string(), cosine: COSINE }).nullable(),
})

const MANIFEST = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  model: z.strictObject({ key: z.string(), source: z.record(z.string(), z.string()) }),
  recipe: z.strictObject({ name: z.string(), version: COUNT }),
  precision: z.enum(['fp32', 'int8', 'int4']),
  /** The descriptor's architecture, word for word: an artefact loads only under the model it was made for. */
  architecture: z.record(z.string(), z.unknown()),
  heads: z.array(z.strictObject({ dimensions: COUNT, file: z.string(), sourceSha256: SHA256 })),
  /** SHA-256 of each file of the checkpoint that went in, heads aside. */
  sources: z.record(z.string(), SHA256),
  /** Every file of the artefact besides this one. */
  files: z.record(z.string(), z.strictObject({ bytes: COUNT, sha256: SHA256 })),
  /** How many texts activations were measured on, and the digest of all that were given; null where no weight depends on any. */
  calibration: z.strictObject({ texts: COUNT.min(1), sha256: SHA256 }).nullable(),
  /**
   * How each input of projections is multiplied, and the share of noise that costs the product by itself: of block
   * schemes with inputs as they are, and before error feedback. Null for fp32.
   */
  sites: z
    .record(z.string(), z.strictObject({ scheme: z.string(), smoothed: z.boolean(), error: z.number().min(0).max(1) }))
    .nullable(),
  /** Null for fp32, which is the reference. */
  fidelity: FIDELITY.nullable(),
  /**
   * What the backbone made of a few tokens where the artefact was made: a load makes it again and compares. Null for
   * fp32, whose arithmetic is the same everywhere.
   */
  specimen: z
    .strictObject({
      ids: z
        .array(COUNT.max(2 ** 31 - 1))
        .min(1)
        .max(512),
      pooled: z.base64(),
    })
    .nullable(),
  /**
   * What `auto` tried before it settled on this precision, how it failed, and on which calibration texts; null where it
   * settled at once.
   */
  rejected: z
    .array(z.strictObject({ precision: z.enum(['int8']), fidelity: FIDELITY, calibration: SHA256 }))
    .nullable(),
  /** SHA-256 over recipe, precision, architecture, sources and calibration: vectors of equal fingerprints may be compared. */
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
