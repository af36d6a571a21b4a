/** Makes a descriptor from a folder in the Hugging Face layout, so that anybody's checkpoint can be registered. */
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

import type { z } from 'zod'

import { defineModel } from '../../registry/define.js'
import { CHECKPOINT_FILES } from '../../registry/files.js'
import { requireModelInfo } from '../../registry/model-registry.js'
import type { CheckpointFileInfo, HeadInfo, PromptInfo, StellaModelInfo } from '../../registry/types.js'
import { StellaError } from '../errors.js'
import { readJsonFile } from '../files/json-file.js'
import { isPlainFileName } from '../files/plain-name.js'
import { clip, quote } from '../show.js'
import { architectureFrom } from './read-architecture.js'
import { DENSE_CONFIG, MODULES, POOLING_CONFIG, PROMPTS_CONFIG, SENTENCE_CONFIG } from './checkpoint-schemas.js'

/** What a call may say about the descriptor; the folder says the rest. */
export interface DescribeOptions {
  /** What to register it under. @default the folder's name, in lower case, with `-` for what a key cannot hold */
  readonly key?: string
  /** For people to read. @default the folder's name */
  readonly name?: string
  /** Other names that find it. @default none */
  readonly aliases?: readonly string[]
  /** SPDX identifier of the weights' licence. @default 'unknown' */
  readonly license?: string
}

/** Longest text any model here takes; what one text may cost in memory is bounded with it. */
const MAX_TEXT_TOKENS = 8192

/** Default length limit where `sentence_bert_config.json` states none; what the Stella models were trained at. */
const RECOMMENDED_TOKENS = 512

/**
 * The descriptor of the checkpoint in `folder`. Reads its small files only; the tensors are checked at conversion.
 *
 * @throws {StellaError} CHECKPOINT_INVALID naming the file and what about it this package cannot run; OPTION_INVALID for
 * a malformed key or alias.
 */
export async function describeCheckpoint(folder: string, options: DescribeOptions = {}): Promise<StellaModelInfo> {
  const path = resolve(folder)
  const architecture = await architectureFrom(path)
  await checkPooling(path)
  const wired = await wiredDense(path)
  // Dense folders that `modules.json` does not wire in are no part of the model.
  const heads = wired === undefined ? [] : await findHeads(path, architecture.hidden, wired)
  const defaultHead = heads.find((head) => head.folder === wired) ?? heads[0]
  const limits = await required(path, 'sentence_bert_config.json', SENTENCE_CONFIG, {})
  const max = Math.min(architecture.maxPositions, MAX_TEXT_TOKENS)
  const name = options.name ?? basename(path)
  const info = defineModel({
    key: options.key ?? keyFrom(basename(path)),
    name,
    aliases: options.aliases ?? [],
    description: `Checkpoint in ${path}`,
    license: options.license ?? 'unknown',
    quality: 'production',
    source: { kind: 'folder', path },
    architecture,
    heads,
    defaultDimensions: defaultHead?.dimensions ?? architecture.hidden,
    prompts: await readPrompts(path),
    tokens: { max, recommended: Math.min(limits.max_seq_length ?? RECOMMENDED_TOKENS, max) },
    files: [...CHECKPOINT_FILES, ...(await weightFiles(path))],
  })
  return requireModelInfo(info)
}

/** The files of the backbone's tensors, so that the descriptor still holds once its source is a hub. */
async function weightFiles(folder: string): Promise<readonly CheckpointFileInfo[]> {
  const shard = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/
  const names = (await readdir(folder)).filter((name) => shard.test(name)).sort()
  return names.map((path) => ({ path }))
}

/** Reads a file that may be absent only where a fallback is given. */
async function required<T>(folder: string, file: string, schema: z.ZodType<T>, fallback?: T): Promise<T> {
  const found = await readJsonFile(join(folder, file), schema, { code: 'CHECKPOINT_INVALID', label: file })
  if (found !== undefined) return found
  if (fallback !== undefined) return fallback
  throw new StellaError(
    'CHECKPOINT_INVALID',
    `${folder} holds no ${file}; expected a folder in the Hugging Face layout`,
    {
      details: { folder, file },
    },
  )
}

