/** The engines to compare with: how each is started, and why one is not there. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { StellaModelInfo } from '../../registry/types.js'
import { messageOf } from '../../src/errors.js'
import type { PeerCommand } from './peer-process.js'
import { writePaddedModel } from './padded-graph.js'

/** An engine that can be started. */
export interface Peer {
  readonly name: string
  readonly command: PeerCommand
  /** What `open` is told. */
  readonly checkpoint: string
  readonly dtype: string
}

/** What was looked for: peers that are there, and reasons for those that are not. */
export interface FoundPeers {
  readonly peers: readonly Peer[]
  readonly absent: Readonly<Record<string, string>>
}

/** Where to look. */
export interface PeerPlaces {
  /** A Python, by path or by name. */
  readonly python: string
  /** A folder whose `node_modules` hold `@huggingface/transformers`. */
  readonly transformersJs: string
  /** A folder for files that a peer needs; the caller removes it. */
  readonly scratch: string
}

/** Types torch computes in on a CPU. bfloat16 is what a user with AMX would turn on; it is less precise than int8 here. */
const TORCH_DTYPES = ['float32', 'bfloat16']

/** Keeps peers from the network and from talking. */
const QUIET = {
  HF_HUB_OFFLINE: '1',
  HF_HUB_DISABLE_PROGRESS_BARS: '1',
  TRANSFORMERS_VERBOSITY: 'error',
  TOKENIZERS_PARALLELISM: 'true',
  ORT_DISABLE_TELEMETRY: '1',
  PYTHONDONTWRITEBYTECODE: '1',
}

/** Finds every peer for the checkpoint in `folder`, which `info` describes. */
export async function findPeers(info: StellaModelInfo, folder: string, places: PeerPlaces): Promise<FoundPeers> {
  const peers: Peer[] = []
  const absent: Record<string, string> = {}
  const pythonReason = await whyNoPython(places.python)
  if (pythonReason === undefined) {
    const script = fileURLToPath(new URL('sentence_transformers_peer.py', import.meta.url))
    const command = { command: places.python, args: [script], environment: QUIET }
    for (const dtype of TORCH_DTYPES) {
      peers.push({ name: `sentence-transformers, torch ${dtype}`, command, checkpoint: folder, dtype })
    }
  } else absent['sentence-transformers'] = pythonReason

  const script = fileURLToPath(new URL('transformers-js-peer.mjs', import.meta.url))
  const reason = whyNoTransformersJs(info, places.transformersJs)
  if (reason === undefined) {
    const checkpoint = await paddedCheckpoint(info, folder, places.scratch)
    const command = { command: process.execPath, args: [script, places.transformersJs], environment: QUIET }
    peers.push({ name: 'transformers.js, ONNX float32', command, checkpoint, dtype: 'float32' })
  } else absent['transformers.js'] = reason
  return { peers, absent }
}

async function whyNoPython(python: string): Promise<string | undefined> {
  try {
    await promisify(execFile)(python, ['-c', 'import sentence_transformers, torch'])
    return undefined
  } catch (error) {
    const wanted = 'give --python one with sentence-transformers and torch'
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return `no Python there: ${wanted}`
    // The last line of a Python traceback says what is wrong.
    const reason = messageOf(error).trim().split('\n').at(-1) ?? ''
    return `its Python cannot load it (${reason}): ${wanted}`
  }
}

function whyNoTransformersJs(info: StellaModelInfo, folder: string): string | undefined {
  if (info.architecture.kind !== 'new') {
    return 'it runs ONNX files only, and without an export from Python there is one for architecture `new` alone'
  }
  try {
    createRequire(join(folder, 'package.json')).resolve('@huggingface/transformers')
    return undefined
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'MODULE_NOT_FOUND') throw error
    return 'not installed: `npm i @huggingface/transformers` in a folder elsewhere, and give --transformers-js that folder'
  }
}

/** A folder as transformers.js reads it. It takes padded graphs only: the product's own take packed batches. */
async function paddedCheckpoint(info: StellaModelInfo, folder: string, scratch: string): Promise<string> {
  const { architecture, heads, defaultDimensions, key } = info
  const head = heads.find(({ dimensions }) => dimensions === defaultDimensions)
  if (architecture.kind !== 'new' || head === undefined) throw new Error(`${key} has no padded graph`)
  const out = join(scratch, key)
  await mkdir(out, { recursive: true })
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(join(folder, name), join(out, name))
  // It knows no `new`; of the configuration it needs no more than a type it treats as an encoder.
  await writeFile(join(out, 'config.json'), JSON.stringify({ model_type: 'bert' }))
  await writePaddedModel(folder, architecture, head, join(out, 'onnx'))
  return out
}
