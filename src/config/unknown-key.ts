/** What to say of a key that the table does not have: the one that was meant, above all. Knows no file. */
import { nearest } from '../../registry/nearest.js'
import { EVALUATION, EVALUATION_KEYS, MODEL_KEYS } from './keys.js'

/** Keys of the Python module and of its neighbours that are no key here in another spelling; lower case, letters alone. */
const FORMER: Readonly<Record<string, string>> = {
  encoder: 'its keys go to the top level',
  modelid: 'use model',
  modelname: 'use model',
  modelnameorpath: 'use model or path',
  modelpath: 'use path',
  checkpoint: 'use path',
  maxseqlen: 'use maxLength',
  maxseqlength: 'use maxLength',
  dimension: 'use embeddingDimension',
  dimensions: 'use embeddingDimension',
  truncatedim: 'use embeddingDimension',
  normalize: 'use normalizeEmbeddings',
  normalise: 'use normalizeEmbeddings',
  task: 'use promptType',
  prompt: 'use promptType, with a prompt of your own under prompts',
  promptname: 'use promptType',
  devicemap: 'use device',
  dtype: 'use precision',
  torchdtype: 'use precision',
  enable4bit: 'use precision: int4',
  loadin4bit: 'use precision: int4',
  loadin8bit: 'use precision: int8',
  numworkers: 'use workers',
  cachedir: 'use home for converted models, HF_HOME for downloads',
  cachefolder: 'use home for converted models, HF_HOME for downloads',
  trustremotecode: 'leave it out; code of a checkpoint is never run',
}

/**
 * @param section - Where it stands: empty for the top of the file.
 * @returns a message without the key itself.
 */
export function unknownKey(name: string, section: readonly string[]): string {
  const inEvaluation = section[0] === EVALUATION
  const here = Object.keys(inEvaluation ? EVALUATION_KEYS : { ...MODEL_KEYS, [EVALUATION]: true })
  const folded = fold(name)
  const hint = respelt(folded, here) ?? elsewhere(folded, inEvaluation) ?? former(folded) ?? near(name, here)
  return `unknown key; ${hint ?? `accepted: ${here.join(', ')}`}`
}

/** `batch_size`, `batch-size` and `BATCHSIZE` are `batchSize`. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_\s]/g, '')
}

function respelt(folded: string, names: readonly string[]): string | undefined {
  const found = names.find((name) => fold(name) === folded)
  return found === undefined ? undefined : `use ${found}`
}

function elsewhere(folded: string, inEvaluation: boolean): string | undefined {
  const found = Object.keys(inEvaluation ? MODEL_KEYS : EVALUATION_KEYS).find((name) => fold(name) === folded)
  if (found === undefined) return undefined
  return inEvaluation ? `use ${found} at the top level` : `use ${found} in the section ${EVALUATION}`
}

function former(folded: string): string | undefined {
  return Object.hasOwn(FORMER, folded) ? FORMER[folded] : undefined
}

/** Longer names are compared with nothing: that takes time, and no key is so long. */
const MAX_COMPARED_CHARACTERS = 40

function near(name: string, names: readonly string[]): string | undefined {
  const found = name.length > MAX_COMPARED_CHARACTERS ? undefined : nearest(name, names)
  return found === undefined ? undefined : `did you mean ${found}?`
}
