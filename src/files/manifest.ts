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
  /** What it was held against. */
  reference: z.literal('fp32'),
  /** SHA-256 of the probe set: figures of different sets cannot be compared. */
  probe: SHA256,
  /** How many were compared. */
  texts: COUNT.min(1),
  /** Size of the vectors compared: a head's, or the backbone's. */
  dimensions: COUNT.min(1),
  /** Of the text that lost most. */
  minCosine: COSINE,
  /** Over all texts. */
  meanCosine: COSINE,
  /** Mean share of a text's ten nearest texts that are the same in both. */
  topTenOverlap: z.number().min(0).max(1),
  /** Place in the probe set of the text with the lowest cosine. */
  worstText: COUNT,
  /** The layer whose output strays farthest from fp32 by itself; null where layers were not measured. */
  worstLayer: z
    .strictObject({
      /** Its name among `sites`. */
      name: z.string(),
      /** Of its product with float32's, computed from the noise. */
      cosine: COSINE,
    })
    .nullable(),
})

const MANIFEST = z.strictObject({
  /** Version of this record's shape. */
  format: z.literal(MANIFEST_FORMAT),
  /** What was converted. */
  model: z.strictObject({
    /** Key of its descriptor. */
    key: z.string(),
    /** The descriptor's source, word for word. */
    source: z.record(z.string(), z.string()),
  }),
  /** How it was converted: artefacts of another recipe are made again. */
  recipe: z.strictObject({
    /** Of the converter. */
    name: z.string(),
    /** Raised with every change of the graphs or the files. */
    version: COUNT,
  }),
  /** Of its weights. */
  precision: z.enum(['fp32', 'int8', 'int4']),
  /** The descriptor's architecture, word for word: an artefact loads only under the model it was made for. */
  architecture: z.record(z.string(), z.unknown()),
  /** In ascending order of dimensions. */
  heads: z.array(
    z.strictObject({
      /** Size of the vectors it makes. */
      dimensions: COUNT,
      /** Its graph, from the artefact's folder. */
      file: z.string(),
      /** Of the checkpoint's file that it was made from. */
      sourceSha256: SHA256,
    }),
  ),
  /** SHA-256 of each file of the checkpoint that went in, heads aside. */
  sources: z.record(z.string(), SHA256),
  /** Every file of the artefact besides this one. */
  files: z.record(
    z.string(),
    z.strictObject({
      /** Its size. */
      bytes: COUNT,
      /** In lower-case hex. */
      sha256: SHA256,
    }),
  ),
  /** How many texts activations were measured on, and the digest of all that were given; null where no weight depends on any. */
  calibration: z
    .strictObject({
      /** How many were run. */
      texts: COUNT.min(1),
      /** Of the set that was given, in lower-case hex. */
      sha256: SHA256,
    })
    .nullable(),
  /**
   * How each input of projections is multiplied, and the share of noise that costs the product by itself: of block
   * schemes with inputs as they are, and before error feedback. Null for fp32.
   */
  sites: z
    .record(
      z.string(),
      z.strictObject({
        /** How weights and inputs are rounded. */
        scheme: z.string(),
        /** Whether its channels were divided by factors first. */
        smoothed: z.boolean(),
        /** Power of the noise over that of the product. */
        error: z.number().min(0).max(1),
      }),
    )
    .nullable(),
  /** Null for fp32, which is the reference. */
  fidelity: FIDELITY.nullable(),
  /**
   * What the backbone made of a few tokens where the artefact was made: a load makes it again and compares. Null for
   * fp32, whose arithmetic is the same everywhere.
   */
  specimen: z
    .strictObject({
      /** Token ids. */
      ids: z
        .array(COUNT.max(2 ** 31 - 1))
        .min(1)
        .max(512),
      /** The backbone's output: float32, little-endian, in base64. */
      pooled: z.base64(),
    })
    .nullable(),
  /**
   * What `auto` tried before it settled on this precision, how it failed, and on which calibration texts; null where it
   * settled at once.
   */
  rejected: z
    .array(
      z.strictObject({
        /** What was tried. */
        precision: z.enum(['int8']),
        /** How it did. */
        fidelity: FIDELITY,
        /** Of the calibration texts, in lower-case hex. */
        calibration: SHA256,
      }),
    )
    .nullable(),
  /** SHA-256 over recipe, precision, architecture, sources and calibration: vectors of equal fingerprints may be compared. */
  fingerprint: SHA256,
})

/**
 * The `manifest.json` of an artefact. Hashes are SHA-256 in lower-case hex.
 *
 * @useDeclaredType
 */
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