async function checkPooling(folder: string): Promise<void> {
  const file = '1_Pooling/config.json'
  const pooling = await required(folder, file, POOLING_CONFIG)
  const others = Object.keys(pooling).filter((key) => {
    // Python reads 1 and "true" as true, too.
    return key.startsWith('pooling_mode_') && key !== 'pooling_mode_mean_tokens' && Boolean(pooling[key])
  })
  if (!pooling.pooling_mode_mean_tokens || others.length > 0) {
    throw new StellaError(
      'CHECKPOINT_INVALID',
      `${file} asks for ${clip(others.join(', ')) || 'no mean'}; only the mean is supported`,
      {
        details: { folder, file },
      },
    )
  }
  if (pooling.include_prompt === false) {
    throw new StellaError('CHECKPOINT_INVALID', `${file} excludes the prompt from the mean; that is not supported`, {
      details: { folder, file },
    })
  }
}

/** The Dense folder that `modules.json` wires in; undefined where the pooled state is the embedding. */
async function wiredDense(folder: string): Promise<string | undefined> {
  const file = 'modules.json'
  const modules = await required(folder, file, MODULES)
  const kinds = modules.map((module) => module.type.slice(module.type.lastIndexOf('.') + 1))
  const accepted = /^Transformer,Pooling(,Dense)?(,Normalize)?$/
  if (!accepted.test(kinds.join(','))) {
    throw new StellaError(
      'CHECKPOINT_INVALID',
      `${file} wires ${clip(kinds.join(' → '))}; supported are Transformer → Pooling, then at most one Dense and one Normalize`,
      { details: { folder, file, modules: kinds } },
    )
  }
  const folderOf = modules[kinds.indexOf('Dense')]?.path
  if (folderOf === undefined || isPlainFileName(folderOf)) return folderOf
  throw new StellaError(
    'CHECKPOINT_INVALID',
    `${file} names the folder ${quote(folderOf)}; expected one inside the checkpoint, by its plain name`,
    { details: { folder, file } },
  )
}

/** Every Dense projection in the folder, one per size. Where two have one size, the wired one counts. */
async function findHeads(folder: string, hidden: number, wired: string): Promise<readonly HeadInfo[]> {
  const names = (await readdir(folder)).filter((name) => /^2_Dense(_\d+)?$/.test(name) || name === wired)
  const heads = new Map<number, HeadInfo>()
  // A bare `2_Dense` repeats one of the numbered folders: sort it last, and the wired one first.
  names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
  for (const name of names) {
    if (
      !(await stat(join(folder, name, 'model.safetensors')).then(
        () => true,
        () => false,
      ))
    )
      continue
    const file = `${name}/config.json`
    const dense = await required(folder, file, DENSE_CONFIG)
    if (dense.in_features !== hidden) {
      throw new StellaError(
        'CHECKPOINT_INVALID',
        `${file} projects from ${dense.in_features} numbers; the backbone gives ${hidden}`,
        { details: { folder, file, inFeatures: dense.in_features, hidden } },
      )
    }
    if (!heads.has(dense.out_features)) heads.set(dense.out_features, { dimensions: dense.out_features, folder: name })
  }
  if (![...heads.values()].some((head) => head.folder === wired)) {
    throw new StellaError('CHECKPOINT_INVALID', `modules.json names ${wired}, which holds no model.safetensors`, {
      details: { folder, file: 'modules.json' },
    })
  }
  return [...heads.values()]

  function rank(name: string): number {
    return name === wired ? 0 : name === '2_Dense' ? 2 : 1
  }
}

async function readPrompts(folder: string): Promise<PromptInfo> {
  const { prompts } = await required(folder, 'config_sentence_transformers.json', PROMPTS_CONFIG, { prompts: {} })
  return { s2p_query: prompts?.s2p_query ?? null, s2s_query: prompts?.s2s_query ?? null, document: '' }
}

function keyFrom(name: string): string {
  return (
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 100) || 'checkpoint'
  )
}
