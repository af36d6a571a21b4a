/** A text and what it is embedded for: what calibration and probe sets are made of. Knows no model. */
import { createHash } from 'node:crypto'

import type { PromptInfo } from '../../../registry/types.js'

/** A text, and the task whose prompt goes before it. */
export interface TaskText {
  /** Whose prompt goes before the text. */
  readonly task: keyof PromptInfo
  /** Without the prompt. */
  readonly text: string
}

/** `texts` of one task. */
export function textsFor(task: TaskText['task'], texts: readonly string[]): readonly TaskText[] {
  return texts.map((text) => ({ task, text }))
}

/** Texts that are wrapped in the source and not by their author: one line per paragraph. */
export function flow(texts: readonly string[]): readonly string[] {
  return texts.map((text) => text.replaceAll(/(?<!\n)\n(?!\n)/g, ' '))
}

/** SHA-256 of a set, in lower-case hex: of its texts, tasks and their order. */
export function digestTexts(texts: readonly TaskText[]): string {
  return createHash('sha256')
    .update(JSON.stringify(texts.map(({ task, text }) => [task, text])))
    .digest('hex')
}
