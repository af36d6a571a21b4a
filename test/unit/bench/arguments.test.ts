import { availableParallelism } from 'node:os'

import { describe, expect, it } from 'vitest'

import { readPeersArguments } from '../../../bench/peers/arguments.js'
import { SHAPES } from '../../../bench/support/shapes.js'
import { PARTS, readTableArguments } from '../../../bench/table/arguments.js'
import { PRECISIONS } from '../../../src/convert/recipe.js'

describe('the arguments of the table', () => {
  it('are both models in every precision and shape by default, without the long text', () => {
    const given = readTableArguments([])
    expect(given).toMatchObject({
      models: ['stella-en-400m-v5', 'stella-en-1.5b-v5'],
      precisions: PRECISIONS,
      shapes: SHAPES,
      threads: [...new Set([availableParallelism(), 1])],
      parts: PARTS.filter((part) => part !== 'long'),
      save: false,
    })
  })

  it('are lists where there are several', () => {
    const given = readTableArguments(['--shapes', '1x32,mixed', '--threads', '2, 1', '--models', 'a,b=/c', '--long'])
    expect(given).toMatchObject({
      shapes: [{ name: '1×32' }, { name: 'mixed' }],
      threads: [2, 1],
      models: ['a', 'b=/c'],
      parts: PARTS,
    })
  })

  it('take the long text as a part as well, and once', () => {
    expect(readTableArguments(['--parts', 'speed', '--long'])).toMatchObject({ parts: ['speed', 'long'] })
    expect(readTableArguments(['--parts', 'long', '--long'])).toMatchObject({ parts: ['long'] })
  })

  it('are everything on the embedded model in a quick run', () => {
    expect(readTableArguments(['--quick'])).toMatchObject({ models: ['stella-nano'], parts: PARTS, rounds: 2 })
    expect(readTableArguments(['--quick', '--rounds', '1'])).toMatchObject({ rounds: 1 })
  })

  it.each([
    [['--precisions', 'fp8'], '`fp8`'],
    [['--shapes', '2x2'], '`2x2`'],
    [['--rounds', '0'], '`0`'],
    [['--rounds', '1,2'], '`1 2`'],
    [['--workers', 'two'], '`two`'],
    [['--parts', ''], '`--parts`'],
    [['--models', 'a,,b'], '`--models`'],
    [['--round', '3'], "'--round'"],
    [['surplus'], "'surplus'"],
  ])('that make no sense are refused: %j', (args, named) => {
    expect(() => readTableArguments(args)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => readTableArguments(args)).toThrow(named)
  })

  it('ask for help', () => {
    expect(readTableArguments(['--help'])).toBe('help')
    expect(readPeersArguments(['-h'])).toBe('help')
  })
})

describe('the arguments of the comparison with peers', () => {
  it('say where peers are', () => {
    expect(readPeersArguments(['--python', 'p', '--transformers-js', 't', '--threads', '3'])).toMatchObject({
      python: 'p',
      transformersJs: 't',
      threads: 3,
    })
  })

  it('that make no sense are refused', () => {
    expect(() => readPeersArguments(['--threads', '1,2'])).toThrow('`1 2`')
  })
})
