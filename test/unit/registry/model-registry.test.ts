import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import {
  BUILT_IN_MODELS,
  ModelRegistry,
  STELLA_EN_1_5B_V5,
  STELLA_EN_400M_V5,
  STELLA_NANO,
  getModel,
  isModelInfo,
  listModels,
  requireModelInfo,
} from '../../../registry/index.js'
import { StellaError } from '../../../src/errors.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import { failureOf } from '../../support/failure.js'

/** A descriptor of one's own. */
function named(key: string, aliases: readonly string[] = []): StellaModelInfo {
  return { ...structuredClone(STELLA_NANO), key, aliases }
}

describe('looking up', () => {
  it.each([
    ['stella-en-400m-v5', STELLA_EN_400M_V5],
    ['NovaSearch/stella_en_400M_v5', STELLA_EN_400M_V5],
    ['dunzhang/stella_en_400M_v5', STELLA_EN_400M_V5],
    ['stella-en-1.5b-v5', STELLA_EN_1_5B_V5],
    ['NovaSearch/stella_en_1.5B_v5', STELLA_EN_1_5B_V5],
    ['dunzhang/stella_en_1.5B_v5', STELLA_EN_1_5B_V5],
    ['stella-nano', STELLA_NANO],
  ])('%s finds its model, in any case and with space around', (name, info) => {
    expect(getModel(name)).toBe(info)
    expect(getModel(name.toUpperCase())).toBe(info)
    expect(getModel(` ${name.toLowerCase()}\n`)).toBe(info)
  })

  // The origin's info() always returned the 400M, so that the documented name of the 1.5B found nothing (bug 24).
  it('the 1.5B is reachable under both owners and is never taken for the 400M', () => {
    for (const name of ['dunzhang/stella_en_1.5B_v5', 'NovaSearch/stella_en_1.5B_v5', 'stella-en-1.5b-v5']) {
      const info = getModel(name)
      expect(info.architecture.kind).toBe('qwen2')
      expect(info.architecture.hidden).toBe(1536)
      expect(info.source).toMatchObject({ repo: 'NovaSearch/stella_en_1.5B_v5' })
      expect(info).not.toBe(STELLA_EN_400M_V5)
    }
  })

  it('no name leads to two models', () => {
    const names = BUILT_IN_MODELS.flatMap((info) => [info.key, ...info.aliases].map((name) => name.toLowerCase()))
    expect(new Set(names).size).toBe(names.length)
    for (const info of BUILT_IN_MODELS) for (const alias of info.aliases) expect(getModel(alias)).toBe(info)
  })

  it.each([
    ['stella_en_1.5B_v5', 'stella-en-1.5b-v5'],
    ['stella-en-400m', 'stella-en-400m-v5'],
    ['novasearch/stella-en-1.5b-v5', 'stella-en-1.5b-v5'],
    ['stela-nano', 'stella-nano'],
  ])('%s is unknown, and the error asks whether %s was meant', async (name, meant) => {
    const error = await failureOf(() => getModel(name))
    expect(error.code).toBe('MODEL_UNKNOWN')
    expect(error.message).toContain(`Did you mean \`${meant}\`?`)
  })

  it('an unknown name far from all lists what is known, and guesses nothing', async () => {
    const error = await failureOf(() => getModel('all-MiniLM-L6-v2'))
    expect(error.message).not.toContain('Did you mean')
    for (const { key } of BUILT_IN_MODELS) expect(error.message).toContain(key)
    expect(error.details).toEqual({ model: 'all-MiniLM-L6-v2', accepted: listModels().map((info) => info.key) })
  })

  it.each(['', ' ', 'constructor', '__proto__', 'toString', '../stella-nano'])('%j is unknown', async (name) => {
    expect((await failureOf(() => getModel(name))).code).toBe('MODEL_UNKNOWN')
  })

  it.each([undefined, null, 5, {}, ['stella-nano']])('%j is no name', async (name) => {
    expect((await failureOf(() => getModel(name as string))).code).toBe('MODEL_UNKNOWN')
  })

  it('repeats only the start of an endless name', async () => {
    expect((await failureOf(() => getModel('x'.repeat(1e6)))).message.length).toBeLessThan(500)
  })

  it('never throws anything but MODEL_UNKNOWN', () => {
    const registry = new ModelRegistry(BUILT_IN_MODELS)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        if (registry.has(name)) return isModelInfo(registry.get(name))
        try {
          registry.get(name)
        } catch (error) {
          return error instanceof StellaError && error.code === 'MODEL_UNKNOWN'
        }
        return false
      }),
    )
  })
})

