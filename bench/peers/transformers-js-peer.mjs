/**
 * transformers.js behind the line protocol of `sentence_transformers_peer.py`. Runs in a process of its own, from the
 * installation it is pointed at; needs a folder with tokenizer, `config.json` and `onnx/model.onnx`.
 *
 *     node transformers-js-peer.mjs <folder whose node_modules hold @huggingface/transformers>
 */
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const require = createRequire(join(process.argv[2], 'package.json'))
const { AutoModel, AutoTokenizer, env } = await import(pathToFileURL(require.resolve('@huggingface/transformers')).href)

let tokenizer
let model

const OPERATIONS = {
  async open({ checkpoint, threads }) {
    env.allowRemoteModels = false
    env.localModelPath = dirname(checkpoint)
    const name = basename(checkpoint)
    tokenizer = await AutoTokenizer.from_pretrained(name)
    tokenizer.padding_side = 'right'
    model = await AutoModel.from_pretrained(name, {
      dtype: 'fp32',
      device: 'cpu',
      use_external_data_format: true,
      session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
    })
    return { versions: { '@huggingface/transformers': env.version } }
  },

  async embed({ texts, prompt, vectors }) {
    const prompted = texts.map((text) => (prompt ?? '') + text)
    const started = performance.now()
    const inputs = await tokenizer(prompted, { padding: true, truncation: false })
    const { sentence_embedding } = await model(inputs)
    const array = sentence_embedding.data
    const ms = performance.now() - started
    const [batch, length] = inputs.attention_mask.dims
    const mask = Array.from(inputs.attention_mask.data, Number)
    const tokens = Array.from({ length: batch }, (_, row) =>
      mask.slice(row * length, (row + 1) * length).reduce((sum, real) => sum + real, 0),
    )
    const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength)
    return { ms, tokens, dimensions: array.length / batch, vectors: vectors ? bytes.toString('base64') : null }
  },
}

// Libraries print as they like; the protocol has a stream to itself.
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
for (const name of ['log', 'info', 'debug']) console[name] = console.error

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line)
  try {
    answer(await OPERATIONS[op](request))
  } catch (error) {
    answer({ error: String(error) })
  }
}
