import { readFile } from 'node:fs/promises'

import { describe, expect, it } from 'vitest'

import { STELLA_EN_400M_V5 } from '../../../../registry/index.js'
import { backboneBytes } from '../../../../registry/memory.js'
import { resolveMemoryBudget } from '../../../../src/pool/memory-budget.js'
import { MEMORY_PAGE, machineFor, withMemoryTables } from '../../../../tools/docs/memory-tables.js'

const GIB = 1024 ** 3

it('docs/models-and-memory.md says what the descriptors come to (npx tsx tools/docs/memory-tables.ts)', async () => {
  const page = await readFile(MEMORY_PAGE, 'utf8')
  expect(page).toBe(withMemoryTables(page))
})

describe('the size of a machine', () => {
  it('is the smallest whose default budget has room', () => {
    for (const bytes of [1e8, 7e8, 1.66e9, 2.5e9, 7.9e9, 20e9]) {
      const usable = machineFor(bytes) * GIB
      expect(resolveMemoryBudget(undefined, { usable, total: usable })).toBeGreaterThanOrEqual(bytes)
    }
    const budget = resolveMemoryBudget(undefined, { usable: 4 * GIB, total: 4 * GIB })
    expect([machineFor(budget), machineFor(budget + 1)]).toEqual([4, 6])
  })

  it('is an error for what no machine of the list holds', () => {
    expect(() => machineFor(1e12)).toThrow('no machine')
  })
})

describe('the size of an artefact on disk', () => {
  // `backbone.onnx.data` and `packed.data` of the 400M's stand-in, `ls -l` after `npm run bench -- --parts loading`.
  it.each([
    ['fp32', 1_736_552_448, 1_610_616_832],
    ['int8', 467_349_504, 404_127_744],
    ['int4', 283_938_816, 302_874_624],
  ] as const)(
    'is in %s what was found, within a few per cent, and not less where it is packed',
    (precision, stored, found) => {
      const { table, layers, packed } = backboneBytes(STELLA_EN_400M_V5, precision)
      expect((table + layers) / stored).toBeGreaterThan(0.98)
      expect((table + layers) / stored).toBeLessThan(1.03)
      expect(packed / found).toBeGreaterThan(1)
      expect(packed / found).toBeLessThan(1.12)
    },
  )
})