describe('registering', () => {
  it('makes a descriptor known by its key and its aliases', () => {
    const registry = new ModelRegistry(BUILT_IN_MODELS)
    const info = registry.register(named('my-stella', ['Me/My_Stella']))
    expect(registry.get('me/my_stella')).toBe(info)
    expect(registry.list()).toEqual([...BUILT_IN_MODELS, info])
    expect(registry.keys()).toContain('my-stella')
  })

  it('keeps a frozen descriptor as it is, and of any other a frozen copy', () => {
    const registry = new ModelRegistry()
    expect(registry.register(STELLA_NANO)).toBe(STELLA_NANO)
    const open = named('open')
    const kept = registry.register(open)
    expect(kept).toEqual(open)
    Object.assign(open, { defaultDimensions: 1 })
    expect(registry.get('open').defaultDimensions).toBe(STELLA_NANO.defaultDimensions)
    expect(Object.isFrozen(kept.architecture.rope)).toBe(true)
  })

  it('takes a descriptor that came over JSON or a thread', () => {
    const registry = new ModelRegistry()
    expect(registry.register(structuredClone(STELLA_NANO))).toEqual(STELLA_NANO)
  })

  it.each([
    ['its key is a key', named('stella-nano')],
    ['its key is an alias', { ...named('other'), aliases: ['stella-nano'] }],
    ['its key is an alias in another case', named('other', ['dunzhang/STELLA_en_400m_V5'])],
  ])('refuses a descriptor when %s of another model', async (_, info) => {
    const registry = new ModelRegistry(BUILT_IN_MODELS)
    const error = await failureOf(() => registry.register(info))
    expect(error.code).toBe('MODEL_DUPLICATE')
    expect(error.message).toMatch(/already names the model/)
    expect(registry.list()).toEqual(BUILT_IN_MODELS)
  })

  it('registers all names or none', async () => {
    const registry = new ModelRegistry(BUILT_IN_MODELS)
    await failureOf(() => registry.register(named('fresh', ['fresh/alias', 'stella-nano'])))
    expect(registry.has('fresh')).toBe(false)
    expect(registry.has('fresh/alias')).toBe(false)
  })

  it('refuses a second descriptor of one key, even an equal one', async () => {
    const registry = new ModelRegistry([STELLA_NANO])
    expect((await failureOf(() => registry.register(STELLA_NANO))).code).toBe('MODEL_DUPLICATE')
  })

  it('takes an alias that repeats the key', () => {
    expect(new ModelRegistry([named('same', ['SAME'])]).get('same').key).toBe('same')
  })

  it.each(['', 'Upper', '../up', 'a/b', 'a b', '.hidden', '-dash', 'ü', 'a\n', 'x'.repeat(101)])(
    'refuses the key %j, which could not name a folder',
    async (key) => {
      const error = await failureOf(() => new ModelRegistry([named(key)]))
      expect(error.code).toBe('OPTION_INVALID')
      expect(error.message).toContain('key')
    },
  )

  it.each([[['']], [[' ']], [[5]], ['text'], [undefined]])('refuses the aliases %j', async (aliases) => {
    const info = { ...named('fine'), aliases } as unknown as StellaModelInfo
    expect((await failureOf(() => new ModelRegistry([info]))).code).toBe('OPTION_INVALID')
  })

  it('refuses what can do something: a descriptor holds no function', async () => {
    const info = { ...named('clever'), embed: () => 'x' } as StellaModelInfo
    const error = await failureOf(() => new ModelRegistry([Object.freeze(info)]))
    expect(error).toMatchObject({ code: 'OPTION_INVALID' })
    expect(error.message).toContain('no plain data')
  })

  it.each([undefined, null, 'stella-nano', {}, { kind: 'stella-model-info' }, []])(
    'refuses %j, which is no descriptor',
    async (value) => {
      expect((await failureOf(() => new ModelRegistry([value as unknown as StellaModelInfo]))).code).toBe(
        'OPTION_INVALID',
      )
    },
  )

  it('in one registry leaves the others alone', () => {
    new ModelRegistry(BUILT_IN_MODELS).register(named('only-here'))
    expect(() => getModel('only-here')).toThrow(StellaError)
  })
})

describe('requireModelInfo', () => {
  it('gives back a descriptor', () => {
    expect(requireModelInfo(STELLA_NANO)).toBe(STELLA_NANO)
  })

  it('says how to get one to whoever passes a name', async () => {
    const error = await failureOf(() => requireModelInfo('stella-nano'))
    expect(error.message).toContain('the text `stella-nano`')
    expect(error.message).toContain('getModel(key)')
  })
})
