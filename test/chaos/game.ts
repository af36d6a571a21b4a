/** Plays one seed: operations drawn one after the other, many at once, on one pool after the other. */
import type { StellaErrorCode } from '../../src/errors.js'
import { messageOf } from '../../src/errors.js'
import { CALLS } from './calls.js'
import { Draws } from './draws.js'
import { MANAGING, requireEmpty } from './manage.js'
import type { Operation, Scene, Session } from './play.js'
import type { SeedReport } from './report.js'
import { openSession } from './sessions.js'
import type { Stage } from './stage.js'
import { STREAMS } from './streams.js'
import { Texts } from './texts.js'
import { Watch } from './watch.js'

/** Operations under way at once, at most: of a quiet pool, or of one that is flooded. */
const MOST_AT_ONCE = [2, 6, 12, 24] as const

/** Operations between two pools, at least and at most. */
const SESSION_OPERATIONS = [15, 120] as const

/** Longest wait between two operations, in milliseconds. Half of them follow at once. */
const MOST_REST_MS = 25

/** How often a wait is long; as long as the stage has it, at most. */
const LONG_REST_SHARE = 0.015

/** Calls of each kind that must succeed in the end. */
const RECOVERY_CALLS = 4

/** How much is played. */
export interface GameOptions {
  readonly seed: number
  readonly operations: number
  /** No operation is begun after this time of the system's clock. */
  readonly endsAt: number
  /** Milliseconds after which an operation counts as never to settle. */
  readonly patienceMs: number
  readonly onJournal: (line: string) => void
}

/** See the head of this file. */
export class Game {
  readonly watch: Watch
  readonly #stage: Stage
  readonly #options: GameOptions
  readonly #draws: Draws
  /** Codes of harm that has not been repaired. */
  #lasting: StellaErrorCode[] = []
  #session: Session | undefined

  constructor(stage: Stage, options: GameOptions) {
    this.#stage = stage
    this.#options = options
    this.#draws = new Draws(options.seed)
    this.watch = new Watch(() => stage.now(), stage.promptMs, options.onJournal)
  }

  /** Whether nothing at all has happened for so long. */
  isStuck(milliseconds: number): boolean {
    return this.watch.quietMs > milliseconds
  }

  /** The pool now, for whoever looks into a game that has got stuck. */
  get session(): Session | undefined {
    return this.#session
  }

