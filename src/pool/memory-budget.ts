/** How much memory a pool may use: the caller's number, a share of the machine, or a safe default. */
import systeminformation from 'systeminformation'

import { invalid } from '../inference/options.js'

/** Share of the usable memory that a pool takes where none is said. */
const DEFAULT_SHARE = 0.8

/** Kept free for everything else in the process and on the machine, at most. */
const MAX_RESERVE_BYTES = 2 * 1024 ** 3

/** On small machines the reserve is this share, so that a budget remains. */
const RESERVE_SHARE = 1 / 8

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

/** A budget: `'6GB'`, `'512MiB'`, `'50%'`, bytes, or a share from 0 to 1 of what the process may use. */
export type MemoryRequest = string | number

/** What the process may use, in bytes. */
export interface MemoryLimits {
  /** The container's limit where there is one, else the machine's memory. */
  readonly usable: number
  readonly total: number
}

/** Reads the machine's memory and the container's limit. */
export async function readMemoryLimits(): Promise<MemoryLimits> {
  const { total } = await systeminformation.mem()
  const constrained = process.constrainedMemory()
  // Without a limit Node gives 0, or a number beyond any machine.
  const limited = constrained > 0 && constrained < total
  return { usable: limited ? constrained : total, total }
}

/**
 * The budget in bytes.
 *
 * @throws {StellaError} OPTION_INVALID saying which forms are accepted.
 */
export function resolveMemoryBudget(request: MemoryRequest | undefined, { usable }: MemoryLimits): number {
  if (request === undefined) {
    return Math.floor(usable * DEFAULT_SHARE - Math.min(MAX_RESERVE_BYTES, usable * RESERVE_SHARE))
  }
  const bytes = typeof request === 'string' ? parse(request.trim(), usable) : fromNumber(request, usable)
  if (bytes !== undefined && Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw invalid('memory', "bytes, a share from 0 to 1, or a text such as '6GB', '512MiB' or '50%'", request)
}

function fromNumber(value: unknown, usable: number): number | undefined {
  // `true` would compare as 1, which is all there is.
  if (typeof value !== 'number') return undefined
  return value > 0 && value <= 1 ? Math.floor(value * usable) : value
}

function parse(text: string, usable: number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+|%)?$/i.exec(text)
  if (match === null) return undefined
  const value = Number(match[1])
  const unit = match[2]?.toLowerCase()
  if (unit === '%') return value <= 100 ? Math.floor((value / 100) * usable) : undefined
  if (unit === undefined) return fromNumber(value, usable)
  const scale = UNITS[unit]
  return scale === undefined ? undefined : Math.floor(value * scale)
}
