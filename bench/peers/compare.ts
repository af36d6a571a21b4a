/** One peer against our loaded models: whether their vectors agree, and who is faster on the same texts, in turns. */
import { setTimeout as pause } from 'node:timers/promises'

import type { StellaModelInfo } from '../../registry/types.js'
import { cosineSimilarity } from '../../src/index.js'
import type { ModelsByPrecision } from '../support/models.js'
import type { AgreementRow, PeerRow } from '../support/results.js'
import type { Work } from '../support/statistics.js'
import { median, pairedRatio, takeTurns } from '../support/statistics.js'
import type { PeerProcess } from './peer-process.js'

/** A batch of texts by name. */
export interface TextBatch {
  readonly name: string
  readonly texts: readonly string[]
  /** Of each text, as our tokenizer reads it. */
  readonly tokens: readonly number[]
}

/** Between two turns: threads of the one before have stopped spinning by then. */
const PAUSE_MS = 50

/** The task whose prompt is compared beside the one without. */
const PROMPTED = 's2p_query'

/**
 * Compares vectors, of documents and of queries under their prompt.
 *
 * @throws Error when the peer reads other tokens in a text than we do: then it is given another text, and no ratio of
 * the two means anything.
 */
export async function compareVectors(
  info: StellaModelInfo,
  peer: { readonly name: string; readonly process: PeerProcess },
  models: ModelsByPrecision,
  batch: TextBatch,
): Promise<AgreementRow[]> {
  const prompt = info.prompts[PROMPTED]
  const documents = await peer.process.embed(batch.texts, null, true)
  if (documents.tokens.join() !== batch.tokens.join()) {
    throw new Error(`${peer.name} reads ${documents.tokens.join()} tokens in texts of ${batch.tokens.join()}`)
  }
  const queries = prompt === null ? [] : (await peer.process.embed(batch.texts, prompt, true)).vectors
  const theirs = [...documents.vectors, ...queries]
  // A peer cuts no text either.
  const whole = { maxLength: info.tokens.max }
  const rows: AgreementRow[] = []
  for (const [precision, model] of models) {
    const { embeddings } = await model.batchEmbed(batch.texts, whole)
    const prompted =
      prompt === null ? [] : (await model.batchEmbed(batch.texts, { ...whole, task: PROMPTED })).embeddings
    rows.push({ peer: peer.name, precision, ...distance([...embeddings, ...prompted], theirs) })
  }
  return rows
}

/** Speed on every batch. */
export async function compareSpeed(
  peer: { readonly name: string; readonly process: PeerProcess },
  models: ModelsByPrecision,
  batches: readonly TextBatch[],
  rounds: number,
): Promise<PeerRow[]> {
  const rows: PeerRow[] = []
  for (const { name, texts, tokens } of batches) {
    const works: Work[] = [...models.values()].map((model) => async () => {
      await pause(PAUSE_MS)
      const started = performance.now()
      await model.batchEmbed(texts)
      return performance.now() - started
    })
    works.push(async () => {
      await pause(PAUSE_MS)
      return (await peer.process.embed(texts, null, false)).ms
    })
    const samples = await takeTurns(works, rounds)
    const theirs = samples[works.length - 1] ?? []
    const total = tokens.reduce((sum, count) => sum + count, 0)
    const ratios = [...models.keys()].map((precision, index) => [precision, pairedRatio(theirs, samples[index] ?? [])])
    rows.push({
      ...{ peer: peer.name, shape: name, texts: texts.length, tokens: total },
      tokensPerSecond: (total * 1000) / median(theirs),
      ours: Object.fromEntries(ratios) as PeerRow['ours'],
    })
  }
  return rows
}

function distance(
  ours: readonly Float32Array[],
  theirs: readonly Float32Array[],
): Omit<AgreementRow, 'peer' | 'precision'> {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} of our vectors, ${theirs.length} of the peer's`)
  let [minCosine, maxAbs] = [1, 0]
  for (const [text, mine] of ours.entries()) {
    const other = theirs[text]
    if (other?.length !== mine.length)
      throw new Error(`text ${text}: ${mine.length} numbers here, ${other?.length ?? 0} there`)
    minCosine = Math.min(minCosine, cosineSimilarity(mine, other))
    mine.forEach((value, place) => {
      maxAbs = Math.max(maxAbs, Math.abs(value - (other[place] ?? NaN)))
    })
  }
  return { texts: ours.length, minCosine, maxAbs }
}
