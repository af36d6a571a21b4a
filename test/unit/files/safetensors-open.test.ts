import { execFileSync } from 'node:child_process'
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { TensorReader } from '../../../src/files/safetensors.js'
import { MAX_TENSORS } from '../../../src/files/safetensors/header.js'
import { MAX_INDEX_BYTES } from '../../../src/files/safetensors/index-file.js'
import { claiming, folderWith, openDescriptors, rawFile, refusal, shard } from './safetensors/raw-file.js'

const INDEX = 'model.safetensors.index.json'
const SINGLE = 'model.safetensors'

const index = (weightMap: Readonly<Record<string, string>>) => JSON.stringify({ metadata: {}, weight_map: weightMap })

const openRefused = (folder: string, file?: string) =>
  refusal(async () => {
    // A reader that opens against expectation must still be closed.
    const reader = await TensorReader.open(folder, file === undefined ? {} : { file })
    await reader.close()
  })

describe('TensorReader.open', () => {
  it('opens model.safetensors', async () => {
    const folder = await folderWith({ [SINGLE]: shard({ a: [1, 2], b: [3] }) })
    await using reader = await TensorReader.open(folder)
    expect(reader.folder).toBe(folder)
    expect(reader.files).toEqual([SINGLE])
    expect([...reader.names()]).toEqual(['a', 'b'])
    expect([reader.has('a'), reader.has('c'), reader.has('toString')]).toEqual([true, false, false])
    expect(reader.entry('b')).toMatchObject({ dtype: 'F32', shape: [1], file: SINGLE })
    expect(reader.entry('c')).toBeUndefined()
    expect([...(await reader.read('a')), ...(await reader.read('b'))]).toEqual([1, 2, 3])
  })

  it('opens the shards of an index, also beside a model.safetensors, with what the index leaves out', async () => {
    const folder = await folderWith({
      [SINGLE]: 'not looked at',
      [INDEX]: index({ b: 'two.safetensors', a: 'one.safetensors' }),
      'one.safetensors': shard({ a: [1] }),
      'two.safetensors': shard({ b: [2], unlisted: [3] }),
    })
    await using reader = await TensorReader.open(folder)
    expect(reader.files).toEqual(['one.safetensors', 'two.safetensors'])
    expect([...reader.names()]).toEqual(['a', 'b', 'unlisted'])
    expect([...(await reader.read('b')), ...(await reader.read('unlisted'))]).toEqual([2, 3])
  })

  it('opens one file by its path in the folder', async () => {
    const folder = await folderWith({ [INDEX]: 'not looked at' })
    await mkdir(join(folder, '2_Dense_1024'))
    await writeFile(join(folder, '2_Dense_1024', SINGLE), shard({ 'linear.bias': [0.5] }))
    await using reader = await TensorReader.open(folder, { file: `2_Dense_1024/${SINGLE}` })
    expect(reader.files).toEqual([`2_Dense_1024/${SINGLE}`])
    expect(reader.entry('linear.bias')?.file).toBe(`2_Dense_1024/${SINGLE}`)
    expect([...(await reader.read('linear.bias'))]).toEqual([0.5])
  })

  it.skipIf(process.platform === 'win32')('follows the links of a Hugging Face cache snapshot', async () => {
    const folder = await folderWith({})
    const snapshot = join(folder, 'snapshots', 'abc')
    await mkdir(join(folder, 'blobs'))
    await mkdir(snapshot, { recursive: true })
    await writeFile(join(folder, 'blobs', 'sha-shard'), shard({ a: [1] }))
    await writeFile(join(folder, 'blobs', 'sha-index'), index({ a: 'one.safetensors' }))
    await symlink('../../blobs/sha-shard', join(snapshot, 'one.safetensors'))
    await symlink('../../blobs/sha-index', join(snapshot, INDEX))
    await using reader = await TensorReader.open(snapshot)
    expect([...(await reader.read('a'))]).toEqual([1])
  })

  it('says what it looked for, and where, when there is none', async () => {
    const folder = await folderWith({ 'pytorch_model.bin': 'x' })
    const error = await openRefused(folder)
    expect(error.message).toContain(`Found no ${INDEX} or ${SINGLE} in ${folder}`)
    expect(error.details).toMatchObject({ folder, searched: [INDEX, SINGLE] })
    const named = await openRefused(folder, '2_Dense_7/model.safetensors')
    expect(named.message).toContain(`Found no 2_Dense_7/model.safetensors in ${folder}`)
    const nowhere = await openRefused(join(folder, 'gone'))
    expect(nowhere.message).toContain(`there is no folder ${join(folder, 'gone')}`)
    const notAFolder = await openRefused(join(folder, 'pytorch_model.bin'))
    expect(notAFolder.message).toContain('there is no folder')
  })

  it.each(['', '..', '../x', '/etc/passwd', 'a//b', './a', 'a/../../b', 'a\\b', 'C:/x', 'a\0b', 'a/'])(
    'refuses the file %j, which may lie outside the folder',
    async (file) => {
      const error = await openRefused(await folderWith({}), file)
      expect(error.message).toContain('expected a path inside')
      expect(error.details).toMatchObject({ file })
    },
  )

  const shards: readonly (readonly [string, Readonly<Record<string, string | Buffer>>, RegExp, object])[] = [
    [
      'a shard that is missing',
      { [INDEX]: index({ a: 'one', b: 'two' }), one: shard({ a: [1] }) },
      /Found no two in/,
      { file: 'two' },
    ],
    [
      'a tensor that its shard lacks',
      { [INDEX]: index({ a: 'one', b: 'one' }), one: shard({ a: [1] }) },
      /"b" should be in one .* is in no shard/,
      { file: 'one', tensor: 'b', index: INDEX },
    ],
    [
      'a tensor that lies in another shard',
      { [INDEX]: index({ a: 'one', b: 'one', c: 'two' }), one: shard({ a: [1] }), two: shard({ b: [1], c: [1] }) },
      /"b" should be in one .* is in two/,
      { file: 'one', tensor: 'b', found: 'two' },
    ],
    [
      'a tensor in two shards',
      { [INDEX]: index({ a: 'one', b: 'two' }), one: shard({ a: [1] }), two: shard({ b: [1], a: [1] }) },
      /"a" is in two files, one and two/,
      { file: 'two', tensor: 'a', otherFile: 'one' },
    ],
    [
      'a shard that is malformed',
      { [INDEX]: index({ a: 'one', b: 'two' }), one: shard({ a: [1] }), two: 'garbage' },
      /two has 7 bytes/,
      { file: 'two' },
    ],
    ['an index that is malformed', { [INDEX]: '{}', [SINGLE]: shard({ a: [1] }) }, /"weight_map"/, { file: INDEX }],
    ['an empty index', { [INDEX]: '', [SINGLE]: shard({ a: [1] }) }, /not UTF-8 JSON/, { file: INDEX }],
  ]
  it.each(shards)('refuses %s and leaves no file open', async (_, files, message, details) => {
    const folder = await folderWith(files)
    const error = await openRefused(folder)
    expect(error.message).toMatch(message)
    expect(error.details).toMatchObject(details)
    expect((await openDescriptors(folder)) ?? 0).toBe(0)
  })

  it('holds to the limit of tensors over all shards, listed or not', async () => {
    const empty = { dtype: 'U8', shape: [0], data_offsets: [0, 0] }
    const many = (prefix: string, count: number) =>
      rawFile(Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, empty])))
    const listed = index({ a0: 'one', b0: 'two' })
    const half = MAX_TENSORS / 2
    await using reader = await TensorReader.open(
      await folderWith({ [INDEX]: listed, one: many('a', half), two: many('b', half) }),
    )
    expect([...reader.names()]).toHaveLength(MAX_TENSORS)
    const error = await openRefused(
      await folderWith({ [INDEX]: listed, one: many('a', half), two: many('b', half + 1) }),
    )
    expect(error.message).toContain('The shards up to two hold 16385 tensors; at most 16384')
  })

  it('refuses every truncation of a file', async () => {
    const whole = shard({ a: [1, 2], b: [3] })
    const folder = await folderWith({})
    for (let length = 0; length < whole.byteLength; length += 1) {
      await writeFile(join(folder, SINGLE), whole.subarray(0, length))
      expect((await openRefused(folder)).details).toMatchObject({ file: SINGLE })
    }
  })

  it('refuses a folder and, without waiting for a writer, a named pipe', async () => {
    const folder = await folderWith({})
    await mkdir(join(folder, SINGLE))
    expect((await openRefused(folder)).message).toMatch(/not a regular file|cannot be read/)
    if (process.platform === 'win32') return
    execFileSync('mkfifo', [join(folder, 'pipe')])
    expect((await openRefused(folder, 'pipe')).message).toContain('not a regular file')
    expect((await openDescriptors(folder)) ?? 0).toBe(0)
  })
})

