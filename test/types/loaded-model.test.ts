/**
 * What must not compile. Every `@ts-expect-error` is checked by `npm run typecheck`: it fails where the line below it
 * compiles. Nothing here runs, so nothing is loaded; the run-time twins are in `loaded-stella-model.test.ts`.
 */
/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/unbound-method,
   @typescript-eslint/no-unsafe-class-instance-assignment, @typescript-eslint/no-misused-spread,
   @typescript-eslint/restrict-plus-operands -- what does not compile has no types to lint */
import { describe, expectTypeOf, it } from 'vitest'

import type { StellaModelInfo } from '../../src/index.js'
import { EmbeddingPool, LoadedStellaModel, STELLA_NANO, assertLoaded, getModel } from '../../src/index.js'

/** Type-checked, never called. */
function compiles(_statements: () => unknown): void {
  expectTypeOf(_statements).toBeFunction()
}

declare const info: StellaModelInfo
declare const loaded: LoadedStellaModel
declare const pool: EmbeddingPool

describe('a descriptor', () => {
  it('has nothing that could embed', () => {
    compiles(() => [
      // @ts-expect-error a descriptor is metadata
      info.embed('text'),
      // @ts-expect-error a descriptor is metadata
      info.batchEmbed(['text']),
      // @ts-expect-error a descriptor is metadata
      STELLA_NANO.embed('text'),
      // @ts-expect-error a descriptor is metadata
      getModel('stella-nano').load(),
    ])
    expectTypeOf<StellaModelInfo>().not.toHaveProperty('embed')
    expectTypeOf<StellaModelInfo>().not.toHaveProperty('batchEmbed')
    expectTypeOf<StellaModelInfo>().not.toHaveProperty('close')
  })

  it('is no loaded model, and a loaded model no descriptor', () => {
    const needsLoaded = (model: LoadedStellaModel): LoadedStellaModel => model
    const needsInfo = (model: StellaModelInfo): StellaModelInfo => model
    compiles(() => [
      needsLoaded(loaded),
      needsInfo(info),
      needsInfo(loaded.info),
      // @ts-expect-error a descriptor where a loaded model is needed
      needsLoaded(info),
      // @ts-expect-error a loaded model where a descriptor is needed
      needsInfo(loaded),
      // @ts-expect-error an object that looks like one lacks what only `load` gives
      needsLoaded({ ...loaded }),
    ])
    expectTypeOf<StellaModelInfo>().not.toExtend<LoadedStellaModel>()
    expectTypeOf<LoadedStellaModel>().not.toExtend<StellaModelInfo>()
  })

  it('is read-only all the way down', () => {
    compiles(() => {
      // @ts-expect-error a descriptor is read-only
      info.key = 'other'
      // @ts-expect-error a descriptor is read-only
      info.architecture.layers = 1
      // @ts-expect-error a descriptor is read-only
      info.heads.push({ dimensions: 1, folder: '' })
      // @ts-expect-error a descriptor is read-only
      info.prompts.s2p_query = null
    })
  })

  it('tells its architectures apart by kind', () => {
    compiles(() => {
      if (info.architecture.kind === 'qwen2') return info.architecture.kvHeads
      // @ts-expect-error only a Qwen2 groups its key heads
      return info.architecture.kvHeads + info.architecture.tokenTypes
    })
  })
})

describe('a loaded model', () => {
  it('comes from load alone', () => {
    compiles(() => [
      // @ts-expect-error the constructor is private
      new LoadedStellaModel(),
      // @ts-expect-error the constructor is private
      new LoadedStellaModel(info),
    ])
    expectTypeOf(LoadedStellaModel.load).returns.resolves.toEqualTypeOf<LoadedStellaModel>()
    expectTypeOf(LoadedStellaModel.load).parameter(0).toEqualTypeOf<StellaModelInfo>()
  })

  it('cannot be extended', () => {
    // @ts-expect-error the constructor is private
    compiles(() => class extends LoadedStellaModel {})
  })

  it('is what assertLoaded leaves of anything', () => {
    compiles(() => {
      const value: unknown = info
      assertLoaded(value)
      return value.embed('text')
    })
  })

  it('gives Float32Array, and takes no model', () => {
    expectTypeOf<LoadedStellaModel['embed']>().parameter(0).toEqualTypeOf<string | Int32Array>()
    expectTypeOf<LoadedStellaModel['embed']>()
      .returns.resolves.toHaveProperty('embedding')
      .toEqualTypeOf<Float32Array>()
    expectTypeOf<LoadedStellaModel['batchEmbed']>()
      .returns.resolves.toHaveProperty('embeddings')
      .toEqualTypeOf<readonly Float32Array[]>()
  })
})

describe('a pool', () => {
  it('takes a key or a descriptor', () => {
    compiles(() => [
      pool.embed('stella-nano', 'text'),
      pool.embed(info, 'text'),
      pool.batchEmbed('NovaSearch/stella_en_400M_v5', ['text'], { task: 's2p_query', dimensions: 1024 }),
      pool.batchEmbed(info, [Int32Array.of(1)]),
      // @ts-expect-error a loaded model embeds by itself
      pool.embed(loaded, 'text'),
      // @ts-expect-error a text is missing
      pool.embed('stella-nano'),
      // @ts-expect-error no such task
      pool.embed('stella-nano', 'text', { task: 'search' }),
      // @ts-expect-error no such option
      pool.embed('stella-nano', 'text', { dimension: 256 }),
      // @ts-expect-error progress is of many texts
      pool.embed('stella-nano', 'text', { onProgress: () => undefined }),
      // @ts-expect-error numbers are no token ids
      pool.embed('stella-nano', [1, 2]),
    ])
  })

  it('comes from open alone', () => {
    compiles(() => [
      EmbeddingPool.open({ memory: '6GB' }),
      // @ts-expect-error the constructor is private
      new EmbeddingPool(),
    ])
    expectTypeOf(EmbeddingPool.open).returns.resolves.toEqualTypeOf<EmbeddingPool>()
  })
})
