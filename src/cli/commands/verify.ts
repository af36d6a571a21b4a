/** `stella verify`: whether an artefact is whole, computes what it should, and agrees with published numbers. */
import { isDeepStrictEqual } from 'node:util'

import { STELLA_NANO, listModels } from '../../../registry/index.js'
import type { StellaModelInfo } from '../../../registry/types.js'
import { describeCheckpoint } from '../../convert/describe-checkpoint.js'
import { prepareArtefact } from '../../convert/prepare.js'
import { isStellaError } from '../../errors.js'
import { publishedChecks } from '../../evaluation/published.js'
import { verifyArtefact } from '../../evaluation/verify-artefact.js'
import type { CheckResult } from '../../evaluation/verify-model.js'
import { verifyModel } from '../../evaluation/verify-model.js'
import type { Manifest } from '../../files/manifest.js'
import { readManifest } from '../../files/manifest.js'
import { LoadedStellaModel } from '../../inference/loaded-stella-model.js'
import type { CommandContext, RunCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { isFolder, modelOrFolder, prepareOptions } from '../model.js'
import { jsonText, tableText } from '../output.js'

/** What is verified. */
interface Subject {
  readonly folder: string
  readonly manifest: Manifest
  /** Undefined for an artefact of a model that nobody here can describe: it can be hashed and not be run. */
  readonly info: StellaModelInfo | undefined
}

/** Runs the command. */
export const run: RunCommand = async (context) => {
  const { positionals, values, output } = context
  const subject = await subjectOf(context, positionals[0] ?? '')
  const checks = await fileChecks(context, subject)
  const all = checks.some((check) => check.status === 'failed')
    ? [...checks, skipped('model', 'its files are damaged: convert it again with --force')]
    : [...checks, ...(await modelChecks(context, subject))]
  const failed = all.filter((check) => check.status === 'failed').length
  const { folder, manifest } = subject
  const summary = { model: manifest.model.key, artefact: folder, precision: manifest.precision, passed: failed === 0 }
  await output.write(values.json ? jsonText({ ...summary, checks: all }) : textOf(all, folder, failed))
  return failed === 0 ? EXIT.done : EXIT.failed
}

async function subjectOf(context: CommandContext, name: string): Promise<Subject> {
  const manifest = (await isFolder(name)) ? await readManifest(name) : undefined
  if (manifest !== undefined) return { folder: name, manifest, info: await describe(manifest) }
  const info = await modelOrFolder(name)
  const artefact = await prepareArtefact(info, prepareOptions(context, info))
  return { folder: artefact.folder, manifest: artefact.manifest, info }
}

/** The descriptor of the model an artefact was made from: a known one, or of the checkpoint folder, if it is still there. */
async function describe({ model, architecture }: Manifest): Promise<StellaModelInfo | undefined> {
  const fits = (info: StellaModelInfo): boolean => isDeepStrictEqual({ ...info.architecture }, architecture)
  const known = listModels().find((info) => info.key === model.key && fits(info))
  const path = model.source['path']
  if (known !== undefined || path === undefined) return known
  const described = await describeCheckpoint(path, { key: model.key }).catch((error: unknown) => {
    if (isStellaError(error)) return undefined
    throw error
  })
  return described !== undefined && fits(described) ? described : undefined
}

function fileChecks(
  { report, signal }: CommandContext,
  { folder, manifest }: Subject,
): Promise<readonly CheckResult[]> {
  const phase = report.phase(`hashing ${manifest.model.key}`, 'bytes', false)
  const onProgress = (done: number, total: number): void => {
    phase.update(done, total)
  }
  return verifyArtefact(folder, manifest, { signal, onProgress })
}

async function modelChecks(context: CommandContext, subject: Subject): Promise<readonly CheckResult[]> {
  const { info, folder, manifest } = subject
  if (info === undefined) {
    return [skipped('model', `${manifest.model.key} is no known model and its checkpoint is gone: it cannot be run`)]
  }
  const published = publishedChecks(manifest)
  const { signal, values } = context
  await using model = await LoadedStellaModel.load(loadable(info, manifest), {
    artefact: folder,
    threads: values.threads,
  })
  const results = await verifyModel(
    (inputs, options = {}) => model.batchEmbed(inputs, { ...options, signal }),
    published,
  )
  if (published.length > 0) return results
  const reason =
    info === STELLA_NANO ? 'its weights are this package’s own' : 'nobody published any about these weights'
  return [...results, skipped('published numbers', reason)]
}

/** With a default head that the artefact has: loading runs it. */
function loadable(info: StellaModelInfo, { heads }: Manifest): StellaModelInfo {
  const has = heads.some((head) => head.dimensions === info.defaultDimensions)
  const first = heads[0]?.dimensions
  return has || first === undefined ? info : { ...info, defaultDimensions: first }
}

function skipped(name: string, detail: string): CheckResult {
  return { name, status: 'skipped', detail }
}

function textOf(checks: readonly CheckResult[], folder: string, failed: number): string {
  const number = (value: number | undefined): string => {
    if (value === undefined) return ''
    return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toFixed(6)))
  }
  const rows = checks.map(({ name, status, measured, expected, tolerance, detail }) => {
    return [name, status, number(measured), number(expected), number(tolerance), detail ?? '']
  })
  const passed = checks.filter((check) => check.status === 'passed').length
  const skippedCount = checks.length - passed - failed
  const counts = `${passed} passed, ${failed} failed, ${skippedCount} skipped`
  return `${tableText(['CHECK', 'RESULT', 'MEASURED', 'EXPECTED', 'TOLERANCE', 'DETAIL'], rows)}\n${counts}: ${folder}\n`
}
