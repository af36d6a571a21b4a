/**
 * The process of one seed: plays it, and writes down what came of it. Ends by itself: a pool that keeps it is a finding
 * of whoever started it.
 */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'

import { Game } from './game.js'
import type { SeedOrder } from './seed-protocol.js'
import { VirtualTime } from './virtual-time.js'

/** How often it looks for operations that do not settle, in milliseconds of real time. */
const LOOK_MS = 500

/** Virtual time costs nothing: back-offs and breakers take their minutes, one after the other. */
const VIRTUAL_PATIENCE = 10

/** Exit code of a process that has got stuck. */
const STUCK = 3

const order = JSON.parse(process.argv[2] ?? '') as SeedOrder
// Before anything takes a timer.
const virtual = order.fake ? new VirtualTime() : undefined
const { setInterval, clearInterval } = virtual?.real ?? globalThis
const stage = await (virtual === undefined
  ? import('./real-stage.js').then(({ realStage }) => realStage(order.checkpoint, order.home))
  : import('./fake-stage.js').then(({ fakeStage }) => fakeStage(order.seed, virtual)))

const journal = openSync(order.journal, 'a')
const game = new Game(stage, {
  ...{ seed: order.seed, operations: order.operations, patienceMs: order.patienceMs },
  endsAt: order.endsAt ?? Number.POSITIVE_INFINITY,
  onJournal: (line) => writeSync(journal, `${line}\n`),
})

process.on('warning', (warning) => {
  game.watch.find('warning', 'process', warning.stack ?? warning.message)
})
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    game.watch.find(event, 'process', error instanceof Error ? (error.stack ?? error.message) : String(error))
  })
}

const looking = setInterval(() => {
  const patienceMs = order.patienceMs * (virtual === undefined ? 1 : VIRTUAL_PATIENCE)
  const isStuck = game.watch.findUnsettled('nothing came of it', ({ ageMs }) => ageMs > patienceMs)
  if (isStuck || game.isStuck(order.patienceMs)) leaveStuck()
}, LOOK_MS)

virtual?.start()
try {
  await game.play()
} catch (error) {
  game.watch.find('harness', 'play', error instanceof Error ? (error.stack ?? error.message) : String(error))
} finally {
  clearInterval(looking)
  virtual?.stop()
  await stage.close()
}
writeFileSync(order.report, JSON.stringify(game.report()))
closeSync(journal)

/** Writes down how things stand, and leaves: nothing more will come of it. */
function leaveStuck(): never {
  clearInterval(looking)
  game.watch.note(`stuck: ${JSON.stringify(game.session?.pool.stats().models)}`)
  writeFileSync(order.report, JSON.stringify(game.report()))
  process.exit(STUCK)
}
