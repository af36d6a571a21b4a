/** Results as a benchmark would find them, small. */
import type { PeersResults, TableResults } from '../../../bench/support/results.js'
import { RESULTS_FORMAT } from '../../../bench/support/results.js'

const MACHINE = {
  cpu: 'A Processor',
  cores: 2,
  memoryGB: 24,
  flags: ['avx512_vnni', 'amx_int8'],
  node: 'v20.20.2',
  onnxruntime: '1.30.0',
  stellaPool: '0.1.0',
}

const same = (value: number) => ({ median: value, low: value, high: value })

const speed = (precision: string, tokensPerSecond: number, overFp32: number) => ({
  ...{ shape: '4×64', texts: 4, tokens: 256, threads: 2, precision, runs: [256], tokensPerSecond },
  ...{ overFp32: same(overFp32), bareGops: 1235, bareShare: { median: 0.789, low: 0.7, high: 0.8 }, hotGops: null },
})

const memory = (pssMB: number) => ({ pssMB, anonymousMB: pssMB / 10 })

/** A table with every part. */
export const TABLE: TableResults = {
  format: RESULTS_FORMAT,
  kind: 'table',
  model: 'a-model',
  date: '2026-01-31',
  rounds: 5,
  machine: MACHINE,
  gopPerToken: 0.805,
  precisions: [
    { precision: 'fp32', fidelity: null, refused: null },
    { precision: 'int8', fidelity: { minCosine: 0.9991, meanCosine: 0.9996, topTenOverlap: 0.97 }, refused: null },
    { precision: 'int4', fidelity: { minCosine: 0.8, meanCosine: 0.9, topTenOverlap: 0.6 }, refused: 'too far' },
  ],
  speed: [speed('fp32', 400, 1), { ...speed('int8', 1600, 4), overFp32: { median: 4, low: 3.9, high: 4.1 } }],
  mixed: [{ threads: 2, precision: 'int8', mixedOverEqual: same(0.95) }],
  latency: [{ precision: 'int8', threads: 2, tokens: 26, calls: 60, p50Ms: 20.04, p95Ms: 31.5 }],
  loading: [
    {
      ...{ precision: 'int8', convertSeconds: 12.34, convertPeakMB: 150, artefactMB: 500 },
      ...{ firstLoadSeconds: 2.5, laterLoadSeconds: 0.25, laterLoads: 3, firstTextMs: 40 },
    },
  ],
  memory: [
    {
      ...{ precision: 'int8', workers: 1 },
      measured: { empty: memory(80), loaded: memory(500), afterLargest: memory(600), chargedMB: 700 },
    },
    {
      ...{ precision: 'int8', workers: 4 },
      measured: { empty: memory(80), loaded: memory(600), afterLargest: memory(900), chargedMB: 1000 },
    },
    { precision: 'fp32', workers: 4, measured: null },
  ],
  long: [
    {
      ...{ precision: 'int8', tokens: 8192, threads: 2, seconds: 20, gemmSeconds: 8, attentionSeconds: 9 },
      ...{ overParts: same(1.18), extraPeakMB: 512 },
    },
  ],
}

/** A comparison with one peer there and one not. */
export const PEERS: PeersResults = {
  format: RESULTS_FORMAT,
  kind: 'peers',
  model: 'a-model',
  date: '2026-01-31',
  rounds: 5,
  threads: 2,
  machine: MACHINE,
  peers: { torch: '2.15.0' },
  absent: { 'transformers.js': 'not installed: install it' },
  speed: [
    {
      ...{ peer: 'a-peer', shape: '4×64', texts: 4, tokens: 256, tokensPerSecond: 321.9 },
      ours: { fp32: same(1.25), int8: { median: 5, low: 4.5, high: 5.5 } },
    },
  ],
  agreement: [{ peer: 'a-peer', precision: 'fp32', texts: 32, minCosine: 0.999999987, maxAbs: 7.5e-8 }],
}
