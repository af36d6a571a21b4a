/** What the parent and the process of a check say to each other. */
import type { Subject } from './check.js'
import type { Finding } from './finding.js'
import { isFinding } from './finding.js'

/** What the process is asked. */
export interface CheckOrder {
  readonly check: string
  readonly subject: Subject
}

/** What it says. */
export type CheckMessage =
  | { readonly finding: Finding }
  | { readonly doing: string; readonly done?: number | undefined; readonly total?: number | undefined }
  | { readonly end: 'done' }
  | { readonly end: 'failed'; readonly message: string; readonly missing: boolean }

/** The message, if it is one of this file's. */
export function readMessage(message: unknown): CheckMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  if ('finding' in message) return isFinding(message.finding) ? { finding: message.finding } : undefined
  if ('doing' in message && typeof message.doing === 'string') {
    const { done, total } = message as { readonly done?: unknown; readonly total?: unknown }
    return { doing: message.doing, done: numberOf(done), total: numberOf(total) }
  }
  if (!('end' in message)) return undefined
  if (message.end === 'done') return { end: 'done' }
  const told = 'message' in message ? String(message.message) : ''
  return { end: 'failed', message: told, missing: 'missing' in message && message.missing === true }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** Whether a package, or a file of one, is not there. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND'
}
