import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { parseConfig } from '../../../src/config/parse-config.js'
import { placeOf } from '../../../src/config/problem.js'
import type { StellaConfig } from '../../../src/config/stella-config.js'
import { linesOf } from './problems.js'

function from({ settings }: StellaConfig, key: string): string {
  const setting = settings.find((candidate) => candidate.key === key)
  if (setting === undefined) throw new Error(`no setting ${key}`)
  return placeOf(setting)
}

describe('precedence', () => {
  it('is argument, environment, file, default, for each key by itself', () => {
    const text = 'workers: 1\nthreads: 2\nmemory: 4GB\n'
    const config = parseConfig(text, 'x.yaml', {
      overrides: { workers: 5, precision: undefined },
      env: { STELLA_WORKERS: '3', STELLA_THREADS: '4', STELLA_PRECISION: '' },
    })
    expect(config.model).toEqual({ workers: 5, threads: 4, memory: '4GB' })
    expect(['workers', 'threads', 'memory', 'precision'].map((key) => from(config, key))).toEqual([
      'argument',
      'STELLA_THREADS',
      'x.yaml:3:9',
      'default',
    ])
  })

  it('holds for every combination of sources', () => {
    const source = fc.option(fc.integer({ min: 1, max: 1024 }), { nil: undefined })
    fc.assert(
      fc.property(source, source, source, (argument, variable, file) => {
        const config = parseConfig(file === undefined ? '' : `workers: ${file}`, 'x.yaml', {
          overrides: { workers: argument },
          env: { STELLA_WORKERS: variable === undefined ? undefined : String(variable) },
        })
        expect(config.model.workers).toBe(argument ?? variable ?? file)
      }),
    )
  })

  it('lets the stronger of model and path put the weaker out of effect', () => {
    const named = (text: string, options: object): object => {
      const { model, path } = parseConfig(text, '/x.yaml', options).model
      return { model, path }
    }
    expect(named('model: a', { env: { STELLA_CHECKPOINT: '/c' } })).toEqual({ model: undefined, path: resolve('/c') })
    expect(named('path: /c', { env: { STELLA_MODEL: 'a' } })).toEqual({ model: 'a', path: undefined })
    expect(named('model: a', { overrides: { path: '/c' } })).toEqual({ model: undefined, path: resolve('/c') })
    const env = { STELLA_MODEL: 'a', STELLA_CHECKPOINT: '/b' }
    expect(named('model: c', { overrides: { path: '/d' }, env })).toEqual({ model: undefined, path: resolve('/d') })
  })

  it('refuses model and path of one source', () => {
    expect(linesOf('model: a\npath: b')).toEqual([
      'stella.config.yaml:2:7 path: both model and path name a model; give one of them. The model is given at stella.config.yaml:1:8',
    ])
    expect(linesOf('', { env: { STELLA_MODEL: 'a', STELLA_CHECKPOINT: 'b' } })).toEqual([
      expect.stringMatching(/^STELLA_CHECKPOINT: both model and path .* at STELLA_MODEL$/),
    ])
    expect(linesOf('', { overrides: { model: 'a', path: 'b' } })).toEqual([expect.stringMatching(/^path: both/)])
  })

  it('does not look at variables that an argument has overruled', () => {
    const overrides = { workers: 2, model: 'stella-nano' }
    const env = { STELLA_WORKERS: 'many', STELLA_CHECKPOINT: 'a\0b' }
    expect(parseConfig('', 'x.yaml', { overrides, env }).model).toEqual({ workers: 2, model: 'stella-nano' })
  })

  it('still refuses a file whose wrong value is overruled', () => {
    expect(linesOf('workers: many', { overrides: { workers: 2 } })).toHaveLength(1)
  })

  it('looks at no environment by itself', () => {
    process.env['STELLA_BATCH_SIZE'] = '9'
    try {
      expect(parseConfig('', 'x.yaml').model.batchSize).toBeUndefined()
    } finally {
      delete process.env['STELLA_BATCH_SIZE']
    }
  })
})

