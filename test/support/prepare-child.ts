/** A process that prepares a model: descriptor and options as JSON in its first argument, what came of it on stdout. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { PrepareOptions } from '../../src/convert/prepare.js'
import { prepareArtefact } from '../../src/convert/prepare.js'

const [, , json = ''] = process.argv
const { info, options } = JSON.parse(json) as { info: StellaModelInfo; options: PrepareOptions }
let reports = 0
const { folder, converted, manifest } = await prepareArtefact(info, { ...options, onConvert: () => reports++ })
process.stdout.write(JSON.stringify({ folder, converted, manifest, reports }))
