import { setTimeout as delay } from 'node:timers/promises'
import { withTokenizers, textsOf } from './tokenizing/tokenizers.js'
import { saturate, watchLoop } from './tokenizing/saturation.js'
import { TokenizerThread } from '../src/text/tokenizer-thread.js'
import { StellaTokenizer } from '../src/text/tokenizer.js'
const until = Date.now() + Number(process.argv[2] ?? 25) * 60_000
await withTokenizers(async (files) => {
  const all: any[] = []
  for (const file of files) for (const tokens of [30, 500]) {
    const texts = await textsOf(file, 256, tokens)
    for (const where of ['own', 'here'] as const) {
      const t = where === 'own' ? await TokenizerThread.load(file.path, file.vocab) : await StellaTokenizer.load(file.path, file.vocab)
      all.push({ file, tokens, where, t, texts, n: 0 })
    }
  }
  const f = (l: any) => `p50 ${l.p50.toFixed(2)} p99 ${l.p99.toFixed(2)} max ${l.max.toFixed(1)}`
  const calm = async () => { const { loop } = await watchLoop(() => delay(700)); return loop.p99 < 1.5 && loop.max < 4 }
  while (Date.now() < until && all.some((c) => c.n < 2)) {
    const c = [...all].sort((a, b) => a.n - b.n)[0]
    if (!(await calm())) { await delay(1500); continue }
    const elu = performance.eventLoopUtilization()
    const s = await saturate(c.t, c.texts, { seconds: 2 })
    const busy = performance.eventLoopUtilization(elu).utilization
    if (!(await calm())) continue
    c.n++
    console.log(c.file.name, c.tokens, c.where, Math.round(s.textsPerSecond), 'loop', f(s.loop), 'urgent', s.urgentMs.toFixed(1), 'busy', busy.toFixed(3))
  }
  process.exit()
})
