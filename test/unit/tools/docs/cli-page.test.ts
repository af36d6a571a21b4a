import { readFile } from 'node:fs/promises'

import { expect, it } from 'vitest'

import { CLI_PAGE, cliPage } from '../../../../tools/docs/cli-page.js'

it('docs/cli.md says what --help says (npm run docs:cli)', async () => {
  expect(await readFile(CLI_PAGE, 'utf8')).toBe(cliPage())
})
