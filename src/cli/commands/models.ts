/** `stella models`: what there is to choose from, and what of it is on this machine. */
import { listModels } from '../../../registry/index.js'
import { estimateMemory } from '../../../registry/memory.js'
import type { MemoryEstimate } from '../../../registry/memory.js'
import type { StellaModelInfo } from '../../../registry/types.js'
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
      return { info, state: await stateOf(info, environment), memory: memoryOf(info) }
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
    '\n* default. Memory is an estimate for fp32 with one worker and the default dimensions and length.\n',
  )
  return EXIT.done
}

/** In fp32, with one worker, for texts of the default length. */
function memoryOf(info: StellaModelInfo): MemoryEstimate {
  const runTokens = Math.max(RUN_TOKENS, info.tokens.recommended)
  return estimateMemory(info, { workers: 1, runTokens, dimensions: [info.defaultDimensions] })
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
