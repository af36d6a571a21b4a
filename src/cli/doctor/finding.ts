/** What a check finds. The ids are stable: programs match on them. */
import type { JsonValue } from '../../errors.js'
import { messageOf } from '../../errors.js'

/** From harmless to what keeps something from working. */
export const STATUSES = ['ok', 'note', 'warning', 'problem'] as const

/** See {@link STATUSES}. */
export type Status = (typeof STATUSES)[number]

/** Every id there is. Several findings may have one id, and differ in their subject. */
export const FINDING_IDS = [
  /** Version of Node. */
  'node.version',
  /** The engine's native library for this platform. */
  'engine.binary',
  /** Whether the engine loads, and what it can run on. */
  'engine.load',
  /** The tokenizer's native library. */
  'tokenizers.load',
  /** Instructions that the engine's kernels are chosen by. */
  'cpu.features',
  /** Cores, and a container's quota. */
  'cpu.cores',
  /** Memory, a container's limit, and the budget that comes of it. */
  'memory.limits',
  /** `HF_*` variables. */
  'settings.hub',
  /** `STELLA_*` variables. Subject: the variable. */
  'settings.stella',
  /** The configuration file that `STELLA_CONFIG` names. */
  'settings.config',
  /** Folder of converted models. */
  'home.folder',
  /** Space in it, and the file system. */
  'home.space',
  /** What interrupted work has left. Subject: the path. */
  'home.leftover',
  /** Folder of downloaded models. */
  'hub.cache',
  /** Whether a model is downloaded. Subject: its key. */
  'model.checkpoint',
  /** A converted model's manifest and files. Subject: model and folder. */
  'artefact.files',
  /** Its weights as this engine and processor want them. Subject: as before. */
  'artefact.packed',
  /** How a model would be run. Subject: its key. */
  'model.plan',
  /** Whether a process can leave while the engine works. */
  'exit.code',
] as const

/** See {@link FINDING_IDS}. */
export type FindingId = (typeof FINDING_IDS)[number]

/** Facts behind a finding, for programs. */
export type Facts = Readonly<Record<string, JsonValue | undefined>>

/** One finding. */
export interface Finding {
  readonly id: FindingId
  /** What it is about, where several things are looked at. */
  readonly subject: string | null
  readonly status: Status
  /** One line, without a full stop. */
  readonly summary: string
  /** What to do; null where all is well. */
  readonly advice: string | null
  readonly facts: Facts
}

/** What a finding may have besides. */
export interface FindingDetails {
  readonly subject?: string | undefined
  readonly facts?: Facts | undefined
}

/** All is well. */
export function ok(id: FindingId, summary: string, { subject, facts = {} }: FindingDetails = {}): Finding {
  return { id, subject: subject ?? null, status: 'ok', summary, advice: null, facts }
}

/** All is not: what to do is part of it. */
export function notOk(
  status: Exclude<Status, 'ok'>,
  id: FindingId,
  summary: string,
  advice: string,
  { subject, facts = {} }: FindingDetails = {},
): Finding {
  return { id, subject: subject ?? null, status, summary, advice, facts }
}

/** The first line of an error, which says what it is; the lines after it say where. */
export function lineOf(error: unknown): string {
  return messageOf(error).split('\n', 1).join('').trim()
}

/** Whether `value`, which came from another process, is a finding. */
export function isFinding(value: unknown): value is Finding {
  if (typeof value !== 'object' || value === null) return false
  const { id, subject, status, summary, advice, facts } = value as Partial<Record<keyof Finding, unknown>>
  const texts = [subject, advice].every((text) => text === null || typeof text === 'string')
  const known = FINDING_IDS.some((name) => name === id) && STATUSES.some((name) => name === status)
  return known && texts && typeof summary === 'string' && typeof facts === 'object' && facts !== null
}
