/** The steps that need a process of their own: what each is given and gives back, and how it is called. */
import { inChild } from '../support/child.js'

/** What each step is told. All of it is JSON. */
export interface StepArguments {
  readonly checkpoint: string
  readonly key: string
  readonly home: string
  readonly precision: string
  readonly threads: number
}

/** Memory of a process, in MB. */
export interface Memory {
  readonly pssMB: number
  readonly anonymousMB: number
}

/** How close an artefact's vectors are to fp32, as its manifest says; null for fp32 itself. */
export interface Fidelity {
  readonly minCosine: number
  readonly meanCosine: number
  readonly topTenOverlap: number
}

/** A load that came off. */
export interface Loaded {
  readonly seconds: number
  /** Of the first text after it, which runs the engine's paths for the first time. */
  readonly firstTextMs: number
  readonly fidelity: Fidelity | null
}

/** A load that was refused, because the precision is too far from fp32 on this checkpoint. */
export interface NotLoaded {
  readonly refused: string
  readonly fidelity: Fidelity | null
}

/** Steps by name: from what to what. */
export interface Steps {
  readonly convert: { given: StepArguments; found: { seconds: number; peakMB: number; artefactMB: number } }
  readonly load: { given: StepArguments; found: Loaded | NotLoaded }
  readonly footprint: {
    given: StepArguments & { readonly workers: number; readonly shapes: readonly (readonly number[])[] }
    /** `refused`: the pool would not load the model for want of memory. */
    found: { empty: Memory; loaded: Memory; afterLargest: Memory; chargedMB: number } | { refused: string }
  }
  readonly long: {
    given: StepArguments & { readonly tokens: number; readonly rounds: number }
    found: {
      samples: { model: readonly number[]; gemms: readonly number[]; attention: readonly number[] }
      extraPeakMB: number
    }
  }
}

/** Runs a step in a child process. */
export async function runStep<Name extends keyof Steps>(
  step: Name,
  given: Steps[Name]['given'],
): Promise<Steps[Name]['found']> {
  // Both ends are this version of this folder: what the child prints is of the step's type.
  return (await inChild(new URL('step.ts', import.meta.url), { step, given })) as Steps[Name]['found']
}
