/** What of a config.json is refused, because the graph built from it would be wrong. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { temporaryFolder } from '../../support/temp-folder.js'
import type { TinyName } from '../../support/tiny-checkpoint.js'
import { editJson } from '../../support/tiny-checkpoint.js'
import { refusalUnder } from './refusal.js'

const temporary = temporaryFolder()
afterAll(() => temporary.remove())
const refusal = (name: TinyName, spoil: (folder: string) => Promise<void>) => refusalUnder(temporary.path, name, spoil)
const withConfig = (name: TinyName, changes: Readonly<Record<string, unknown>>) =>
  refusal(name, (folder) => editJson(join(folder, 'config.json'), changes))

describe('config.json is refused', () => {
  it.each([
    ['another architecture', 'new-tiny', { model_type: 'bert' }, '`model_type` is "bert"; supported: "new", "qwen2"'],
    [
      'quantised weights',
      'new-tiny',
      { quantization_config: { quant_method: 'fp8' } },
      '`quantization_config` is {"quant_method":"fp8"}; supported: none; save the checkpoint in bf16',
    ],
    ['a causal model', 'qwen2-tiny', { is_causal: true }, '`is_causal` is true; supported: false, null'],
    ['a sliding window', 'qwen2-tiny', { use_sliding_window: true }, '`use_sliding_window` is true'],
    ['tanh Gelu', 'new-tiny', { hidden_act: 'gelu_new' }, '`hidden_act` is "gelu_new"; supported: "gelu"'],
    ['a Gelu in a Qwen2', 'qwen2-tiny', { hidden_act: 'gelu' }, '`hidden_act` is "gelu"; supported: "silu"'],
    [
      'learned positions',
      'new-tiny',
      { position_embedding_type: 'absolute' },
      '`position_embedding_type` is "absolute"',
    ],
    ['no position type', 'new-tiny', { position_embedding_type: undefined }, '`position_embedding_type` is missing'],
    ['an RMS norm in `new`', 'new-tiny', { layer_norm_type: 'rms_norm' }, '`layer_norm_type` is "rms_norm"'],
    ['unpacked projections', 'new-tiny', { pack_qkv: false }, '`pack_qkv` is false'],
    ['attention scaled by log n', 'new-tiny', { logn_attention_scale: true }, '`logn_attention_scale` is true'],
    [
      'grouped heads in `new`',
      'new-tiny',
      { num_key_value_heads: 2 },
      '`num_key_value_heads` is 2; supported: 4, null',
    ],
    [
      'heads that do not divide',
      'qwen2-tiny',
      { num_key_value_heads: 4 },
      '`num_key_value_heads` is 4; supported: a divisor of 6',
    ],
    [
      'linear scaling',
      'new-tiny',
      { rope_scaling: { type: 'linear', factor: 2 } },
      '`rope_scaling` is {"type":"linear","factor":2}',
    ],
    ['NTK in a Qwen2', 'qwen2-tiny', { rope_scaling: { type: 'ntk', factor: 2 } }, '`rope_scaling` is {"type":"ntk"'],
    ['NTK without its factor', 'new-tiny', { rope_scaling: { type: 'ntk' } }, '`rope_scaling` is {"type":"ntk"}'],
    ['a scaling of no type', 'new-tiny', { rope_scaling: { factor: 2 } }, '`rope_scaling` is {"factor":2}'],
    [
      'YaRN, where transformers 5 puts it',
      'qwen2-tiny',
      { rope_parameters: { rope_type: 'yarn', rope_theta: 1e6 } },
      '`rope_scaling` is',
    ],
    ['no rope base', 'new-tiny', { rope_theta: undefined }, '`rope_theta` is missing; supported: a positive number'],
    ['no token types', 'new-tiny', { type_vocab_size: 0 }, '`type_vocab_size` is 0; supported: at least 1'],
    ['no epsilon', 'new-tiny', { layer_norm_eps: undefined }, '`layer_norm_eps` is missing'],
    ['no epsilon, Qwen2', 'qwen2-tiny', { rms_norm_eps: undefined }, '`rms_norm_eps` is missing'],
    [
      'a width the heads do not divide',
      'new-tiny',
      { hidden_size: 66 },
      '`num_attention_heads` is 4; supported: a divisor of hidden_size 66',
    ],
    ['an odd head width', 'qwen2-tiny', { head_dim: 7 }, '`head_dim` is 7; supported: an even number'],
    ['a negative size', 'new-tiny', { hidden_size: -64 }, 'hidden_size'],
    ['no layers', 'new-tiny', { num_hidden_layers: 0 }, 'num_hidden_layers'],
    ['half a layer', 'new-tiny', { num_hidden_layers: 1.5 }, 'num_hidden_layers'],
    ['a million layers', 'new-tiny', { num_hidden_layers: 1e6 }, 'num_hidden_layers'],
    ['an absurd width', 'new-tiny', { hidden_size: 2 ** 40 }, 'hidden_size'],
    ['a number as text', 'new-tiny', { vocab_size: '196' }, 'vocab_size'],
    ['a missing size', 'new-tiny', { intermediate_size: undefined }, 'intermediate_size'],
    ['an epsilon of zero', 'new-tiny', { layer_norm_eps: 0 }, 'layer_norm_eps'],
    ['a negative rope base', 'new-tiny', { rope_theta: -1 }, 'rope_theta'],
  ] as const)('for %s, naming the key', async (_, name, changes, message) => {
    const error = await withConfig(name, changes)
    expect(error.message).toContain('config.json')
    expect(error.message).toContain(message)
  })

  it('for a value of a megabyte, repeating only its start', async () => {
    const error = await withConfig('new-tiny', { model_type: 'x'.repeat(900_000) })
    expect(error.message.length).toBeLessThan(1000)
  })

  it('for a value nested deeper than a stack', async () => {
    const depth = 200_000
    const error = await refusal('new-tiny', async (folder) => {
      const nested = `{"type":"x","y":${'['.repeat(depth)}${']'.repeat(depth)}}`
      const text = JSON.stringify({ ...(await configOf(folder)), rope_scaling: 'HERE' }).replace('"HERE"', nested)
      await writeFile(join(folder, 'config.json'), text)
    })
    expect(error.message).toContain('rope_scaling')
  })

  async function configOf(folder: string): Promise<object> {
    return JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object
  }

  it.each([
    ['no JSON', '{"model_type": ', 'config.json is not JSON'],
    ['an array', '[]', 'config.json'],
    ['null', 'null', 'config.json'],
    ['empty', '', 'config.json is not JSON'],
    ['two megabytes', `{"model_type":"new","x":"${'y'.repeat(2_000_000)}"}`, 'at most 1000000 are read'],
  ])('for being %s', async (_, text, message) => {
    const error = await refusal('new-tiny', (folder) => writeFile(join(folder, 'config.json'), text))
    expect(error.message).toContain(message)
    expect(error.message.length).toBeLessThan(1000)
  })
})
