import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { STELLA_NANO } from '../../../../registry/index.js'
import type { StellaModelInfo } from '../../../../registry/types.js'
import { calibrationTexts } from '../../../../src/convert/calibration/calibration-texts.js'
import { probeTexts } from '../../../../src/convert/calibration/probe-texts.js'
import type { TaskText } from '../../../../src/convert/calibration/task-text.js'
import { tokeniseTexts } from '../../../../src/convert/calibration/tokenise-texts.js'
import { StellaTokenizer } from '../../../../src/text/tokenizer.js'
import { goldenCheckpoint } from '../../../golden/golden-file.js'

const VOCAB = 1008
const INFO: StellaModelInfo = STELLA_NANO
const TOKENIZERS = [
  {
    kind: 'WordPiece',
    tokenizer: await StellaTokenizer.load(join(goldenCheckpoint('new-tiny'), 'tokenizer.json'), VOCAB),
  },
  {
    kind: 'byte-level BPE',
    tokenizer: await StellaTokenizer.load(join(goldenCheckpoint('qwen2-tiny'), 'tokenizer.json'), VOCAB),
  },
] as const

const MIXED: readonly TaskText[] = [
  { task: 's2p_query', text: 'where is the harbour' },
  { task: 'document', text: 'The harbour is behind the mill.' },
  { task: 's2s_query', text: 'where is the harbour' },
  { task: 's2p_query', text: 'who keeps the light' },
]

describe.each(TOKENIZERS)('tokeniseTexts with $kind', ({ tokenizer }) => {
  const alone = async (text: string, prompt: string, maxLength = 512): Promise<readonly number[]> => {
    const [one] = await tokenizer.encode([text], { prompt, maxLength, overflow: 'truncate-right' })
    return [...(one?.ids ?? [])]
  }

  it('puts the prompt of its task before each text, and keeps the order', async () => {
    const expected = await Promise.all(MIXED.map(({ task, text }) => alone(text, INFO.prompts[task] ?? '')))
    const ids = await tokeniseTexts(tokenizer, INFO, MIXED)
    expect(ids.map((one) => [...one])).toEqual(expected)
    expect(new Set(expected.map(String)).size).toBe(MIXED.length)
  })

  it('goes without a prompt that the model does not define', async () => {
    const info: StellaModelInfo = { ...INFO, prompts: { ...INFO.prompts, s2p_query: null } }
    const [first, , third] = await tokeniseTexts(tokenizer, info, MIXED)
    expect([...(first ?? [])]).toEqual(await alone('where is the harbour', ''))
    expect([...(third ?? [])]).toEqual(await alone('where is the harbour', INFO.prompts.s2s_query ?? ''))
  })

  it('goes without a prompt that leaves no room for a text', async () => {
    const ids = await tokeniseTexts(tokenizer, INFO, MIXED, { maxLength: 12 })
    const expected = await Promise.all(MIXED.map(({ text }) => alone(text, '', 12)))
    expect(ids.map((one) => [...one])).toEqual(expected)
  })

  it.each([5, 8, 20, 30, 40, 60])('makes something of every embedded text in %i tokens', async (maxLength) => {
    const texts = [...calibrationTexts(), ...probeTexts()]
    const ids = await tokeniseTexts(tokenizer, INFO, texts, { maxLength })
    expect(ids).toHaveLength(texts.length)
    for (const one of ids) {
      expect(one.length).toBeGreaterThan(0)
      expect(one.length).toBeLessThanOrEqual(maxLength)
    }
  })

  it('takes the same text twice, and none', async () => {
    const [text] = MIXED
    if (text === undefined) throw new Error('no text')
    const [first, second] = await tokeniseTexts(tokenizer, INFO, [text, text])
    expect(first).toEqual(second)
    expect(await tokeniseTexts(tokenizer, INFO, [])).toEqual([])
  })

  it('ends at a signal', async () => {
    const work = tokeniseTexts(tokenizer, INFO, MIXED, { signal: AbortSignal.abort() })
    await expect(work).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
