/** Writes `docs/cli.md` from the same tables as `--help`. A test fails while the two differ. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { COMMANDS } from '../../src/cli/commands/index.js'
import { commandHelp, programHelp } from '../../src/cli/help.js'

/** The page. */
export const CLI_PAGE = fileURLToPath(new URL('../../docs/cli.md', import.meta.url))

/** Text of the page. */
export function cliPage(): string {
  const fenced = (help: string): string => `\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`
  const sections = COMMANDS.map((command) => `## stella ${command.name}\n\n${fenced(commandHelp(command))}`)
  const note = '<!-- Made by `npm run docs:cli` from the tables behind `--help`. -->'
  return [`# Command line\n\n${note}\n\n${fenced(programHelp(COMMANDS))}`, ...sections].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(CLI_PAGE, cliPage())
