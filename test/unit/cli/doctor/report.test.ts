/** What is printed, and what programs may rely on. */
import { describe, expect, it } from 'vitest'

import { CHECKS } from '../../../../src/cli/doctor/checks.js'
import { FINDING_IDS, isFinding, notOk, ok } from '../../../../src/cli/doctor/finding.js'
import { findingText, isHealthy, reportJson, summaryText } from '../../../../src/cli/doctor/report.js'

const FINE = ok('node.version', 'Node is fine', { facts: { version: '20' } })
const NOTE = notOk('note', 'cpu.cores', 'few cores', 'have more')
const PROBLEM = notOk('problem', 'home.folder', 'it is a file', 'remove it', { subject: 'x' })

it('a finding is a line, with what to do on another', () => {
  expect(findingText(FINE)).toBe('ok       node.version      Node is fine\n')
  expect(findingText(PROBLEM)).toBe('problem  home.folder       it is a file\n                           → remove it\n')
})

it('names that move the cursor, turn the text around or break the line are shown as what they are', () => {
  const text = findingText(notOk('warning', 'home.leftover', 'a\nb\u001b[2Jc\u202Ed\u2028e', 'x\ry'))
  expect(text).toContain('a\\u000ab\\u001b[2Jc\\u202ed\\u2028e')
  expect(text).toContain('x\\u000dy')
  expect(text.split('\n')).toHaveLength(3)
})

it('counts the findings, and only a problem makes the machine unhealthy', () => {
  expect(summaryText([FINE, FINE, NOTE, PROBLEM])).toBe('\n2 ok, 1 note, 0 warnings, 1 problem\n')
  expect(isHealthy([FINE, NOTE])).toBe(true)
  expect(isHealthy([FINE, PROBLEM])).toBe(false)
  expect(reportJson([FINE, PROBLEM])).toMatchObject({
    healthy: false,
    counts: { ok: 1, note: 0, warning: 0, problem: 1 },
    findings: [FINE, PROBLEM],
  })
})

describe('ids', () => {
  it('are these, and stay: programs match on them', () => {
    expect(FINDING_IDS).toEqual([
      'node.version',
      'engine.binary',
      'engine.load',
      'tokenizers.load',
      'cpu.features',
      'cpu.cores',
      'memory.limits',
      'settings.hub',
      'settings.stella',
      'settings.config',
      'home.folder',
      'home.space',
      'home.leftover',
      'hub.cache',
      'model.checkpoint',
      'artefact.files',
      'artefact.packed',
      'model.plan',
      'exit.code',
    ])
    const width = 'model.checkpoint'.length
    expect(Math.max(...FINDING_IDS.map((id) => id.length))).toBe(width)
  })

  it('of checks that cannot be finished are among them, and what needs one comes after it', () => {
    const before = new Set<string>()
    for (const check of Object.values(CHECKS)) {
      expect(FINDING_IDS).toContain(check.id)
      if ('needs' in check) {
        const known = new Set([...before, 'engine.binary'])
        expect(check.needs.filter((id) => !known.has(id))).toEqual([])
      }
      before.add(check.id)
    }
  })

  it('tell a finding from anything else', () => {
    expect(isFinding(FINE)).toBe(true)
    for (const other of [
      null,
      1,
      {},
      { ...FINE, id: 'x' },
      { ...FINE, status: 'bad' },
      { ...FINE, facts: null },
      { ...FINE, advice: 1 },
    ]) {
      expect(isFinding(other)).toBe(false)
    }
  })
})
