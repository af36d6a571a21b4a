/** The comparison with peers of one model as Markdown, from what was measured. */
import { machineLine } from '../support/machine.js'
import { figures, ratio, table } from '../support/markdown.js'
import type { PeersResults } from '../support/results.js'

/** Everything that was compared, and what was not there to be. */
export function peersReport(results: PeersResults): string {
  const { model, machine, date, rounds, threads, peers, absent } = results
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`)
  const run = `${[`${threads} threads each`, ...versions].join(', ')}. ${date}, ${rounds} rounds.`
  const facts = `${machineLine(machine)}. ${run}`
  const reasons = Object.entries(absent).map(([name, reason]) => `Not compared with ${name}: ${reason}.`)
  const parts = [speed(results), agreement(results)]
  return [`### ${model}`, facts, ...parts, ...reasons].filter((part) => part !== '').join('\n\n')
}

function speed({ speed: rows }: PeersResults): string {
  const [first] = rows
  if (first === undefined) return ''
  const precisions = Object.keys(first.ours)
  const head = ['texts × tokens', 'peer', 'its tokens/s', ...precisions.map((precision) => `ours, ${precision}`)]
  const cells = rows.map(({ shape, peer, tokensPerSecond, ours }) => [
    ...[shape, peer, figures(tokensPerSecond)],
    ...precisions.map((precision) => `${ratio(ours[precision] ?? null)} ×`),
  ])
  return table(head, cells)
}

function agreement({ agreement: rows }: PeersResults): string {
  if (rows.length === 0) return ''
  const head = ['vectors of', 'against ours in', 'texts', 'least cosine', 'largest difference']
  const cells = rows.map(({ peer, precision, texts, minCosine, maxAbs }) => {
    return [peer, precision, String(texts), minCosine.toFixed(7), maxAbs.toExponential(1)]
  })
  return table(head, cells)
}