describe('variables', () => {
  it.each([
    ['STELLA_BATCH_SIZE', '32', { batchSize: 32 }],
    ['STELLA_DIMENSIONS', '256', { embeddingDimension: 256 }],
    ['STELLA_NO_NORMALIZE', '1', { normalizeEmbeddings: false }],
    ['STELLA_NO_NORMALIZE', 'off', { normalizeEmbeddings: true }],
    ['STELLA_DOWNLOAD', 'TRUE', { download: true }],
    ['STELLA_MEMORY', '0.5', { memory: '0.5' }],
    ['STELLA_TASK', 's2p', { promptType: 's2p' }],
    ['STELLA_DEVICE', 'webgpu', { device: 'webgpu' }],
    ['STELLA_CHECKPOINT', 'models/a', { path: resolve('models/a') }],
    ['STELLA_HOME', '~/stella', { home: join(homedir(), 'stella') }],
    ['STELLA_HOME', '$WHERE/stella', { home: resolve('/data/stella') }],
  ])('%s=%s', (name, value, model) => {
    expect(parseConfig('', 'x.yaml', { env: { [name]: value, WHERE: '/data' } }).model).toEqual(model)
  })

  it.each([
    ['STELLA_BATCH_SIZE', '1e3', 'expected an integer from 1 to 4096; got "1e3"'],
    ['STELLA_BATCH_SIZE', '0', 'got 0'],
    ['STELLA_THREADS', '-1', 'got -1'],
    ['STELLA_DOWNLOAD', 'perhaps', 'expected true or false; got "perhaps"'],
    ['STELLA_NO_NORMALIZE', '2', 'expected true or false; got "2"'],
    ['STELLA_PRECISION', 'int2', 'Did you mean int8?'],
    ['STELLA_EVALUATION_BINS', 'x', 'expected an integer from 1 to 1000; got "x"'],
    ['STELLA_DELIMITER', ',', 'expected comma, semicolon, tab or pipe'],
    ['STELLA_HOME', 'a\0b', 'expected a folder'],
    ['STELLA_MAX_LENGTH', '999999', 'the limit of stella-nano; got 999999'],
  ])('%s=%j is refused by its name', (name, value, part) => {
    const [line, ...rest] = linesOf('', { env: { [name]: value } })
    expect(rest).toEqual([])
    expect(line).toMatch(new RegExp(`^${name}: `))
    expect(line).toContain(part)
  })

  it('of the section go there', () => {
    const env = { STELLA_EVALUATION_ORDERED: 'no', STELLA_ID_FIELD: 'video', STELLA_EVALUATION_EXAMPLES: '3' }
    expect(parseConfig('evaluation: {examples: 5, bins: 9}', 'x.yaml', { env }).evaluation).toEqual({
      batch: { ordered: false },
      pairs: { idField: 'video' },
      summary: { examples: 3, bins: 9 },
    })
  })
})

describe('folders', () => {
  it('of a file are relative to the file, with ~ as the home folder and nothing else expanded', () => {
    const at = (text: string): StellaConfig => parseConfig(text, '/etc/stella/app.yaml')
    expect(at('path: ../models/a').model.path).toBe(resolve('/etc/models/a'))
    expect(at('path: /abs').model.path).toBe(resolve('/abs'))
    expect(at('home: ~/h').model.home).toBe(join(homedir(), 'h'))
    expect(at('home: "~"').model.home).toBe(homedir())
    expect(at('home: ~x/$HOME').model.home).toBe(resolve('/etc/stella/~x/$HOME'))
    expect(parseConfig('home: h', 'sub/app.yaml').model.home).toBe(resolve('sub/h'))
  })

  it('of arguments are relative to the current one', () => {
    expect(parseConfig('', '/etc/app.yaml', { overrides: { home: 'h' } }).model.home).toBe(resolve('h'))
  })
})
