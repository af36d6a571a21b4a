/** Which failures of a call are its caller's: what the caller's signal brings, and what the caller's listener throws. */
import type { ResolvedEmbedOptions } from '../inference/options.js'

/** A call's options, and what comes of the caller's part in them. */
export interface CallersErrors {
  readonly embed: ResolvedEmbedOptions
  /** Whether an error that the call failed with came from its caller, whatever its code. */
  readonly isCallers: (error: unknown) => boolean
}

/** Watches over the caller's signal and listener. */
export function watchCaller(embed: ResolvedEmbedOptions): CallersErrors {
  const { signal, onProgress } = embed
  const thrown = new Set<unknown>()
  const isCallers = (error: unknown): boolean =>
    thrown.has(error) || (signal?.aborted === true && error === signal.reason)
  if (onProgress === undefined) return { embed, isCallers }
  const watched: ResolvedEmbedOptions['onProgress'] = (progress) => {
    try {
      onProgress(progress)
    } catch (error) {
      thrown.add(error)
      throw error
    }
  }
  return { embed: { ...embed, onProgress: watched }, isCallers }
}
