/** The checkpoint maker: what it writes, what its options change, what it refuses. */
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { makeCheckpoint } from '../../../../tools/checkpoints/make-checkpoint.js'
import type { CheckpointSpec } from '../../../../tools/checkpoints/spec.js'
import { CHECKPOINT_SPECS, type CheckpointName } from '../../../../tools/checkpoints/specs.js'

const ROOT = join(import.meta.dirname, '../../../..')
const TINY: CheckpointSpec = CHECKPOINT_SPECS['new-tiny']
const TINY_QWEN: CheckpointSpec = CHECKPOINT_SPECS['qwen2-tiny']

/** Of the embedded model, in the repository and in the package. */
const MAX_EMBEDDED_BYTES = 12_000_000

/** Where the repository keeps checkpoints that these specs made. */
const CHECKED_IN: readonly (readonly [CheckpointName, string])[] = [
  ['new-tiny', 'test/golden/new-tiny/checkpoint'],
  ['new-wide', 'test/golden/new-wide/checkpoint'],
  ['qwen2-tiny', 'test/golden/qwen2-tiny/checkpoint'],
  ['qwen2-mqa', 'test/golden/qwen2-mqa/checkpoint'],
  ['qwen2-mha', 'test/golden/qwen2-mha/checkpoint'],
]

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stella-checkpoint-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** SHA-256 of every file under `root`, by path. */
async function hashes(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const pairs = files.sort().map(async (path): Promise<[string, string]> => {
    const hash = createHash('sha256').update(await readFile(path))
    return [path.slice(root.length + 1), hash.digest('hex')]
  })
  return Object.fromEntries(await Promise.all(pairs))
}

interface StoredTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Buffer
}

async function readTensors(path: string): Promise<Map<string, StoredTensor>> {
  const file = await readFile(path)
  const dataStart = 8 + Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, dataStart)) as Record<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }
  >
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__')
  return new Map(
    tensors.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => [name, { dtype, shape, bytes: file.subarray(dataStart + start, dataStart + end) }],
    ),
  )
}

function floats(tensor: StoredTensor | undefined): Float32Array {
  if (tensor === undefined) throw new Error('no such tensor')
  return new Float32Array(Uint8Array.from(tensor.bytes).buffer)
}

describe('checkpoints in the repository', () => {
  test.each(CHECKED_IN)('%s is what its spec makes, byte for byte', async (name, path) => {
    await makeCheckpoint(folder, CHECKPOINT_SPECS[name])
    expect(await hashes(folder)).toEqual(await hashes(join(ROOT, path)))
  })

  test('the embedded model, which is trained and not made, stays within what the package may take', async () => {
    const root = join(ROOT, 'models/stella-nano')
    const files = await readdir(root, { recursive: true, withFileTypes: true })
    const sizes = files.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)))
    const bytes = (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0)
    expect(bytes).toBeLessThan(MAX_EMBEDDED_BYTES)
  })
})

