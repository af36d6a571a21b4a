/** Quantised models behind the pool and the command line: the same vectors on any thread, and near those of fp32. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { StellaModelInfo } from '../../registry/types.js'
import { EmbeddingPool, LoadedStellaModel, describeCheckpoint } from '../../src/index.js'
import { cosine, goldenCheckpoint, maxAbs } from '../golden/golden-file.js'
import { temporaryFolder } from '../support/temp-folder.js'
import type { CliSandbox } from './cli-process.js'
import { cliSandbox } from './cli-process.js'

/** A text alone against the same text in a batch. */
const MAX_BATCH_DEPENDENCE = 1e-6

/** Cosine of a text's vector with that of fp32, on the embedded model. Found: 0.99998 (int8) and 0.9993 (int4). */
const MIN_COSINE = { int8: 0.9995, int4: 0.995 } as const

const temporary = temporaryFolder()
afterAll(() => temporary.remove())

const TEXTS = Array.from({ length: 60 }, (_, index) => `text ${index}${' and more'.repeat((index * 7) % 50)}`)

describe.each(['int8', 'int4'] as const)('a pool in %s', (precision) => {
  it.each(['new-tiny', 'qwen2-tiny'] as const)(
    'gives on any of two workers what one thread gives alone: %s',
    async (name) => {
      const home = join(temporary.path, 'home')
      const info: StellaModelInfo = await describeCheckpoint(goldenCheckpoint(name), { key: name })
      await using pool = await EmbeddingPool.open({ home, precision, workers: 2, threads: 1, memory: '4GB' })
      await using model = await LoadedStellaModel.load(info, { home, precision, threads: 1 })
      await using threaded = await LoadedStellaModel.load(info, { home, precision, threads: 2 })
      const calls = [TEXTS, TEXTS.toReversed(), ...TEXTS.slice(0, 8).map((text) => [text])]
      const results = await Promise.all(calls.map((texts) => pool.batchEmbed(info, texts)))
      const onTwo = await threaded.batchEmbed(TEXTS)
      const alone = new Map<string, Float32Array>()
      for (const text of TEXTS) alone.set(text, (await model.embed(text)).embedding)
      for (const [call, { embeddings }] of [...results, onTwo].entries()) {
        for (const [index, text] of (calls[call] ?? TEXTS).entries()) {
          const found = maxAbs(embeddings[index] ?? new Float32Array(), alone.get(text) ?? new Float32Array())
          expect(found).toBeLessThanOrEqual(MAX_BATCH_DEPENDENCE)
        }
      }
      expect(pool.stats().models[0]).toMatchObject({ workers: 2, loads: 2 })
    },
  )
})

describe('the command line', () => {
  let cli: CliSandbox
  beforeAll(async () => {
    cli = await cliSandbox()
  })
  afterAll(() => cli.remove())

  const embed = async (...options: readonly string[]): Promise<Float32Array> => {
    const { text, stderr } = await cli.stella(['embed', '--quiet', ...options, 'a quick brown fox'])
    expect(stderr).toBe('')
    return Float32Array.from((JSON.parse(text) as { embedding: number[] }).embedding)
  }

  it('embeds in int8 and in int4, near fp32 and not equal to it', async () => {
    const fp32 = await embed('--precision', 'fp32')
    for (const precision of ['int8', 'int4'] as const) {
      const vector = await embed('--precision', precision)
      expect(vector).toHaveLength(256)
      expect(vector).not.toEqual(fp32)
      expect(cosine(vector, fp32)).toBeGreaterThanOrEqual(MIN_COSINE[precision])
    }
    expect(await embed()).toEqual(fp32)
  })

  it('reports what a conversion to int8 chose and cost, as text and as JSON', async () => {
    const first = await cli.stella(['convert', 'stella-nano', '--precision', 'int8', '--report', '--force', '--quiet'])
    expect(first.code).toBe(0)
    expect(first.text).toMatch(/stella-nano in int8: /)
    expect(first.text).toMatch(/Calibrated on \d+ texts\./)
    expect(first.text).toMatch(/AGREEMENT WITH FP32/)
    expect(first.text).toMatch(/lowest cosine +0\.99\d{4}\n/)
    expect(first.text).toMatch(/worst layer +layers\.\d\.(attention|mlp)\.(in|out)/)
    expect(first.text).toMatch(/attention\.in +row8/)
    expect(first.text).toMatch(/NOISIEST SITES/)
    const again = await cli.stella(['convert', 'stella-nano', '--precision', 'int8', '--report', '--json', '--quiet'])
    const facts = JSON.parse(again.text) as Record<string, unknown>
    expect(facts).toMatchObject({ model: 'stella-nano', precision: 'int8', converted: false, rejected: null })
    expect(facts['fidelity']).toMatchObject({ reference: 'fp32' })
    expect(facts['sites']).toMatchObject({ 'layers.0.mlp.in': { scheme: expect.stringMatching(/^row8/) as string } })
    const brief = await cli.stella(['convert', 'stella-nano', '--precision', 'int8', '--json', '--quiet'])
    expect(JSON.parse(brief.text)).not.toHaveProperty('sites')
  })

  it('stays with fp32 on a small model under auto, and says that there is nothing to compare', async () => {
    const { text, code } = await cli.stella(['convert', 'stella-nano', '--precision', 'auto', '--report', '--quiet'])
    expect(code).toBe(0)
    expect(text).toContain('stella-nano in fp32')
    expect(text).toContain('fp32 is the reference')
    const { text: json } = await cli.stella(['convert', 'stella-nano', '--report', '--json', '--quiet'])
    expect(JSON.parse(json)).toMatchObject({ precision: 'fp32', fidelity: null, sites: null })
  })

  it('calibrates on a file, and refuses one that is none', async () => {
    const file = join(cli.folder, 'mine.txt')
    await writeFile(file, Array.from({ length: 9 }, (_, index) => `a text of mine, number ${index}`).join('\n'))
    const convert = (path: string) =>
      cli.stella(['convert', 'stella-nano', '--precision', 'int8', '--calibration', path, '--quiet', '--report'])
    const { text, code } = await convert(file)
    expect(code).toBe(0)
    expect(text).toContain('Calibrated on 9 texts.')
    expect(text).not.toContain('Converted before')
    await writeFile(join(cli.folder, 'few.txt'), 'one\ntwo\n')
    await writeFile(join(cli.folder, 'wrong.csv'), 'one\ntwo\n')
    await writeFile(join(cli.folder, 'broken.jsonl'), '{"text": "one"}\n{"text": }\n')
    for (const [name, problem] of [
      ['few.txt', 'calibration needs at least 8'],
      ['wrong.csv', 'Cannot tell how'],
      ['broken.jsonl', 'line 2'],
      ['missing.txt', 'missing.txt'],
      ['.', 'no regular file'],
    ] as const) {
      const refused = await convert(join(cli.folder, name))
      expect(refused.code, name).not.toBe(0)
      expect(refused.stderr, name).toContain(problem)
    }
    // What was there is still there.
    expect((await convert(file)).text).toContain('Converted before')
  })
})
