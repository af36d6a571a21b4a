import { resolve } from 'node:path'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { keyEntries } from '../../../src/config/keys.js'
import { parseConfig } from '../../../src/config/parse-config.js'
import { renderConfig } from '../../../src/config/render-config.js'
import type { ConfigSetting, ConfigValues, StellaConfig } from '../../../src/config/stella-config.js'
import { defaultValues } from '../../../src/config/stella-config.js'
import { DELIMITER_NAMES } from '../../../src/evaluation/pairs/formats.js'
import { TASK_NAMES } from '../../../src/inference/task.js'
import { DEVICES } from '../../../src/runtime/devices.js'

const TEMPLATE = renderConfig({}, 'yaml')
const NOTHING = parseConfig('', 'x.yaml')

/** What applies, whoever said so. */
function applied({ settings }: StellaConfig): readonly Pick<ConfigSetting, 'key' | 'value'>[] {
  return settings.map(({ key, value }) => ({ key, value }))
}

/** The file as values again. */
function said({ model, evaluation: { batch, pairs, summary } }: StellaConfig): ConfigValues {
  const evaluation = { ...batch, ...pairs, ...summary }
  return { ...model, ...(Object.keys(evaluation).length > 0 ? { evaluation } : {}) }
}

/** Lines of the template with every key that `which` names no longer commented out. */
function uncomment(which: (key: string) => boolean): string {
  let section = ''
  let isOn = false
  const lines = TEMPLATE.split('\n').map((line) => {
    if (/^\w+:$/.test(line)) section = `${line.slice(0, -1)}.`
    const name = /^ *# (\w+):/.exec(line)?.[1]
    const key = `${line.startsWith(' ') ? section : ''}${name ?? ''}`
    if (name !== undefined && keyEntries().some((entry) => entry.key === key)) isOn = which(key)
    else if (!/^ *# {3}/.test(line)) isOn = false
    return isOn ? line.replace('# ', '') : line
  })
  return lines.join('\n')
}

describe('the commented file', () => {
  it('is the defaults', () => {
    const config = parseConfig(TEMPLATE, 'x.yaml')
    expect(config.model).toEqual({})
    expect(config.settings).toEqual(NOTHING.settings)
  })

  it('shows every key with its meaning, what is accepted, its default and its variable', () => {
    const text = TEMPLATE.replaceAll(/\n *# /g, ' ')
    for (const { name, row } of keyEntries()) {
      expect(TEMPLATE).toMatch(new RegExp(`^ *# ${name}:`, 'm'))
      expect(text).toContain(row.meaning)
      if (row.variable !== undefined) expect(text).toContain(`Variable: ${row.variable}`)
      for (const part of [row.min, row.max, ...(row.recommended ?? []), ...(row.choices ?? [])]) {
        if (part !== undefined && row.range === undefined) expect(text).toContain(String(part))
      }
    }
    expect(Math.max(...TEMPLATE.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  })

  it('is the defaults still where keys with a default are no longer commented out', () => {
    const withDefault = keyEntries().filter(({ row }) => row.default !== undefined)
    const text = uncomment((key) => withDefault.some((entry) => entry.key === key))
    const config = parseConfig(text, 'x.yaml')
    expect(applied(config)).toEqual(applied(NOTHING))
    expect(config.settings.filter(({ source }) => source === 'file').map(({ key }) => key)).toEqual(
      withDefault.map(({ key }) => key),
    )
  })

  it.each(keyEntries().map(({ key }) => key))('takes %s as it is shown', (key) => {
    const { settings } = parseConfig(
      uncomment((one) => one === key),
      'x.yaml',
    )
    expect(settings.filter(({ source }) => source === 'file').map((setting) => setting.key)).toEqual([key])
  })

  it('as JSON is the defaults written out, and says every one of them', () => {
    const text = renderConfig(defaultValues(), 'json')
    const config = parseConfig(text, 'x.json')
    expect(applied(config)).toEqual(applied(NOTHING))
    const unsaid = config.settings.filter(({ source }) => source === 'default').map(({ key }) => key)
    const rows = keyEntries().filter(({ key }) => unsaid.includes(key))
    expect(rows.filter(({ row }) => row.default !== undefined && row.commands === undefined)).toEqual([])
    expect(JSON.parse(text)).toMatchObject({ model: 'stella-nano', evaluation: { ordered: true } })
  })
})

/** Texts that YAML could take for something else. */
const trickyText = fc.oneof(
  fc.constantFrom(
    'true',
    'NULL',
    '~',
    'yes',
    '1',
    '0x1',
    '1e3',
    '.inf',
    '- a',
    'a: b',
    '#',
    'a #b',
    '*a',
    '&a',
    '!t',
    '|',
    '>',
    '%',
    '@',
  ),
  fc.constantFrom(
    ' a ',
    'a\nb',
    'a\r\nb',
    '\t',
    '\u0085',
    '\u2028',
    '\ufeff',
    '"',
    "'",
    '\\',
    '---',
    '...',
    '{}',
    '[',
    '<<',
    '=',
    '\x7f\x1b\0',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  fc.string({ minLength: 1, maxLength: 60 }),
)
const name = trickyText.filter((text) => text !== '__proto__' && text.length <= 100)
const folder = trickyText.filter((text) => !text.includes('\0'))

const values: fc.Arbitrary<ConfigValues> = fc
  .record(
    {
      model: trickyText.map((text) => `x${text}`),
      batchSize: fc.integer({ min: 1, max: 4096 }),
      maxLength: fc.integer({ min: 4, max: 2048 }),
      // What the default model has; another is not known, and takes any.
      embeddingDimension: fc.constantFrom(256, 512),
      normalizeEmbeddings: fc.boolean(),
      promptType: fc.constantFrom(...TASK_NAMES),
      prompts: fc.dictionary(name, trickyText),
      device: fc.constantFrom(...DEVICES),
      precision: fc.constantFrom('auto', 'fp32', 'int8', 'int4'),
      memory: fc.oneof(
        fc.constantFrom('6GB', '512 MiB', '50%', '1.5gb'),
        fc.integer({ min: 1, max: 2 ** 50 }),
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
      ),
      workers: fc.integer({ min: 1, max: 1024 }),
      threads: fc.integer({ min: 1, max: 1024 }),
      download: fc.boolean(),
      home: folder,
      evaluation: fc
        .record(
          {
            maxInFlight: fc.integer({ min: 1, max: 4096 }),
            ordered: fc.boolean(),
            groundTruthField: trickyText,
            predictionField: trickyText,
            idField: trickyText,
            delimiter: fc.constantFrom(...DELIMITER_NAMES),
            bins: fc.integer({ min: 1, max: 1000 }),
            examples: fc.integer({ min: 0, max: 1000 }),
          },
          { requiredKeys: [] },
        )
        .filter((section) => Object.keys(section).length > 0),
    },
    { requiredKeys: [] },
  )
  .map((content) => content as ConfigValues)

describe('renderConfig', () => {
  it('writes what parseConfig reads back, whatever the values are', () => {
    fc.assert(
      fc.property(values, fc.constantFrom('yaml', 'json'), (content, format) => {
        const read = said(parseConfig(renderConfig(content, format), `/etc/app.${format}`))
        const home = content.home
        expect({ ...read, home: undefined }).toEqual({ ...content, home: undefined })
        if (home !== undefined && !/^~(?:$|[/\\])/.test(home)) expect(read.home).toBe(resolve('/etc', home))
      }),
      { numRuns: 500 },
    )
  })

  it('takes a path instead of a model', () => {
    fc.assert(
      fc.property(folder, (path) => {
        fc.pre(!/^~(?:$|[/\\])/.test(path))
        expect(parseConfig(renderConfig({ path }, 'yaml'), '/etc/a.yaml').model).toEqual({
          path: resolve('/etc', path),
        })
      }),
    )
  })

  it('leaves what is undefined out, and folders as they are', () => {
    const text = renderConfig({ home: './here', workers: undefined, evaluation: { bins: undefined } }, 'json')
    expect(JSON.parse(text)).toEqual({ home: './here' })
  })

  it('refuses values that no file may hold', () => {
    expect(() => renderConfig({ workers: 0 }, 'yaml')).toThrow('workers: expected an integer from 1 to 1024; got 0')
    expect(() => renderConfig({ batch: 1 } as object, 'yaml')).toThrow('batch: unknown key')
  })
})

it('is written in no other format than there are', () => {
  expect(() => renderConfig({}, 'toml' as 'yaml')).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('yaml or json') as string }),
  )
})
