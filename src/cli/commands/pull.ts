/** `stella pull`: gets a model ready: downloaded, and converted. */
import { getModel } from '../../../registry/index.js'
import { headOf, prepareArtefact } from '../../convert/prepare.js'
import { findCheckpoint } from '../../convert/source.js'
import { checkpointFolder } from '../artefact-state.js'
import type { RunCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { prepareOptions, progressOf } from '../model.js'
import { jsonText } from '../output.js'

/** Runs the command. */
export const run: RunCommand = async (context) => {
  const { values, positionals, environment, output, report, signal } = context
  const info = getModel(positionals[0] ?? '')
  const dimensions = values.dims ?? (info.heads.length === 0 ? [] : [info.defaultDimensions])
  const heads = dimensions.map((count) => headOf(info, count))
  if (values['no-convert']) {
    const { onDownload: onProgress } = progressOf(report, info)
    const { hub } = environment
    const checkpoint = await findCheckpoint(info, heads, { hub, download: true, signal, onProgress })
    await output.write(values.json ? jsonText({ model: info.key, checkpoint, artefact: null }) : `${checkpoint}\n`)
    return EXIT.done
  }
  const options = { ...prepareOptions(context, info), download: true, dimensions }
  const artefact = await prepareArtefact(info, options)
  // Gone where somebody has cleared the cache since: a converted model does not need it.
  const checkpoint = await checkpointFolder(info, environment, dimensions)
  const present = artefact.manifest.heads.map((head) => head.dimensions)
  if (!artefact.converted) report.note(`${info.key} was ready already`)
  await output.write(
    values.json
      ? jsonText({
          model: info.key,
          checkpoint: checkpoint ?? null,
          artefact: artefact.folder,
          converted: artefact.converted,
          precision: artefact.manifest.precision,
          dimensions: present,
        })
      : `checkpoint  ${checkpoint ?? 'no longer in the cache'}\nartefact    ${artefact.folder}\n`,
  )
  return EXIT.done
}
