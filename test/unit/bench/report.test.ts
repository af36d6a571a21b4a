import { describe, expect, it } from 'vitest'

import { peersReport } from '../../../bench/peers/report.js'
import { figures, percent, ratio, table } from '../../../bench/support/markdown.js'
import { machineLine, pickFlags } from '../../../bench/support/machine.js'
import { furtherWorkerMB, tableReport } from '../../../bench/table/report.js'
import { PEERS, TABLE } from './results.js'

/** The cells of a report's row that begins with these. */
function row(report: string, ...first: readonly string[]): readonly string[] | undefined {
  const rows = report.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  return rows.find((cells) => first.every((cell, column) => cells[column + 1] === cell))?.slice(1, -1)
}

describe('the report of a model', () => {
  const report = tableReport(TABLE)

  it('says what was measured on', () => {
    expect(report).toContain('### a-model')
    expect(report).toContain(
      '2 cores of A Processor, 24 GB (avx512_vnni, amx_int8); Node v20.20.2, ONNX Runtime 1.30.0',
    )
    expect(report).toContain('2026-01-31, 5 rounds. 0.805 GOP')
  })

  it('has speed against fp32 and against the bare products', () => {
    expect(row(report, '4×64', '2', 'fp32')).toEqual(['4×64', '2', 'fp32', '400', '1', '1235', '79 %', '–'])
    expect(row(report, '4×64', '2', 'int8')?.slice(3, 5)).toEqual(['1600', '4.00 (3.90–4.10)'])
    expect(row(report, '2', 'int8', '0.95')).toBeDefined()
  })

  it('has fidelity, and which precision is refused', () => {
    expect(row(report, 'fp32', '–')).toEqual(['fp32', '–', '–', '–', 'yes'])
    expect(row(report, 'int8', '0.99910')).toEqual(['int8', '0.99910', '0.99960', '0.97000', 'yes'])
    expect(row(report, 'int4', '0.80000')?.at(-1)).toBe('refused')
  })

  it('has latency, loads and the long text', () => {
    expect(row(report, '26 tokens', 'int8')).toEqual(['26 tokens', 'int8', '2', '60', '20.0', '31.5'])
    expect(row(report, 'int8', '12.3')).toEqual(['int8', '12.3', '150', '500', '2.50', '0.250', '40.0'])
    expect(row(report, '8192 tokens')?.slice(3)).toEqual(['20.0', '8.00', '9.00', '1.18', '512'])
  })

  it('has memory, and what each further worker adds', () => {
    expect(row(report, 'int8', '1')).toEqual(['int8', '1', '80.0', '500', '50.0', '600', '60.0', '–'])
    expect(row(report, 'int8', '4')?.at(-1)).toBe('100')
    expect(row(report, 'fp32', '4')).toContain('does not fit')
  })

  it('leaves out what was not measured', () => {
    const bare = tableReport({
      ...TABLE,
      precisions: [],
      speed: [],
      mixed: [],
      latency: [],
      loading: [],
      memory: [],
      long: [],
    })
    expect(bare).not.toContain('|')
  })
})

describe('furtherWorkerMB', () => {
  it('is unknown without a row of one worker in the same precision', () => {
    const [, four] = TABLE.memory
    if (four === undefined) throw new Error('no row')
    expect(furtherWorkerMB(four, [four])).toBeNull()
    expect(furtherWorkerMB({ ...four, precision: 'int4' }, TABLE.memory)).toBeNull()
    expect(furtherWorkerMB(four, TABLE.memory)).toBe(100)
  })
})

describe('the report of peers', () => {
  const report = peersReport(PEERS)

  it('has ratios, agreement, and who was not there', () => {
    expect(row(report, '4×64', 'a-peer')).toEqual(['4×64', 'a-peer', '322', '1.25 ×', '5.00 (4.50–5.50) ×'])
    expect(row(report, 'a-peer', 'fp32')).toEqual(['a-peer', 'fp32', '32', '1.0000000', '7.5e-8'])
    expect(report).toContain('2 threads each, torch 2.15.0.')
    expect(report).toContain('Not compared with transformers.js: not installed: install it.')
  })

  it('is of reasons alone where no peer was there', () => {
    const alone = peersReport({ ...PEERS, peers: {}, speed: [], agreement: [] })
    expect(alone).not.toContain('|')
    expect(alone).toContain('2 threads each. 2026-01-31')
  })
})

describe('numbers and tables', () => {
  it('have three figures', () => {
    expect([1234.5, 123.45, 12.345, 1.2345, 0.12345, 0.0012345, 0, -12.345].map(figures)).toEqual([
      '1235',
      '123',
      '12.3',
      '1.23',
      '0.123',
      '0.00123',
      '0',
      '-12.3',
    ])
    expect(figures(null)).toBe('–')
  })

  it('show quartiles where they differ', () => {
    expect(ratio({ median: 3.1, low: 3, high: 3.2 })).toBe('3.10 (3.00–3.20)')
    expect(ratio({ median: 3.1, low: 3.1, high: 3.1 })).toBe('3.10')
    expect([ratio(null), percent(null)]).toEqual(['–', '–'])
    expect(percent({ median: 0.756, low: 0, high: 1 })).toBe('76 %')
  })

  it('line up as Prettier wants them', () => {
    expect(table(['a', 'long'], [['wide cell', 'b']])).toBe(
      ['| a         | long |', '| --------- | ---- |', '| wide cell | b    |'].join('\n'),
    )
  })
})

describe('a machine', () => {
  it('is described by the flags that decide kernels', () => {
    const cpuinfo = 'processor\t: 0\nflags\t\t: fpu amx_int8 avx2 avx512f avx512_vnni sse\nbugs\t: x\n'
    expect(pickFlags(cpuinfo)).toEqual(['avx2', 'avx512f', 'avx512_vnni', 'amx_int8'])
    expect(pickFlags('')).toEqual([])
    expect(machineLine(TABLE.machine)).not.toContain('/')
  })
})
