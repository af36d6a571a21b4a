import { describe, expect, it } from 'vitest'

import { PeerProcess } from '../../../bench/peers/peer-process.js'

/** A peer of a few lines; `body` answers `request` with `answer(object)`. */
function peerThat(body: string): PeerProcess {
  const script = `
    const answer = (value) => console.log(JSON.stringify(value))
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const request = JSON.parse(line)
      ${body}
    })`
  return PeerProcess.start({ command: process.execPath, args: ['-e', script], environment: {} })
}

/** Little-endian float32 in base64. */
const encoded = (values: readonly number[]): string => Buffer.from(Float32Array.from(values).buffer).toString('base64')

describe('a peer process', () => {
  it('opens and embeds, with vectors when asked', async () => {
    await using peer = peerThat(`
      if (request.op === 'open') answer({ versions: { lib: request.dtype + request.threads } })
      else answer({ ms: 1.5, tokens: request.texts.map(() => 4), dimensions: 2,
        vectors: request.vectors ? '${encoded([1, 2, 3, 4])}' : null })`)
    expect(await peer.open({ checkpoint: 'c', threads: 2, dtype: 'float32' })).toEqual({ lib: 'float322' })
    expect(await peer.embed(['a', 'b'], null, true)).toMatchObject({
      ms: 1.5,
      tokens: [4, 4],
      vectors: [Float32Array.of(1, 2), Float32Array.of(3, 4)],
    })
    expect((await peer.embed(['a'], 'prompt', false)).vectors).toEqual([])
  })

  it('fails with the words of the peer', async () => {
    await using peer = peerThat(`answer({ error: 'ValueError: no such model' })`)
    await expect(peer.embed(['a'], null, false)).rejects.toThrow('ValueError: no such model')
  })

  it('fails with its last lines when it ends by itself', async () => {
    await using peer = peerThat(`console.error('out of memory'); process.exit(3)`)
    await expect(peer.embed(['a'], null, false)).rejects.toThrow('the peer ended: out of memory')
  })

  it('fails when the command does not exist', async () => {
    await using peer = PeerProcess.start({ command: '/nonexistent/python', args: [], environment: {} })
    await expect(peer.embed(['a'], null, false)).rejects.toThrow('the peer ended: ')
  })

  it('refuses an answer that is none', async () => {
    await using peer = peerThat(`answer({ ms: 'soon' })`)
    await expect(peer.embed(['a'], null, false)).rejects.toThrow('ms')
  })

  it('refuses vectors that are no rows of the dimensions', async () => {
    await using peer = peerThat(`answer({ ms: 1, tokens: [1], dimensions: 3, vectors: '${encoded([1, 2])}' })`)
    await expect(peer.embed(['a'], null, true)).rejects.toThrow('no rows of 3')
  })
})
