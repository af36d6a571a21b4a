/** What the processor can do that the engine's kernels are chosen by, and how many cores there are to use. */
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'

import { availableCores } from '../../../runtime/cores.js'
import { counted } from '../../plan/plan-text.js'
import type { Finding } from '../finding.js'
import { notOk, ok } from '../finding.js'

const CPU_INFO = '/proc/cpuinfo'

/** Flags as Linux names them (arch/x86/include/asm/cpufeatures.h, arch/arm64/kernel/cpuinfo.c), best last. */
const FEATURES: Readonly<Record<string, readonly string[]>> = {
  x64: ['avx2', 'avx512f', 'avx_vnni', 'avx512_vnni', 'amx_tile', 'amx_int8'],
  arm64: ['asimddp', 'i8mm', 'sve'],
}

/** See above. */
export async function* checkProcessor(): AsyncGenerator<Finding, void> {
  const text = process.platform === 'linux' ? await readFile(CPU_INFO, 'utf8').catch(() => undefined) : undefined
  yield featuresFinding(process.arch, text, process.platform)
  yield coresFinding(availableCores(), availableParallelism(), cpus().length)
}

/** @param cpuInfo - Text of `/proc/cpuinfo`; undefined where there is none. */
export function featuresFinding(arch: string, cpuInfo: string | undefined, platform: string): Finding {
  const id = 'cpu.features'
  const model = cpus()[0]?.model.trim() ?? 'unknown'
  const wanted = FEATURES[arch]
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuInfo ?? '')?.[1]
  if (wanted === undefined || line === undefined) {
    const summary = `${model}: what it can do is unknown, as ${platform} on ${arch} does not say`
    const advice = 'Nothing, unless int8 is refused or slower than fp32 here: then use --precision fp32'
    return notOk('note', id, summary, advice, { facts: { model, arch, features: null } })
  }
  const flags = new Set(line.split(/\s+/))
  const features = wanted.filter((name) => flags.has(name))
  const facts = { model, arch, features }
  const listed = `${model}: ${features.join(', ') || 'none of the features that matter'}`
  const lack = lackOf(arch, flags)
  return lack === undefined
    ? ok(id, listed, { facts })
    : notOk(lack.status, id, `${listed}; ${lack.summary}`, lack.advice, { facts })
}

interface Lack {
  readonly status: 'note' | 'warning'
  readonly summary: string
  readonly advice: string
}

function lackOf(arch: string, flags: ReadonlySet<string>): Lack | undefined {
  if (arch === 'arm64') {
    if (flags.has('asimddp')) return undefined
    return {
      status: 'note',
      summary: 'no dot products of bytes',
      advice: 'Compare int8 with --precision fp32, which may be faster here',
    }
  }
  if (!flags.has('avx2')) {
    const advice =
      'Use a newer processor, or a virtual machine that does not hide it; everything is many times slower here'
    return { status: 'warning', summary: 'no AVX2', advice }
  }
  if (flags.has('avx512_vnni') || flags.has('avx_vnni')) return undefined
  const advice = 'Use --precision fp32 where int8 is refused at load: sums of its products may overflow without VNNI'
  return { status: 'note', summary: 'no VNNI', advice }
}

/**
 * @param usable - Cores after a container's quota.
 * @param available - Cores that the process may be scheduled on.
 */
export function coresFinding(usable: number, available: number, total: number): Finding {
  const facts = { usable, available, total }
  const cores = (count: number): string => counted(count, 'core')
  if (usable >= available && available >= total) return ok('cpu.cores', cores(usable), { facts })
  const why = usable < available ? 'by the CPU quota of its control group' : 'by its affinity'
  const summary = `${cores(usable)} of ${total} may be used, ${why}`
  return notOk('note', 'cpu.cores', summary, 'Nothing, or allow this process more: plans go by what it may use', {
    facts,
  })
}
