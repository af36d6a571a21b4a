import os from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { withTokenizers, textsOf } from './tokenizing/tokenizers.js'
import { saturate, watchLoop } from './tokenizing/saturation.js'
import { TokenizerThread } from '../src/text/tokenizer-thread.js'
import { StellaTokenizer } from '../src/text/tokenizer.js'
await withTokenizers(async (files) => {
  const all: any[] = []
  for (const file of files) for (const tokens of [30, 500]) {
    const texts = await textsOf(file, 256, tokens)
    for (const [where, t] of [['own', await TokenizerThread.load(file.path, file.vocab)], ['here', await StellaTokenizer.load(file.path, file.vocab)]] as const) {
      await saturate(t, texts, { seconds: 0.5 })
      all.push({ file, tokens, where, t, texts })
    }
  }
  os.setPriority(process.pid, -15)
  const f = (l: any) => `p50 ${l.p50.toFixed(2)} p99 ${l.p99.toFixed(2)} max ${l.max.toFixed(1)}`
  for (let i = 0; i < 2; i++) console.log('idle', f((await watchLoop(() => delay(4000))).loop))
  for (let r = 0; r < 2; r++) for (const { file, tokens, where, t, texts } of all) {
    const elu = performance.eventLoopUtilization()
    const s = await saturate(t, texts, { seconds: 4 })
    const active = performance.eventLoopUtilization(elu).utilization
    console.log(file.name, tokens, where, Math.round(s.textsPerSecond), 'loop', f(s.loop), 'urgent', s.urgentMs.toFixed(1), 'busy', active.toFixed(3))
  }
  process.exit()
})
