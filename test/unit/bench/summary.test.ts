import { describe, expect, it } from 'vitest'

import { performanceSummary } from '../../../bench/table/summary.js'
import { TABLE } from './results.js'

/** Cells of the lines that begin with this model and precision, a list for each table. */
function rows(summary: string, model: string, precision: string): readonly (readonly string[])[] {
  const lines = summary.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  return lines.filter(([, first, second]) => first === model && second === precision).map((cells) => cells.slice(3, -1))
}

describe('the summary of models', () => {
  it('has a line of speed and one of cost for each precision', () => {
    const [speed, cost] = rows(performanceSummary([TABLE]), 'a-model', 'int8')
    expect(speed).toEqual(['1600', '–', '–', '–', '20.0'])
    expect(cost).toEqual(['12.3', '2.50', '0.250', '600', '100'])
  })

  it('says what a second thread gains, where both were measured', () => {
    const alone = TABLE.speed.map((row) => ({ ...row, threads: 1, tokensPerSecond: row.tokensPerSecond / 1.6 }))
    const [speed] = rows(performanceSummary([{ ...TABLE, speed: [...TABLE.speed, ...alone] }]), 'a-model', 'fp32')
    expect(speed?.[0]).toBe('400')
    expect(speed?.[3]).toBe('1.60')
  })

  it('has dashes for what was not measured, and the models one after the other', () => {
    const bare = { ...TABLE, model: 'another', speed: [], latency: [], loading: [], memory: [] }
    const summary = performanceSummary([TABLE, bare])
    expect(rows(summary, 'another', 'int4')).toEqual([Array(5).fill('–'), Array(5).fill('–')])
    expect(summary.indexOf('| another')).toBeGreaterThan(summary.indexOf('| a-model'))
  })
})
