/** Embeds with the embedded model, and leaves while workers still run. The first argument is a folder to convert into. */
import { writeSync } from 'node:fs'

import { DEFAULT_ENDPOINT } from '../../files/environment.js'
import { EmbeddingPool } from '../../index.js'
import { EXIT_CODE, leavingNote } from './leaving-protocol.js'

const MODEL = 'stella-nano'

/** More than both workers have done when the first one is done. */
const TEXTS = 24

/** Longer than the model reads, so that each text is cut to the longest run there is. */
const WORDS = 2500

const STDOUT = 1

const began = performance.now()
const [home = ''] = process.argv.slice(2)
// Whatever is wrong with the settings is another finding.
const hub = { cacheDir: home, endpoint: DEFAULT_ENDPOINT, token: undefined, offline: true }
const pool = await EmbeddingPool.open({ home, hub, workers: 2, threads: 1, memory: '2GB' })
// All different: equal texts may be embedded once.
const texts = Array.from({ length: TEXTS }, (_, text) => `${text} ${'word '.repeat(WORDS)}`)
let done = 0
const calls = texts.map(async (text) => {
  await pool.embed(MODEL, text, { maxLength: 2048 })
  done++
})
await Promise.race(calls)
// Synchronously, for a process that leaves waits for no pipe.
writeSync(STDOUT, leavingNote({ waiting: TEXTS - done, firstTextMs: performance.now() - began }))
process.exit(EXIT_CODE)
