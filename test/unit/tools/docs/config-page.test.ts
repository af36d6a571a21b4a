import { readFile } from 'node:fs/promises'

import { expect, it } from 'vitest'

import { keyEntries } from '../../../../src/config/keys.js'
import { parseConfig } from '../../../../src/config/parse-config.js'
import { CONFIG_PAGE, withKeyTables } from '../../../../tools/docs/config-page.js'

it('docs/configuration.md has the keys that the schema has (npm run docs:config)', async () => {
  const page = await readFile(CONFIG_PAGE, 'utf8')
  expect(page).toBe(withKeyTables(page))
  for (const { name, row } of keyEntries()) {
    expect(page).toContain(`| \`${name}\``)
    if (row.variable !== undefined) expect(page).toContain(`\`${row.variable}\``)
  }
})

it('has code in no code: a default, and what a command does instead, are apart', async () => {
  const page = await readFile(CONFIG_PAGE, 'utf8')
  expect(page).toContain('| `16`; `stella evaluate`: more; `stella embed` streams')
  expect(page).toContain('| `s2s`; `stella embed`: document ')
})

it('shows the errors that there are, and a file that is right', async () => {
  const page = await readFile(CONFIG_PAGE, 'utf8')
  const block = (language: string): string => new RegExp(`\`\`\`${language}\n(.*?)\n\`\`\``, 's').exec(page)?.[1] ?? ''
  const wrong = 'model: stella-nano\nbatch_size: 16\nmaxLength: long\ndevice: cuda:0\n'
  expect(() => parseConfig(wrong, 'stella.config.yaml', { env: { STELLA_WORKERS: 'many' } })).toThrow(block('text'))
  const { model, notes } = parseConfig(block('yaml'), 'stella.config.yaml')
  expect([model.promptType, model.prompts?.['discriminative'], notes]).toEqual([
    'discriminative',
    'Instruct: Tell whether two descriptions are of the same video.\nQuery: ',
    [],
  ])
})
