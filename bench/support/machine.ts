/** What a benchmark ran on: the facts its figures hang on, and none that name a machine or a place. */
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, totalmem } from 'node:os'

import { packageVersion } from '../../src/files/package-root.js'
import { engineVersion } from '../../src/runtime/session.js'

/** Facts of a machine and its software. */
export interface Machine {
  /** As the processor names itself. */
  readonly cpu: string
  /** Cores this process may use. */
  readonly cores: number
  /** In units of 10⁹ bytes. */
  readonly memoryGB: number
  /** Instruction sets that decide which kernels the engine takes. */
  readonly flags: readonly string[]
  readonly node: string
  readonly onnxruntime: string
  readonly stellaPool: string
}

/** Instruction sets with kernels of their own in ONNX Runtime's matrix library, and in oneDNN, which torch uses. */
const FLAGS = ['avx2', 'avx_vnni', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'avx512_fp16', 'amx_bf16', 'amx_int8']

/** The facts of this machine. */
export async function readMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    flags: await cpuFlags(),
    node: process.version,
    onnxruntime: engineVersion(),
    stellaPool: packageVersion(),
  }
}

/** Those of {@link FLAGS} that Linux reports; none where there is no `/proc`. */
async function cpuFlags(): Promise<readonly string[]> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  })
  return pickFlags(text)
}

/** The flags that matter, from the text of `/proc/cpuinfo`. */
export function pickFlags(cpuinfo: string): readonly string[] {
  const present = new Set((/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? '').split(/\s+/))
  return FLAGS.filter((flag) => present.has(flag))
}

/** The facts in one line. */
export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGB, flags, node, onnxruntime, stellaPool } = machine
  const hardware = `${cores} cores of ${cpu}, ${memoryGB} GB (${flags.join(', ')})`
  return `${hardware}; Node ${node}, ONNX Runtime ${onnxruntime}, stella-pool ${stellaPool}`
}
