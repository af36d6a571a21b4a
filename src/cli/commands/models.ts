/** `stella models`: what there is to choose from, and what of it is on this machine. */
import { listModels } from '../../../registry/index.js'
import { estimateMemory } from '../../../registry/memory.js'
import type { MemoryEstimate } from '../../../registry/memory.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import { BACKBONE_FILE } from '../../convert/artefact-files.js'
import { isWorthQuantising } from '../../convert/auto-precision.js'
import type { Precision } from '../../convert/recipe.js'
import { RUN_TOKENS } from '../../packed/packing.js'
import { formatBytes } from '../../pool/memory-ledger.js'
import type { ModelState } from '../artefact-state.js'
import { stateOf } from '../artefact-state.js'
import type { RunCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { jsonText, tableText } from '../output.js'

const TITLES = ['MODEL', 'HUGGING FACE ID', 'PARAMETERS', 'DIMENSIONS', 'MAX TOKENS', 'STATE', 'MEMORY']

/** Runs the command. */
export const run: RunCommand = async ({ values, environment, output }) => {
  const models = await Promise.all(
    listModels().map(async (info) => {
      const state = await stateOf(info, environment)
      return { info, state, memory: memoryOf(info, state) }
    }),
  )
  if (values.json) {
    const listed = models.map(({ info, state, memory }) => ({ ...info, state: stateJson(state), memory }))
    await output.write(jsonText({ models: listed }))
    return EXIT.done
  }
  const rows = models.map(({ info, state, memory }) => [
    info.key,
    info.source.kind === 'hub' ? info.source.repo : 'ships with the package',
    countText(info.parameters.embedding + info.parameters.layers),
    dimensionsText(info),
    String(info.tokens.max),
    stateText(info, state),
    formatBytes(memory.total),
  ])
  await output.write(tableText(TITLES, rows))
  await output.write(
    '\n* default. Memory is an estimate for one worker and the default dimensions and length, in the precision of the ' +
      'artefact; without one in int8, or in fp32 for a small model.\n',
  )
  return EXIT.done
}

/** With one worker, for texts of the default length: of the artefact that `auto` takes, or of the one it would make. */
function memoryOf(info: StellaModelInfo, { artefacts }: ModelState): MemoryEstimate & { precision: Precision } {
  const wanted = isWorthQuantising(info) ? 'int8' : 'fp32'
  const found = artefacts.find(({ precision }) => precision === wanted) ?? artefacts[0]
  const precision = found?.precision ?? wanted
  const runTokens = Math.max(RUN_TOKENS, info.tokens.recommended)
  const storedBytes = found?.manifest.files[`${BACKBONE_FILE}.data`]?.bytes
  const shape = { workers: 1, runTokens, dimensions: [info.defaultDimensions], precision, storedBytes }
  return { precision, ...estimateMemory(info, shape) }
}

function stateJson({ checkpoint, artefacts }: ModelState) {
  return {
    downloaded: checkpoint !== undefined,
    checkpoint: checkpoint ?? null,
    converted: artefacts.map(({ precision, folder, manifest }) => {
      return { precision, folder, dimensions: manifest.heads.map((head) => head.dimensions) }
    }),
  }
}

function stateText({ source }: StellaModelInfo, { checkpoint, artefacts }: ModelState): string {
  const converted = artefacts.map(({ precision }) => `converted (${precision})`)
  if (source.kind !== 'hub') return converted.join(', ') || 'converted on first use'
  return [checkpoint === undefined ? 'not downloaded' : 'downloaded', ...converted].join(', ')
}

function dimensionsText({ heads, defaultDimensions }: StellaModelInfo): string {
  const all = heads.length === 0 ? [defaultDimensions] : heads.map((head) => head.dimensions)
  return all.map((dimensions) => `${dimensions}${dimensions === defaultDimensions ? '*' : ''}`).join(' ')
}

function countText(parameters: number): string {
  if (parameters < 1e6) return `${Math.round(parameters / 1e3)}k`
  return parameters < 1e9 ? `${Math.round(parameters / 1e6)}M` : `${(parameters / 1e9).toFixed(2)}B`
}
