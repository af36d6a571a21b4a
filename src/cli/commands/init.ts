/** `stella init`: writes a configuration file that explains every key, or shows what applies under one. */
import { extname } from 'node:path'

import { CONFIG_NAME, loadConfig } from '../../config/load-config.js'
import { lineOf, placeOf } from '../../config/problem.js'
import type { ConfigFormat } from '../../config/read-document.js'
import { renderConfig } from '../../config/render-config.js'
import type { ConfigSetting } from '../../config/stella-config.js'
import { defaultValues } from '../../config/stella-config.js'
import type { CommandContext, RunCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { writeNewFile } from '../new-file.js'
import { jsonText, tableText } from '../output.js'
import { UsageError } from '../usage-error.js'

/** Endings of names, and what is in such a file. */
const ENDINGS: Readonly<Record<string, ConfigFormat>> = { '.yaml': 'yaml', '.yml': 'yaml', '.json': 'json' }

/** Runs the command. */
export const run: RunCommand = async (context) => {
  const { values, output, report } = context
  const { path, format } = chooseFile(context)
  if (values.show) return show(context, path)
  // JSON cannot say what a key would be, so that its defaults are written out.
  await writeNewFile(path, renderConfig(format === 'json' ? defaultValues() : {}, format), values.force)
  await output.write(values.json ? jsonText({ path, format }) : `${path}\n`)
  report.note(`edit it, then name it: stella embed --config ${path} …, or STELLA_CONFIG=${path}`)
  return EXIT.done
}

function chooseFile({ values, positionals }: CommandContext): { readonly path: string; readonly format: ConfigFormat } {
  const [given] = positionals
  const asked = values['config-format']
  if (given === undefined) {
    const format = asked ?? 'yaml'
    return { path: format === 'yaml' ? CONFIG_NAME : CONFIG_NAME.replace(/yaml$/, format), format }
  }
  if (given.trim() === '') throw new UsageError('The path is empty')
  const told = ENDINGS[extname(given).toLowerCase()]
  if (asked !== undefined && told !== undefined && asked !== told) {
    throw new UsageError(`${given} would be read as ${told}, and \`--format ${asked}\` was asked for; give one of them`)
  }
  if (asked === 'json' && told === undefined) {
    throw new UsageError(`A JSON configuration has a name that ends in .json; got ${given}`)
  }
  return { path: given, format: asked ?? told ?? 'yaml' }
}

async function show({ values, output, report, io }: CommandContext, path: string): Promise<typeof EXIT.done> {
  if (values.force) throw new UsageError('`--show` writes nothing; leave out `--force`')
  const config = await loadConfig(path, { env: io.env })
  const { settings, notes } = config
  await output.write(values.json ? jsonText({ file: path, settings, notes }) : settingsText(settings))
  for (const note of notes) report.note(lineOf(note))
  return EXIT.done
}

function settingsText(settings: readonly ConfigSetting[]): string {
  const rows = settings.map((setting) => [setting.key, valueText(setting), placeOf(setting)])
  return tableText(['key', 'value', 'from'], rows)
}

function valueText({ value, otherwise }: ConfigSetting): string {
  if (value === null) return `(${otherwise ?? 'none'})`
  return typeof value === 'string' ? value : JSON.stringify(value)
}
