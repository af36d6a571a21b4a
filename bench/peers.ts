/**
 * Other engines on the same weights and the same texts: whether their vectors agree with ours, and how fast each is.
 *
 *   npm run bench:peers -- --help
 *
 * Peers are no dependencies of this project. One that is not installed is named, with the way to install it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { PeersArguments } from './peers/arguments.js'
import { PEERS_USAGE, readPeersArguments } from './peers/arguments.js'
import type { TextBatch } from './peers/compare.js'
import { compareSpeed, compareVectors } from './peers/compare.js'
import { findPeers } from './peers/find-peers.js'
import { PeerProcess } from './peers/peer-process.js'
import { peersReport } from './peers/report.js'
import { readOrExplain } from './support/command-line.js'
import { readMachine } from './support/machine.js'
import type { BenchModel, ModelsByPrecision } from './support/models.js'
import { findModel, tokenCounter, withModels } from './support/models.js'
import type { AgreementRow, PeerRow, PeersResults } from './support/results.js'
import { RESULTS_FORMAT, saveResults } from './support/results.js'
import type { Shape } from './support/shapes.js'
import { textOfTokens } from './support/texts.js'

/** Texts whose vectors are compared, padded beside each other by a peer: of all lengths, and few, for it takes no time. */
const PROBE: Shape = { name: 'probe', lengths: [8, 24, 72, 190, 400] }

async function main(given: PeersArguments): Promise<void> {
  for (const argument of given.models) {
    await using model = await findModel(argument)
    const scratch = await mkdtemp(join(tmpdir(), 'stella-pool-peers-'))
    try {
      const results = await compare(model, given, scratch)
      process.stdout.write(given.json ? `${JSON.stringify(results)}\n` : `${peersReport(results)}\n\n`)
      if (given.save) report(`wrote bench/results/${await saveResults(results)}`)
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  }
}

async function compare(model: BenchModel, given: PeersArguments, scratch: string): Promise<PeersResults> {
  const { info, folder, home, name } = model
  const { threads, rounds, precisions } = given
  const { peers, absent } = await findPeers(info, folder, { ...given, scratch })
  for (const [peer, reason] of Object.entries(absent)) report(`${peer} is left out: ${reason}`)
  const versions: Record<string, string> = {}
  const speed: PeerRow[] = []
  const agreement: AgreementRow[] = []
  const work = async (models: ModelsByPrecision): Promise<void> => {
    const batches = await textBatches(models, given.shapes)
    const [probe] = await textBatches(models, [PROBE])
    if (probe === undefined) throw new Error('no texts to compare vectors of')
    // One after the other: several full-size models at once would not fit.
    for (const peer of peers) {
      report(`${name}: ${peer.name}`)
      await using running = PeerProcess.start(peer.command)
      Object.assign(versions, await running.open({ checkpoint: peer.checkpoint, threads, dtype: peer.dtype }))
      const named = { name: peer.name, process: running }
      const rows = await compareVectors(info, named, models, probe)
      for (const { precision, minCosine } of rows) report(`  least cosine to ours in ${precision}: ${minCosine}`)
      agreement.push(...rows)
      speed.push(...(await compareSpeed(named, models, batches, rounds)))
    }
  }
  const refused: Record<string, string> = {}
  const onRefused = (precision: string, reason: string): void => {
    report(reason)
    refused[`our own ${precision}`] = 'it is too far from fp32 on this checkpoint and does not load'
  }
  await withModels(info, precisions, { home, threads, tokenizer: true, onRefused }, work)
  return {
    ...{ format: RESULTS_FORMAT, kind: 'peers', model: name, date: new Date().toISOString().slice(0, 10) },
    ...{ rounds, threads, machine: await readMachine(), peers: versions, absent: { ...absent, ...refused } },
    ...{ speed, agreement },
  }
}

/** The shapes as texts; a text has at most the tokens of its shape, and as many where words can be found for it. */
async function textBatches(models: ModelsByPrecision, shapes: readonly Shape[]): Promise<readonly TextBatch[]> {
  const [first] = models.values()
  if (first === undefined) throw new Error('no precision of ours to compare with')
  const count = await tokenCounter(first)
  return await Promise.all(
    shapes.map(async ({ name, lengths }) => {
      const texts = await Promise.all(lengths.map((length, seed) => textOfTokens(count, length, seed)))
      return { name, texts, tokens: await Promise.all(texts.map(count)) }
    }),
  )
}

function report(line: string): void {
  process.stderr.write(`${line}\n`)
}

const given = readOrExplain(() => readPeersArguments(process.argv.slice(2)), PEERS_USAGE)
if (given !== undefined) await main(given)