describe('makeCheckpoint', () => {
  test('reports every file it wrote', async () => {
    const { files, bytes, tensors } = await makeCheckpoint(folder, TINY_QWEN)
    const written = await hashes(folder)
    expect(files.map(({ path }) => path).sort()).toEqual(Object.keys(written).sort())
    expect(bytes).toBe(files.reduce((sum, file) => sum + file.bytes, 0))
    expect(tensors).toBe((await readTensors(join(folder, 'model.safetensors'))).size)
  })

  test('makes another model from another seed', async () => {
    await makeCheckpoint(join(folder, 'a'), TINY)
    await makeCheckpoint(join(folder, 'b'), { ...TINY, seed: TINY.seed + 1 })
    const [a, b] = [await hashes(join(folder, 'a')), await hashes(join(folder, 'b'))]
    expect(a['model.safetensors']).not.toBe(b['model.safetensors'])
    expect(a['2_Dense_64/model.safetensors']).not.toBe(b['2_Dense_64/model.safetensors'])
    expect(a['tokenizer.json']).toBe(b['tokenizer.json'])
  })

  test('keeps the same weights under another prefix, without the pooler and in shards', async () => {
    await makeCheckpoint(join(folder, 'a'), TINY)
    await makeCheckpoint(join(folder, 'b'), { ...TINY, prefix: '', pooler: false, shards: 3 })
    const whole = await readTensors(join(folder, 'a/model.safetensors'))
    const index = JSON.parse(await readFile(join(folder, 'b/model.safetensors.index.json'), 'utf8')) as {
      readonly metadata: { readonly total_size: number }
      readonly weight_map: Record<string, string>
    }
    expect(new Set(Object.values(index.weight_map)).size).toBe(3)
    let bytes = 0
    for (const [name, file] of Object.entries(index.weight_map)) {
      const part = (await readTensors(join(folder, 'b', file))).get(name)
      expect(part?.bytes.equals(whole.get(`new.${name}`)?.bytes ?? Buffer.alloc(0)), name).toBe(true)
      bytes += part?.bytes.length ?? 0
    }
    expect(index.metadata.total_size).toBe(bytes)
    const left = [...whole.keys()].filter((name) => !(name.slice('new.'.length) in index.weight_map))
    expect(left.sort()).toEqual(['new.pooler.dense.bias', 'new.pooler.dense.weight'])
  })

  test.each([
    ['F16', 'float16'],
    ['BF16', 'bfloat16'],
  ] as const)('stores %s throughout, and says so in config.json', async (dtype, torchDtype) => {
    await makeCheckpoint(folder, { ...TINY, dtype })
    const tensors = [
      ...(await readTensors(join(folder, 'model.safetensors'))).values(),
      ...(await readTensors(join(folder, '2_Dense_256/model.safetensors'))).values(),
    ]
    expect(new Set(tensors.map((tensor) => tensor.dtype))).toEqual(new Set([dtype]))
    expect(await readFile(join(folder, 'config.json'), 'utf8')).toContain(`"torch_dtype": "${torchDtype}"`)
  })

  test('plants outlier channels in every norm but the last, and the next post-norm undoes them', async () => {
    const outlierShare = 2 / 64
    await makeCheckpoint(folder, { ...TINY, weights: { ...TINY.weights, gammaDeviation: 0, outlierShare } })
    const tensors = await readTensors(join(folder, 'model.safetensors'))
    const outliers = (name: string, keep: (gain: number) => boolean): number[] =>
      [...floats(tensors.get(`new.${name}.weight`)).entries()]
        .filter(([, gain]) => keep(gain))
        .map(([channel]) => channel)
    const planted = outliers('encoder.layer.0.attn_ln', (gain) => gain > 10)
    expect(planted).toHaveLength(2)
    expect(outliers('encoder.layer.0.mlp_ln', (gain) => gain < 0.1)).toEqual(planted)
    expect(outliers('encoder.layer.1.mlp_ln', (gain) => gain > 10)).toEqual([])
    expect(outliers('embeddings.LayerNorm', (gain) => gain !== 1)).toEqual([])
    const loudest = Math.max(...floats(tensors.get('new.encoder.layer.0.attn_ln.weight')))
    expect(loudest).toBeGreaterThanOrEqual(20)
    expect(loudest).toBeLessThanOrEqual(50)
  })

  test.each([
    [{ heads: [256], defaultHead: 768 }, 'defaultHead 768 must be one of heads [256]'],
    [{ tokenizer: TINY_QWEN.tokenizer }, 'byte-bpe does not go with new'],
    [{ tokenizer: { kind: 'wordpiece', size: 9999, unused: false } }, "the tokenizer's 9999 entries must fit in 196"],
    [{ architecture: { ...TINY.architecture, hidden: 65 } }, 'heads × headDim must equal hidden'],
    [{ shards: 0 }, 'shards must be an integer ≥ 1, got 0'],
  ] satisfies [Partial<CheckpointSpec>, string][])(
    'refuses a spec that contradicts itself: %j',
    async (change, message) => {
      await expect(makeCheckpoint(folder, { ...TINY, ...change })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining(message) as string,
      })
      expect(await readdir(folder)).toEqual([])
    },
  )
})
