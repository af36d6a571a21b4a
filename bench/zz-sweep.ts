import { withTokenizers, textsOf } from './tokenizing/tokenizers.js'
import { bareRate, saturate } from './tokenizing/saturation.js'
import { TokenizerThread } from '../src/text/tokenizer-thread.js'
const which = Number(process.argv[2] ?? 0)
await withTokenizers(async (files) => {
  const file = files[which]!
  for (const tokens of [30, 500]) {
    const texts = await textsOf(file, 256, tokens)
    await using t = await TokenizerThread.load(file.path, file.vocab)
    await saturate(t, texts, { seconds: 1 })
    const configs = [1, 2, 3].flatMap((callsAtOnce) => [{ texts: 16, characters: 12_000 }, { texts: 32, characters: 25_000 }, { texts: 64, characters: 25_000 }, { texts: 64, characters: 50_000 }, { texts: 64, characters: 100_000 }, { texts: 256, characters: 200_000 }].map((limits) => ({ callsAtOnce, limits })))
    const found = configs.map(() => [] as any[])
    const bare: number[] = []
    for (let round = 0; round < 6; round++) {
      bare.push(await bareRate(file, texts, 0.7))
      for (const [i, c] of configs.entries()) found[i]!.push(await saturate(t, texts, { seconds: 0.8, ...c }))
    }
    const best = Math.max(...bare)
    console.log(file.name, tokens, 'bare best', Math.round(best))
    for (const [i, { callsAtOnce, limits }] of configs.entries()) {
      const f = found[i]!
      const rate = Math.max(...f.map((x) => x.textsPerSecond))
      console.log(callsAtOnce, limits.texts, limits.characters, Math.round(rate), (rate / best).toFixed(2), 'p99 least', Math.min(...f.map((x) => x.loop.p99)).toFixed(2), 'urgent least', Math.min(...f.map((x) => x.urgentMs)).toFixed(1))
    }
  }
})
