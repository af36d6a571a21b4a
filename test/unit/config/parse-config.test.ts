import { resolve } from 'node:path'

import { describe, expect, it } from 'vitest'

import { parseConfig } from '../../../src/config/parse-config.js'
import { resolveModelOptions } from '../../../src/model/stella-model-options.js'
import { linesOf, refusalOf } from './problems.js'

const FULL = `
model: stella-en-400m-v5
batchSize: 24
maxLength: 1024
embeddingDimension: 256
normalizeEmbeddings: false
promptType: discriminative
prompts:
  discriminative: "Instruct: Tell apart.\\nQuery: "
  'with: colon': ''
device: cpu
precision: int8
memory: 50%
workers: 2
threads: 1
download: true
home: ./cache
evaluation:
  maxInFlight: 32
  ordered: false
  groundTruthField: gt
  predictionField: pred
  idField: video
  delimiter: semicolon
  bins: 40
  examples: 0
`

describe('parseConfig', () => {
  it('gives what a file says, ready for StellaModel.open and for an evaluation', () => {
    const config = parseConfig(FULL, '/etc/stella/app.yaml')
    expect(config.model).toEqual({
      model: 'stella-en-400m-v5',
      batchSize: 24,
      maxLength: 1024,
      embeddingDimension: 256,
      normalizeEmbeddings: false,
      promptType: 'discriminative',
      prompts: { discriminative: 'Instruct: Tell apart.\nQuery: ', 'with: colon': '' },
      device: 'cpu',
      precision: 'int8',
      memory: '50%',
      workers: 2,
      threads: 1,
      download: true,
      home: resolve('/etc/stella/cache'),
    })
    expect(config.evaluation).toEqual({
      batch: { maxInFlight: 32, ordered: false },
      pairs: { groundTruthField: 'gt', predictionField: 'pred', idField: 'video', delimiter: 'semicolon' },
      summary: { bins: 40, examples: 0 },
    })
    expect(config.notes).toEqual([])
    expect(resolveModelOptions(config.model)).toMatchObject({ batchSize: 24, promptType: 'discriminative' })
  })

  it('is frozen all the way down, and the same for JSON', () => {
    const config = parseConfig('{"prompts": {"own": "x"}, "evaluation": {"bins": 3}}', 'a.json')
    expect(config.model).toEqual({ prompts: { own: 'x' } })
    for (const part of [config, config.model, config.model.prompts, config.evaluation.summary, config.settings]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  it('says line, column and key of a wrong value', () => {
    const text = '# settings\nmodel: stella-nano\n\nworkers: 2\nthreads: 1\n\nbatchSize: many\n'
    expect(linesOf(text)).toEqual(['stella.config.yaml:7:12 batchSize: expected an integer from 1 to 4096; got "many"'])
    expect(refusalOf(text).code).toBe('OPTION_INVALID')
    expect(refusalOf(text).details).toEqual({
      count: 1,
      problems: [
        {
          source: 'file',
          file: 'stella.config.yaml',
          line: 7,
          column: 12,
          key: 'batchSize',
          message: 'expected an integer from 1 to 4096; got "many"',
        },
      ],
    })
  })

  it('tells all problems at once, in the order of the file, then those of the environment, then arguments', () => {
    const text = 'threads: 0\nbatch_size: 16\nevaluation:\n  bins: 1001\n  worst: 3\nmodel: 5\n'
    const options = {
      env: { STELLA_WORKERS: 'many', STELLA_DEVICE: 'tpu' },
      overrides: { memory: '1 elephant' },
    }
    expect(linesOf(text, options)).toEqual([
      'stella.config.yaml:1:10 threads: expected an integer from 1 to 1024; got 0',
      'stella.config.yaml:2:1 batch_size: unknown key; use batchSize',
      'stella.config.yaml:4:9 evaluation.bins: expected an integer from 1 to 1000; got 1001',
      expect.stringMatching(/^stella\.config\.yaml:5:3 evaluation\.worst: unknown key; accepted: maxInFlight, /),
      'stella.config.yaml:6:8 model: expected a text of 1 to 4096 characters; got 5',
      'STELLA_DEVICE: expected auto, cpu, webgpu, cuda, coreml or dml; got "tpu". Did you mean cpu?',
      'STELLA_WORKERS: expected an integer from 1 to 1024; got "many"',
      expect.stringMatching(/^memory: expected bytes, a share from 0 to 1, or a text such as '6GB'.*got "1 elephant"$/),
    ])
  })

  it('tells of a hundred problems and counts the rest', () => {
    const text = Array.from({ length: 150 }, (_, index) => `key${index}: 1`).join('\n')
    const error = refusalOf(text)
    expect(error.details['count']).toBe(150)
    expect(error.details['problems']).toHaveLength(100)
    expect(error.message.split('\n')).toHaveLength(21)
    expect(error.message).toMatch(/\nand 130 more$/)
  })

  it.each([
    ['batch_size: 1', 'use batchSize'],
    ['batch-size: 1', 'use batchSize'],
    ['BATCHSIZE: 1', 'use batchSize'],
    ['model_path: x', 'use path'],
    ['max_seq_length: 1', 'use maxLength'],
    ['max_length: 1', 'use maxLength'],
    ['embedding_dimension: 1', 'use embeddingDimension'],
    ['normalize_embeddings: true', 'use normalizeEmbeddings'],
    ['prompt_type: s2s', 'use promptType'],
    ['enable_4bit: true', 'use precision: int4'],
    ['device_map: auto', 'use device'],
    ['trust_remote_code: true', 'leave it out; code of a checkpoint is never run'],
    ['encoder:\n  batch_size: 16', 'its keys go to the top level'],
    ['bachSize: 1', 'did you mean batchSize?'],
    ['wrokers: 1', 'did you mean workers?'],
    ['evaluations: {}', 'did you mean evaluation?'],
    ['bins: 3', 'use bins in the section evaluation'],
    ['max_in_flight: 3', 'use maxInFlight in the section evaluation'],
  ])('proposes what was meant by %j', (text, hint) => {
    expect(linesOf(text)).toEqual([expect.stringMatching(`: unknown key; ${hint.replace('?', '\\?')}$`)])
  })

  it('proposes what was meant inside of the section', () => {
    expect(linesOf('evaluation:\n  max_in_flight: 3\n  batchSize: 1\n  bin: 2')).toEqual([
      'stella.config.yaml:2:3 evaluation.max_in_flight: unknown key; use maxInFlight',
      'stella.config.yaml:3:3 evaluation.batchSize: unknown key; use batchSize at the top level',
      'stella.config.yaml:4:3 evaluation.bin: unknown key; did you mean bins?',
    ])
  })

  it.each([
    ['model:', 'got nothing'],
    ['workers: ~', 'got nothing'],
    ['download: yes', 'expected true or false; got "yes"'],
    ['batchSize: "16"', 'got "16"'],
    ['batchSize: 16.5', 'got 16.5'],
    ['batchSize: .nan', 'got NaN'],
    ['batchSize: .inf', 'got Infinity'],
    ['maxLength: 1e400', 'got Infinity'],
    ['maxLength: 123456789012345678901234567890', 'got 1.2345678901234568e+29'],
    ['batchSize: -0x10', 'got "-0x10"'],
    ['batchSize: 1_000', 'got "1_000"'],
    ['memory: .nan', 'got NaN'],
    ['memory: 0', 'got 0'],
    ['memory: 101%', 'got "101%"'],
    ['memory: {}', 'got an object'],
    ['model: [a]', 'got an array of 1'],
    ['model: ""', 'got ""'],
    ['path: "a\\0b"', 'expected a folder'],
    ['precision: fp16', 'expected auto, fp32, int8 or int4; got "fp16". Did you mean fp32?'],
    ['device: cuda:0', 'Did you mean cuda?'],
    ['prompts: [a, b]', 'expected at most 1000 texts by name; got an array of 2'],
    ['prompts: {a: 1}', 'prompts.a: expected a text of at most 10000 characters; got 1'],
    ['prompts: {"": x}', 'expected a name of 1 to 100 characters; got ""'],
    ['evaluation: 5', 'evaluation: expected keys and values; got 5'],
    ['evaluation: {delimiter: ","}', 'expected comma, semicolon, tab or pipe'],
  ])('refuses %j', (text, part) => {
    expect(linesOf(text)).toEqual([expect.stringContaining(part)])
  })

  it('accepts what YAML and the options accept', () => {
    expect(parseConfig('batchSize: 0x10\nworkers: 0o17\nmemory: 0.5', 'x.yaml').model).toEqual({
      batchSize: 16,
      workers: 15,
      memory: 0.5,
    })
    expect(parseConfig('prompts: {s2s: mine}\npromptType: s2s', 'x.yml').model.prompts).toEqual({ s2s: 'mine' })
    expect(parseConfig('evaluation:\nprompts:\n', 'x.yaml').model).toEqual({ prompts: {} })
    expect(parseConfig('\ufeffmodel: stella-nano\r\nworkers: 1\r\n', 'x.yaml').model.workers).toBe(1)
  })

  it('takes a prompt type that is a task or one of the prompts', () => {
    expect(linesOf('promptType: discriminate\nprompts: {discriminative: x}')).toEqual([
      expect.stringMatching(
        /:1:13 promptType: expected a task \(s2p_query, .*\) or a name of prompts \(discriminative\); got "discriminate"\. Did you mean discriminative\?$/,
      ),
    ])
    expect(linesOf('promptType: constructor')).toEqual([expect.stringContaining('there are none')])
  })

  it('holds a model that is known by its key to its limits, whichever source names which', () => {
    expect(linesOf('maxLength: 4096\nembeddingDimension: 1024')).toEqual([
      'stella.config.yaml:1:12 maxLength: expected an integer from 4 to 2048, the limit of stella-nano; got 4096',
      'stella.config.yaml:2:21 embeddingDimension: expected 256 or 512, the sizes of stella-nano; got 1024',
    ])
    const env = { STELLA_MODEL: 'stella-en-400m-v5' }
    expect(parseConfig('maxLength: 4096\nembeddingDimension: 1024', 'x.yaml', { env }).model.maxLength).toBe(4096)
    expect(linesOf('model: stella-en-400m-v5\nmaxLength: 4096', { overrides: { model: 'stella-nano' } })).toHaveLength(
      1,
    )
    expect(parseConfig('model: mine-registered-later\nmaxLength: 4096', 'x.yaml').model.maxLength).toBe(4096)
    expect(parseConfig('path: ./checkpoint\nembeddingDimension: 77', 'x.yaml').model.embeddingDimension).toBe(77)
  })

  it('notes what is outside of what is recommended, with its place', () => {
    const { notes } = parseConfig('batchSize: 64\nmaxLength: 100\n', 'x.yaml')
    expect(notes).toEqual([
      expect.objectContaining({
        key: 'batchSize',
        line: 1,
        column: 12,
        message: '64 is more than the recommended 8 to 48',
      }),
      expect.objectContaining({ key: 'maxLength', message: '100 is less than the recommended 256 to 2048' }),
    ])
    expect(parseConfig('batchSize: 8\nmaxLength: 2048', 'x.yaml').notes).toEqual([])
  })

  it.each(['', '\n\n', '# nothing but a comment', '---\n', '{}', 'evaluation:\n'])(
    'notes that %j says nothing',
    (text) => {
      const { model, notes } = parseConfig(text, 'x.yaml')
      expect(model).toEqual({})
      expect(notes.map(({ message }) => message)).toEqual(['says nothing; every default applies'])
    },
  )

  it('refuses options that it does not have, and what is no text', () => {
    expect(() => parseConfig('', 'x', { overides: {} } as object)).toThrow(/Unknown option `overides`/)
    expect(() => parseConfig(5 as unknown as string, 'x')).toThrow(/Expected a text/)
    expect(linesOf('', { overrides: { batch_size: 1 } as object })).toEqual(['batch_size: unknown key; use batchSize'])
    expect(linesOf('', { overrides: null as unknown as object })).toEqual([
      expect.stringContaining('expected keys and values'),
    ])
  })
})
