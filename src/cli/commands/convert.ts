/** `stella convert`: a checkpoint becomes an artefact, in its usual place or in a folder of the caller's choice. */
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import type { HeadInfo, StellaModelInfo } from '../../../registry/types.js'
import { readCalibrationTexts } from '../../convert/calibration/read-texts.js'
import { isWorthQuantising } from '../../convert/auto-precision.js'
import { convertAs } from '../../convert/convert-as.js'
import { fidelityTooLow, passes } from '../../convert/fidelity-bars.js'
import type { TaskText } from '../../convert/calibration/task-text.js'
import type { Artefact } from '../../convert/prepare.js'
import { headOf, prepareArtefact } from '../../convert/prepare.js'
import { findCheckpoint } from '../../convert/source.js'
import { withFileLock } from '../../files/file-lock.js'
import { writingTo } from '../../files/storage.js'
import type { Manifest } from '../../files/manifest.js'
import { formatBytes } from '../../pool/memory-ledger.js'
import type { CommandContext, RunCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { modelOrFolder, prepareOptions } from '../model.js'
import { OPTIONS } from '../options.js'
import { checkOutFolder } from '../out-folder.js'
import { jsonText, tableText } from '../output.js'
import { UsageError } from '../usage-error.js'
import { fidelityReport } from './convert-report.js'

/** Runs the command. */
export const run: RunCommand = async (context) => {
  const { values, positionals, output } = context
  const info = await modelOrFolder(positionals[0] ?? '')
  const started = performance.now()
  const artefact = values.out === undefined ? await inPlace(context, info) : await into(context, info, values.out)
  const seconds = (performance.now() - started) / 1000
  const facts = factsOf(info, artefact, seconds, values.report)
  const report = values.report ? fidelityReport(artefact.manifest) : ''
  await output.write(values.json ? jsonText(facts) : reportText(facts) + report)
  const { precision, fidelity, rejected } = artefact.manifest
  if (rejected !== null) context.report.note('auto refused int8 on this checkpoint; --report says why')
  if (precision === 'fp32' || passes(precision, fidelity)) return EXIT.done
  throw fidelityTooLow(info.key, precision, fidelity)
}

async function inPlace(context: CommandContext, info: StellaModelInfo): Promise<Artefact> {
  const { dims: dimensions, force } = context.values
  const calibration = await calibrationOf(context, info)
  return prepareArtefact(info, { ...prepareOptions(context, info), dimensions, force, calibration })
}

async function calibrationOf(
  { values, signal, report }: CommandContext,
  info: StellaModelInfo,
): Promise<readonly TaskText[] | undefined> {
  if (values.calibration === undefined) return undefined
  if (values.precision === 'fp32') throw new UsageError('--calibration does nothing in fp32; leave one of them out')
  if (values.precision === 'auto' && !isWorthQuantising(info)) {
    report.note(`${info.key} is so small that auto stays with fp32: --calibration is not used`)
  }
  return readCalibrationTexts(values.calibration, signal)
}

async function into(context: CommandContext, info: StellaModelInfo, path: string): Promise<Artefact> {
  const { values, environment, signal } = context
  const { onConvert: onProgress, onDownload, onWait } = prepareOptions(context, info)
  const wanted = (values.dims ?? defaultDims(info)).map((count) => headOf(info, count))
  const folder = resolve(path)
  await checkOutFolder(folder, values.force)
  const calibration = await calibrationOf(context, info)
  const source = { hub: environment.hub, download: values.download, signal, onProgress: onDownload }
  const checkpoint = await findCheckpoint(info, wanted, source)
  const heads = values.dims === undefined ? await headsAtHand(checkpoint, info) : wanted
  const precision = values.precision ?? OPTIONS.precision.default
  const make = async (held: AbortSignal): Promise<Artefact> => {
    // Again, under the lock: it may have been made while this waited.
    await checkOutFolder(folder, values.force)
    const options = { heads, calibration, out: folder, signal: held, onProgress }
    return { folder, manifest: await convertAs(precision, checkpoint, info, options), converted: true }
  }
  const advice = 'Free space there, or name another folder with --out'
  return writingTo(folder, advice, () => withFileLock(folder, { signal, onWait }, make))
}

function defaultDims(info: StellaModelInfo): readonly number[] {
  return info.heads.length === 0 ? [] : [info.defaultDimensions]
}

/** Every head whose weights are in the checkpoint, as `prepareArtefact` takes them. */
async function headsAtHand(checkpoint: string, info: StellaModelInfo): Promise<readonly HeadInfo[]> {
  const present = await Promise.all(
    info.heads.map((head) =>
      stat(join(checkpoint, head.folder, 'model.safetensors')).then(
        () => true,
        () => false,
      ),
    ),
  )
  return info.heads.filter((_, index) => present[index])
}

interface ConvertFacts {
  readonly model: string
  readonly artefact: string
  readonly converted: boolean
  readonly precision: string
  readonly dimensions: readonly number[]
  readonly fingerprint: string
  /** Agreement with fp32; null for fp32 itself. */
  readonly fidelity: Manifest['fidelity']
  /** What `auto` tried before. */
  readonly rejected: Manifest['rejected']
  /** What was chosen for each site, with `--report`. */
  readonly sites?: Manifest['sites']
  readonly files: readonly { readonly file: string; readonly bytes: number; readonly sha256: string }[]
  readonly bytes: number
  readonly seconds: number
  readonly megabytesPerSecond: number
  /** Of this process, from its start. */
  readonly peakResidentBytes: number
}

function factsOf(
  info: StellaModelInfo,
  { folder, manifest, converted }: Artefact,
  seconds: number,
  withSites: boolean,
): ConvertFacts {
  const files = Object.entries(manifest.files).map(([file, facts]) => ({ file, ...facts }))
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return {
    model: info.key,
    artefact: folder,
    converted,
    precision: manifest.precision,
    dimensions: manifest.heads.map((head) => head.dimensions),
    fingerprint: manifest.fingerprint,
    fidelity: manifest.fidelity,
    rejected: manifest.rejected,
    ...(withSites ? { sites: manifest.sites } : {}),
    files,
    bytes,
    seconds,
    megabytesPerSecond: bytes / 1e6 / seconds,
    // maxRSS is in kibibytes on every platform (libuv, uv_getrusage).
    peakResidentBytes: process.resourceUsage().maxRSS * 1024,
  }
}

function reportText(facts: ConvertFacts): string {
  const rows = facts.files.map(({ file, bytes }) => [file, formatBytes(bytes)])
  const total = `${facts.model} in ${facts.precision}: ${formatBytes(facts.bytes)} in ${facts.artefact}\n`
  if (!facts.converted)
    return `${tableText(['FILE', 'SIZE'], rows)}\n${total}Converted before; --force makes it again.\n`
  const time = `${facts.seconds.toFixed(1)} s, ${facts.megabytesPerSecond.toFixed(0)} MB/s`
  return `${tableText(['FILE', 'SIZE'], rows)}\n${total}${time}, peak ${formatBytes(facts.peakResidentBytes)} resident\n`
}