  /** Plays it. Rejects when the harness itself fails. */
  async play(): Promise<void> {
    const { texts, tightBytes } = await this.#inPeace()
    await this.#stage.markCalm()
    while (this.watch.begun < this.#options.operations && Date.now() < this.#options.endsAt) {
      await this.#playSession(texts, tightBytes)
    }
    await this.#stage.repair()
    this.#lasting = []
    await this.#requireRecovery(texts)
    for (const left of await this.#stage.leftovers()) this.watch.find('left over', 'close', left)
  }

  report(): SeedReport {
    const { tally, findings, begun } = this.watch
    const { seed } = this.#options
    const hits = this.#stage.hits()
    return { seed, played: begun, counts: tally.counts, hits, findings, journal: [] }
  }

  /** Has a pool that nobody disturbs embed every text in every way. */
  async #inPeace(): Promise<{ texts: Texts; tightBytes: number }> {
    const pool = await this.#stage.open({ memory: '4GB', workers: 1, precision: 'fp32' })
    const texts = await Texts.embed(this.#stage, pool)
    const held = pool.stats().models.map(({ memory }) => memory)
    await pool.close()
    // The larger one fits, and the two do not.
    const [most, all] = [Math.max(...held), held.reduce((sum, bytes) => sum + bytes, 0)]
    return { texts, tightBytes: Math.floor(Math.min(most * 1.2, (most + all) / 2)) }
  }

  async #playSession(texts: Texts, tightBytes: number): Promise<void> {
    const { watch } = this
    const [stage, draws] = [this.#stage, this.#draws]
    const session = await openSession(stage, draws, tightBytes, this.#lasting)
    this.#session = session
    watch.note(`opened ${session.what}`)
    const scene: Scene = { stage, draws, texts, session }
    let refusals = 0
    session.pool.on('requestRejected', ({ code }) => {
      if (code === 'BREAKER_OPEN') refusals++
    })
    this.#requireTurns(session)
    const mostAtOnce = draws.pick(MOST_AT_ONCE)
    const end = Math.min(this.#options.operations, watch.begun + draws.between(...SESSION_OPERATIONS))
    while (watch.begun < end && Date.now() < this.#options.endsAt && refusals < stage.mostRefusals) {
      while (watch.underWay >= mostAtOnce) await stage.rest(5)
      await this.#playOne(scene)
      if (draws.chance(0.5)) await stage.rest(draws.between(0, MOST_REST_MS))
      if (draws.chance(LONG_REST_SHARE)) await stage.rest(draws.share() ** 3 * stage.longRestMs)
    }
    await this.#close(scene)
    if (draws.chance(0.7)) await this.#repair(session)
  }

  /** Loads and evictions of a model are told in turns. */
  #requireTurns({ pool }: Session): void {
    const loaded = new Set<string>()
    pool.on('modelLoaded', ({ model }) => {
      if (loaded.has(model)) this.watch.find('wrong event', 'modelLoaded', `${model} was loaded twice`)
      loaded.add(model)
    })
    pool.on('modelEvicted', ({ model, reason }) => {
      this.watch.note(`evicted ${model}: ${reason}`)
      if (!loaded.delete(model)) this.watch.find('wrong event', 'modelEvicted', `${model} was not loaded: ${reason}`)
    })
  }

  async #playOne(scene: Scene): Promise<void> {
    const { stage, draws, session } = scene
    const operation = draws.weighted(OPERATIONS)
    if (operation.name === 'harm') {
      const mischief = draws.weighted(stage.mischiefs)
      // Before it is done: what it does may be felt while it is.
      for (const code of mischief.excuses) session.excuses.add(code)
      this.#lasting.push(...mischief.excuses)
      const done = Promise.resolve(mischief.make(draws, session.pool))
      const settled = this.watch.follow(`harm: ${mischief.name}`, { what: '', done }, session)
      this.watch.note(`did ${await done}`)
      await settled
      return
    }
    if (operation.name === 'repair') {
      await this.watch.follow('repair', { what: '', done: this.#repair(session) }, session)
      return
    }
    void this.watch.follow(operation.name, operation.play(scene), session)
  }

  /** What is repaired may still be felt by what is under way, and by what a pool remembers of it. */
  async #repair({ closing }: Session): Promise<void> {
    await this.#stage.repair()
    if (closing) this.#lasting = []
  }

  /** Closes a pool in the middle of things, and sees that nothing is left of it. */
  async #close(scene: Scene): Promise<void> {
    const { watch } = this
    const { session, draws } = scene
    const { pool } = session
    session.closing = true
    const closing = Promise.all([pool.close(), ...(draws.chance(0.3) ? [pool.close()] : [])])
    const closed = watch.follow('close', { what: '', done: closing }, session)
    // Nobody who comes now is served.
    for (let late = draws.between(0, 3); late > 0; late--) {
      void watch.follow('late call', { ...draws.pick(CALLS).play(scene), mustFail: true }, session)
    }
    await closed
    await this.#stage.rest(0)
    watch.findUnsettled('its pool is closed', ({ play }) => play.isAwaited === true)
    try {
      requireEmpty(pool)
    } catch (error) {
      watch.find('left over', 'close', messageOf(error))
    }
    // Streams and evictions have nothing to wait for any more, either.
    await watch.settled()
  }

  /** After all that, a pool works as if nothing had been. */
  async #requireRecovery(texts: Texts): Promise<void> {
    const pool = await this.#stage.open({ memory: '4GB', precision: 'fp32' })
    const session: Session = { pool, what: 'after all', excuses: new Set(), closing: false }
    this.#session = session
    const scene: Scene = { stage: this.#stage, draws: this.#draws, texts, session }
    for (const operation of CALLS) {
      if (operation.name.includes(',')) continue
      for (let round = 0; round < RECOVERY_CALLS; round++) {
        void this.watch.follow(`${operation.name}, after all`, operation.play(scene), session)
      }
    }
    await this.watch.settled()
    await pool.close()
    requireEmpty(pool)
  }
}

/** Everything that is drawn, with what the game does itself. */
const OPERATIONS: readonly Pick<Operation, 'name' | 'weight' | 'play'>[] = [
  ...CALLS,
  ...STREAMS,
  ...MANAGING,
  { name: 'harm', weight: 7, play: byTheGame },
  { name: 'repair', weight: 2, play: byTheGame },
]

function byTheGame(): never {
  throw new Error('the game does this itself')
}
