import { describe, expect, it } from 'vitest'

import { COMMANDS } from '../../../src/cli/commands/index.js'
import { commandHelp, programHelp } from '../../../src/cli/help.js'
import { COMMON_OPTIONS, environmentName, flagOf, rowOf } from '../../../src/cli/options.js'

/** Columns that help may take. */
const WIDTH = 100

describe('programHelp', () => {
  it('names every command with its summary, the exit codes and the environment', () => {
    const help = programHelp(COMMANDS)
    for (const { name, summary } of COMMANDS) {
      expect(help).toMatch(new RegExp(`^  ${name} `, 'm'))
      expect(help).toContain(summary.split(' ').slice(0, 4).join(' '))
    }
    expect(help).toContain('0 done · 1 failed · 2 used wrongly')
    expect(help).toMatch(/STELLA_HOME/)
    expect(help).toMatch(/An option on the command line wins over its variable/)
  })
})

describe.each(COMMANDS)('commandHelp of $name', (command) => {
  const help = commandHelp(command)

  it('shows usage, and each option with its variable and default', () => {
    expect(help.startsWith(`usage: stella ${command.name}`)).toBe(true)
    for (const name of [...command.options, ...COMMON_OPTIONS]) {
      const row = rowOf(name)
      expect(help).toMatch(new RegExp(`--${flagOf(name)}[ <\\n]`))
      const variable = environmentName(name)
      if (variable !== undefined) expect(help).toContain(`[${variable}]`)
      for (const choice of row.choices ?? []) expect(help).toContain(choice)
    }
  })

  it('fits a terminal, and ends lines without blanks', () => {
    const lines = help.split('\n')
    // A usage line is one line, to be copied; everything else is wrapped.
    const long = lines.filter((line) => line.length > WIDTH && !line.startsWith('usage:'))
    expect(long).toEqual([])
    expect(lines.filter((line) => line.endsWith(' '))).toEqual([])
  })

  it('has an example', () => {
    expect(command.examples.length).toBeGreaterThan(0)
    expect(command.examples.every((example) => example.startsWith(command.name))).toBe(true)
  })
})
