/** The table of keys agrees with the code that has the defaults and the limits, and with the command line. */
import { describe, expect, it } from 'vitest'

import { OPTIONS, environmentName } from '../../../src/cli/options.js'
import { configVariables, keyEntries, MODEL_KEYS } from '../../../src/config/keys.js'
import { defaultValues } from '../../../src/config/stella-config.js'
import { StellaError } from '../../../src/errors.js'
import { resolveBatchOptions } from '../../../src/evaluation/evaluator-options.js'
import { resolvePairsOptions } from '../../../src/evaluation/pairs/pairs-options.js'
import { SummaryBuilder } from '../../../src/evaluation/summary.js'
import { resolveModelOptions } from '../../../src/model/stella-model-options.js'
import { resolvePoolOptions } from '../../../src/pool/pool-options.js'

/** Defaults of the keys at the top, and of those of the section. */
function defaultsOf(section: string | undefined): Readonly<Record<string, unknown>> {
  const entries = keyEntries().filter((entry) => entry.section === section && entry.row.default !== undefined)
  return Object.fromEntries(entries.map(({ name, row }) => [name, row.default]))
}

describe('the table of keys', () => {
  it('has the defaults that a model has', async () => {
    const { device, precision, download, ...model } = defaultsOf(undefined)
    expect(resolveModelOptions({})).toMatchObject(model)
    expect(Object.keys(model)).toEqual(['model', 'batchSize', 'normalizeEmbeddings', 'promptType'])
    const pool = await resolvePoolOptions({})
    // `auto` and absent are the same to a pool, and so are false and absent.
    expect([device, precision, download]).toEqual(['auto', 'auto', false])
    expect([pool.device, pool.precision, pool.download]).toEqual(['cpu', undefined, undefined])
    expect((await resolvePoolOptions({ device: 'auto', precision: 'auto' })).device).toBe(pool.device)
  })

  it('has the defaults that an evaluation has', () => {
    const { ordered, bins, examples, ...others } = defaultsOf('evaluation')
    expect(others).toEqual({})
    expect(resolveBatchOptions({}, 16).ordered).toBe(ordered)
    expect(new SummaryBuilder().summary().bins).toHaveLength(Number(bins))
    const summary = new SummaryBuilder()
    const failed = { id: '', groundTruthText: '', predictionText: '', similarityScore: null, success: false } as const
    const error = new StellaError('INPUT_INVALID', 'empty').toProblemDetails()
    for (let pair = 0; pair < 20; pair++) summary.add({ ...failed, error })
    expect(summary.summary().failures).toHaveLength(Number(examples))
  })

  it('writes out no default that a command has otherwise', () => {
    expect(defaultValues()).toEqual({
      model: 'stella-nano',
      normalizeEmbeddings: true,
      device: 'auto',
      precision: 'auto',
      download: false,
      evaluation: { ordered: true, examples: 10 },
    })
  })

  it.each(keyEntries().filter(({ section, row }) => section === undefined && row.kind === 'integer'))(
    'says of $key what the options say',
    async ({ name, row: { min = 0, max } }) => {
      const isFine = async (value: number): Promise<boolean> => {
        const options = { [name]: value }
        try {
          if (name === 'workers' || name === 'threads' || name === 'maxLength') await resolvePoolOptions(options)
          else resolveModelOptions(options)
          return true
        } catch {
          return false
        }
      }
      expect(await isFine(min)).toBe(true)
      if (max !== undefined) expect([await isFine(max), await isFine(max + 1)]).toEqual([true, false])
      // The size of vectors is checked against the model.
      if (name !== 'embeddingDimension') expect(await isFine(min - 1)).toBe(false)
    },
  )

  it('has the limits that an evaluation has', () => {
    const row = (key: string) => keyEntries().find((entry) => entry.key === `evaluation.${key}`)?.row
    for (const name of ['bins', 'examples']) {
      const { min = 0, max = 0 } = row(name) ?? {}
      expect(() => new SummaryBuilder({ [name]: min })).not.toThrow()
      expect(() => new SummaryBuilder({ [name]: max })).not.toThrow()
      expect(() => new SummaryBuilder({ [name]: max + 1 })).toThrow()
      expect(() => new SummaryBuilder({ [name]: min - 1 })).toThrow()
    }
    const { max = 0 } = row('maxInFlight') ?? {}
    expect(resolveBatchOptions({ maxInFlight: max }, 16).maxInFlight).toBe(max)
    expect(() => resolveBatchOptions({ maxInFlight: max + 1 }, 16)).toThrow()
    for (const delimiter of row('delimiter')?.choices ?? []) {
      const options = { delimiter: delimiter as 'comma' }
      expect(resolvePairsOptions('x.csv', options).delimiter).toBe(delimiter)
    }
  })

  it('names every variable once, and as the command line names it where an option is the same thing', () => {
    expect(new Set(configVariables()).size).toBe(configVariables().length)
    const twins = {
      model: 'model',
      path: 'checkpoint',
      maxLength: 'max-length',
      embeddingDimension: 'dimensions',
      normalizeEmbeddings: 'no-normalize',
      promptType: 'task',
      precision: 'precision',
      device: 'device',
      memory: 'memory',
      workers: 'workers',
      threads: 'threads',
      download: 'download',
      'evaluation.groundTruthField': 'ground-truth-field',
      'evaluation.predictionField': 'prediction-field',
      'evaluation.idField': 'id-field',
      'evaluation.delimiter': 'delimiter',
    } as const
    const variables = new Map(keyEntries().map(({ key, row }) => [key, row.variable]))
    for (const [key, option] of Object.entries(twins)) expect(variables.get(key)).toBe(environmentName(option))
    const others = Object.keys(OPTIONS).map((option) => environmentName(option as keyof typeof OPTIONS))
    for (const [key, variable] of variables) {
      if (!Object.hasOwn(twins, key) && variable !== undefined) expect(others).not.toContain(variable)
    }
  })

  it('explains every key, and shows an example where there is no default', () => {
    for (const { row } of keyEntries()) {
      expect(row.meaning).toMatch(/^[A-Z`].*\.$/)
      if (row.default === undefined) expect([row.otherwise, row.example]).not.toContain(undefined)
      else expect([row.otherwise, row.example]).toEqual([undefined, undefined])
    }
    expect(Object.keys(MODEL_KEYS)).toHaveLength(15)
  })
})