describe('memory while opening hostile files', () => {
  /** Most bytes of array buffers that `attempts` refusals left behind; no collection runs in so short a time for all. */
  async function worstGrowth(folder: string, attempts = 30): Promise<number> {
    let worst = 0
    for (let i = 0; i < attempts; i += 1) {
      const before = process.memoryUsage().arrayBuffers
      await openRefused(folder)
      worst = Math.max(worst, process.memoryUsage().arrayBuffers - before)
    }
    return worst
  }

  it.each([
    ['2^53 bytes', 2n ** 53n],
    ['2^64-1 bytes', 2n ** 64n - 1n],
    ['99 MB', 99_000_000n],
    ['1 MB', 1_000_000n],
  ])('a 20-byte file that announces a header of %s allocates no more than the file', async (_, length) => {
    const folder = await folderWith({ [SINGLE]: claiming(length, '{}          ') })
    expect(await worstGrowth(folder)).toBeLessThan(100_000)
  })

  it('a 1 GB file that announces a 99 MB header, and a 1 GB index, allocate neither', async () => {
    const header = await folderWith({ [SINGLE]: claiming(99_000_000n, '{') })
    await truncate(join(header, SINGLE), 1e9)
    expect((await openRefused(header)).message).toContain('at most 2097152 are accepted')
    expect(await worstGrowth(header)).toBeLessThan(100_000)
    const indexed = await folderWith({ [INDEX]: '{"weight_map":{' })
    await truncate(join(indexed, INDEX), 1e9)
    expect((await openRefused(indexed)).message).toContain(`at most ${MAX_INDEX_BYTES} are accepted`)
    expect(await worstGrowth(indexed)).toBeLessThan(100_000)
  })
})
