/** Everything else that is asked of a pool: loads, evictions, pins, health, figures, and what is asked by mistake. */
import { isStellaError } from '../../src/errors.js'
import type { StellaErrorCode } from '../../src/errors.js'
import type { EmbeddingPool } from '../../src/index.js'
import { ENDINGS } from './endings.js'
import type { Operation, Scene } from './play.js'
import { WrongResult } from './texts.js'

/** Operations that embed nothing. */
export const MANAGING: readonly Operation[] = [
  { name: 'preload', weight: 3, play: (scene) => preload(scene, 'patient') },
  { name: 'preload, aborted', weight: 1, play: (scene) => preload(scene, 'aborted') },
  { name: 'evict', weight: 3, play: ({ session, ...scene }) => asked(scene, (key) => session.pool.evict(key)) },
  {
    name: 'pin',
    weight: 1,
    play: ({ session, ...scene }) =>
      asked(scene, (key) => {
        session.pool.pin(key)
      }),
  },
  {
    name: 'unpin',
    weight: 2,
    play: ({ session, ...scene }) =>
      asked(scene, (key) => {
        session.pool.unpin(key)
      }),
  },
  {
    name: 'health',
    weight: 2,
    play: ({ session, draws }) => {
      const probe = draws.chance(0.7)
      const maxAgeMs = draws.pick([1, 1_000, 60_000])
      return { what: `probe ${probe}, ${maxAgeMs} ms`, done: session.pool.health({ probe, maxAgeMs }) }
    },
  },
  {
    name: 'stats',
    weight: 3,
    play: ({ session }) => ({
      what: '',
      done: Promise.resolve().then(() => {
        requireSound(session.pool)
      }),
    }),
  },
  { name: 'mistake', weight: 2, play: mistake },
]

function preload(scene: Scene, endingName: 'patient' | 'aborted') {
  const { draws, stage, session } = scene
  const { info } = draws.pick(stage.actors)
  const { options, may, mustFail, overAfterMs, begun, what } = ENDINGS[endingName](scene)
  const pin = draws.chance(0.1)
  const dimensions = draws.pick([undefined, ...info.heads.map((head) => head.dimensions)])
  const done = session.pool.preload(info, { ...options, pin, dimensions })
  begun()
  const how = `${info.key}, pin ${pin}, head ${dimensions ?? '-'} ${what}`
  return { what: how, may, mustFail, overAfterMs, isAwaited: true, done }
}

function asked({ draws, stage }: Omit<Scene, 'session'>, ask: (key: Scene['stage']['actors'][0]['info']) => unknown) {
  const { info } = draws.pick(stage.actors)
  return { what: info.key, done: Promise.resolve().then(() => ask(info)) }
}

/** What a caller gets wrong, and what it must be told. */
const MISTAKES: readonly {
  readonly what: string
  readonly code: StellaErrorCode
  readonly make: (pool: EmbeddingPool, key: Scene['stage']['actors'][0]['info']) => Promise<unknown>
}[] = [
  { what: 'an empty text', code: 'INPUT_INVALID', make: (pool, info) => pool.batchEmbed(info, ['fine', '']) },
  { what: 'no such model', code: 'MODEL_UNKNOWN', make: (pool) => pool.embed('no-such-model', 'x') },
  {
    what: 'no such head',
    code: 'DIMENSIONS_UNSUPPORTED',
    make: (pool, info) => pool.embed(info, 'x', { dimensions: 3 }),
  },
  { what: 'no such id', code: 'INPUT_INVALID', make: (pool, info) => pool.embed(info, Int32Array.of(-1)) },
  { what: 'a bad deadline', code: 'OPTION_INVALID', make: (pool, info) => pool.embed(info, 'x', { deadlineMs: -1 }) },
  {
    what: 'a text too long',
    code: 'INPUT_TOO_LONG',
    make: (pool, info) => pool.embed(info, 'a long text '.repeat(20), { maxLength: 8, overflow: 'error' }),
  },
]

function mistake({ draws, stage, session }: Scene) {
  const { info } = draws.pick(stage.actors)
  const { what, code, make } = draws.pick(MISTAKES)
  return { what, may: [code], mustFail: true, done: make(session.pool, info) }
}

/** Figures that no pool may ever show. */
export function requireSound(pool: EmbeddingPool): void {
  const { memory, models } = pool.stats()
  if (memory.granted < 0 || memory.granted > memory.budget) {
    throw new WrongResult(`${memory.granted} of ${memory.budget} bytes are granted`)
  }
  const shown = models.reduce((sum, model) => sum + model.memory, 0)
  // A load under way and one on its way out hold memory, too.
  if (shown > memory.granted) throw new WrongResult(`models show ${shown} bytes; ${memory.granted} are granted`)
  for (const { model, waiting, running, queue, workers, breaker } of models) {
    const counts = { ...waiting, ...running, ...queue, workers, failures: breaker.failures }
    const bad = Object.entries(counts).find(([, count]) => !(count >= 0))
    if (bad !== undefined) throw new WrongResult(`${model} shows ${bad.join(' ')}`)
  }
}

/** Figures of a pool that was closed, whatever it went through. */
export function requireEmpty(pool: EmbeddingPool): void {
  const { closed, memory, models } = pool.stats()
  if (!closed || memory.granted !== 0) throw new WrongResult(`closed, ${memory.granted} bytes are granted`)
  for (const { model, state, workers, waiting, running, queue, memory: held } of models) {
    const left = { workers, held, waiting: waiting.texts, running: running.texts, queued: queue.texts, ...queue }
    const bad = Object.entries(left).find(([, count]) => count !== 0)
    if (state !== 'unloaded' || bad !== undefined) {
      throw new WrongResult(`closed, ${model} is ${state} and has ${bad?.join(' ') ?? 'nothing'}`)
    }
  }
}

/** Whether it is a refusal of the pool's, for journals. */
export function codeOf(error: unknown): StellaErrorCode | undefined {
  return isStellaError(error) ? error.code : undefined
}
