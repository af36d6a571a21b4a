/** `embedStream`, read to its end, abandoned, aborted, and from sources that fail. */
import type { StellaModelInfo } from '../../registry/types.js'
import type { EmbedInput, Streamed } from '../../src/index.js'
import { isStellaError } from '../../src/errors.js'
import type { StellaErrorCode } from '../../src/errors.js'
import { drawSpice, requireBlame, spiced } from './calls.js'
import type { Spice } from './calls.js'
import type { EndingName } from './endings.js'
import { ENDINGS } from './endings.js'
import type { Operation, Play, Scene } from './play.js'
import type { Known } from './texts.js'
import { WrongResult, requireSame } from './texts.js'

/** Texts of a stream, at most. */
const MOST_TEXTS = 80

/** Longest that a source may take to close, in milliseconds. */
const MOST_CLOSING_MS = 2_000

/** What a source that fails throws. */
class SourceFailure extends Error {}

/** How a stream is read. */
interface Reading {
  readonly known: readonly Known[]
  readonly spice: Spice | undefined
  /** Items taken before the reader leaves; undefined: all. */
  readonly leaveAfter: number | undefined
  /** Texts that the source gives before it fails; undefined: all. */
  readonly failAfter: number | undefined
  /** Milliseconds that source and reader take for an item, now and then. */
  readonly slowMs: number
  readonly ordered: boolean
  readonly onError: 'throw' | 'yield'
  /** Codes that a text of its own may fail with. */
  readonly may: readonly StellaErrorCode[]
}

/** What became of a source. */
interface SourceState {
  opened: boolean
  closed: boolean
}

/** All kinds of streams. */
export const STREAMS: readonly Operation[] = [
  stream('patient', 5, 'embedStream'),
  stream('patient', 3, 'embedStream, abandoned'),
  stream('patient', 1, 'embedStream, source fails'),
  stream('aborted', 2, 'embedStream, aborted'),
  stream('deadline', 1, 'embedStream, deadline'),
]

function stream(ending: EndingName, weight: number, name: string): Operation {
  return { name, weight, play: (scene) => play(scene, ending, name) }
}

function play(scene: Scene, endingName: EndingName, name: string): Play {
  const { draws, stage, texts } = scene
  const actor = draws.pick(stage.actors)
  const ending = ENDINGS[endingName](scene)
  const known = texts.draw(draws, actor.info, draws.between(1, MOST_TEXTS))
  const some = draws.between(0, known.length - 1)
  const spice = drawSpice(draws, actor, known)
  if (spice !== undefined) scene.session.excuses.add('BREAKER_OPEN')
  const reading: Reading = {
    ...{ known, spice },
    leaveAfter: name.endsWith('abandoned') ? some : undefined,
    failAfter: name.endsWith('source fails') ? some : undefined,
    slowMs: draws.chance(0.3) ? draws.between(1, 5) : 0,
    ordered: draws.chance(0.5),
    onError: draws.chance(0.5) ? 'throw' : 'yield',
    may: [...ending.may, ...(spice === undefined ? [] : [spice.code])],
  }
  const shape = {
    chunkTexts: draws.between(1, 16),
    concurrency: draws.between(1, 4),
    maxInFlight: draws.between(1, 64),
  }
  const { ordered, onError, may } = reading
  const options = { ...known[0]?.options, ...ending.options, ...shape, ordered, onError }
  const done = read(scene, actor.info, reading, options).catch((error: unknown) => {
    requireBlame(error, spice, scene)
    throw error
  })
  ending.begun()
  const bad = spice === undefined ? '' : `, text ${spice.place} bad (${spice.code})`
  const how = JSON.stringify({ ...options, signal: undefined, leaveAfter: reading.leaveAfter })
  const what = `${actor.info.key}, ${known.length} texts ${how} ${ending.what}${bad}`
  // A stream's deadline is one for each chunk.
  const overAfterMs = endingName === 'aborted' ? ending.overAfterMs : undefined
  return { what, may, overAfterMs, done }
}

/** Reads a stream as it is to be read, and sees that its source was closed, however it ended. */
async function read(scene: Scene, model: StellaModelInfo, reading: Reading, options: object): Promise<void> {
  const source: SourceState = { opened: false, closed: false }
  const items = scene.session.pool.embedStream(model, inputsOf(scene, reading, source), options)
  const outcome = await readItems(scene, reading, items as AsyncIterable<Streamed<'yield'>>).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  // A source in the middle of an item closes once it has it.
  for (let waited = 0; source.opened && !source.closed; waited++) {
    if (waited > MOST_CLOSING_MS) throw new WrongResult('the source was not closed')
    await scene.stage.rest(1)
  }
  if (outcome !== undefined) throw outcome.error
}

async function readItems(scene: Scene, reading: Reading, items: AsyncIterable<Streamed<'yield'>>): Promise<void> {
  const { known, leaveAfter, failAfter, slowMs, ordered } = reading
  const seen = new Set<number>()
  try {
    for await (const item of items) {
      if (seen.has(item.index)) throw new WrongResult(`text ${item.index} came twice`)
      if (ordered && item.index !== seen.size) throw new WrongResult(`text ${item.index} came in place ${seen.size}`)
      seen.add(item.index)
      requireItem(scene, reading, item)
      if (slowMs > 0 && item.index % 16 === 0) await scene.stage.rest(slowMs)
      if (seen.size > (leaveAfter ?? Number.POSITIVE_INFINITY)) return
    }
  } catch (error) {
    if (error instanceof SourceFailure && failAfter !== undefined) return
    throw error
  }
  if (failAfter !== undefined) throw new WrongResult('the source failed, and nobody was told')
  if (seen.size !== known.length) throw new WrongResult(`${seen.size} of ${known.length} texts came`)
}

async function* inputsOf(
  { stage }: Scene,
  { known, spice, failAfter, slowMs }: Reading,
  source: SourceState,
): AsyncGenerator<EmbedInput> {
  source.opened = true
  try {
    for (const [place, input] of spiced(known, spice).entries()) {
      if (place === failAfter) throw new SourceFailure('chaos: the source fails')
      if (slowMs > 0 && place % 8 === 0) await stage.rest(slowMs)
      yield input
    }
  } finally {
    source.closed = true
  }
}

function requireItem(scene: Scene, { known, spice, may }: Reading, item: Streamed<'yield'>): void {
  const text = known[item.index]
  if (text === undefined) throw new WrongResult(`text ${item.index} was never given`)
  if (item.error === undefined) {
    if (item.index === spice?.place) throw new WrongResult(`the bad text ${item.index} was embedded`)
    requireSame({ ...item, place: item.index }, text)
    return
  }
  const { error } = item
  // What a text may fail with is what the stream may; and a bad one fails for itself.
  const isOwn = error.code === spice?.code && item.index !== spice.place
  const { excuses, closing } = scene.session
  const isAllowed = may.includes(error.code) && !isOwn
  if (isAllowed || excuses.has(error.code) || (closing && error.code === 'POOL_CLOSED')) return
  if (!isStellaError(error)) throw new WrongResult(`text ${item.index} came with ${String(error)}`)
  throw new WrongResult(`text ${item.index} came with ${error.code}, which nothing explains: ${error.message}`)
}
