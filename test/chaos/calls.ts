/** `embed` and `batchEmbed`, with good texts and bad ones, left alone, aborted, or short of time. */
import type { BatchEmbedResult, EmbedInput } from '../../src/index.js'
import { isStellaError } from '../../src/errors.js'
import type { StellaErrorCode } from '../../src/errors.js'
import type { Draws } from './draws.js'
import type { EndingName } from './endings.js'
import { ENDINGS } from './endings.js'
import type { Operation, Play, Scene } from './play.js'
import type { Actor } from './stage.js'
import type { Known } from './texts.js'
import { WrongResult, requireSame } from './texts.js'

/** How often a call gets a text that it must fail of. */
const SPICED_SHARE = 0.04

/** Texts of a batch, at most. */
const MOST_TEXTS = 60

/** A bad text among good ones. */
export interface Spice {
  readonly place: number
  readonly input: EmbedInput
  /** What it fails with, when nothing else is wrong. */
  readonly code: StellaErrorCode
}

/** Now and then a bad text, in the place of one of `count` that are to be embedded in this way. */
export function drawSpice(draws: Draws, actor: Actor, known: readonly Known[]): Spice | undefined {
  const [first] = known
  // Bad texts may be token ids, which take no prompt.
  if (first === undefined || first.options.task !== undefined || !draws.chance(SPICED_SHARE)) return undefined
  const place = draws.between(0, known.length - 1)
  if (draws.chance(0.4)) return { place, input: actor.lethal, code: 'WORKER_LOST' }
  return { place, input: actor.poisoned, code: 'INTERNAL' }
}

/** The inputs as a call has them. */
export function spiced(known: readonly Known[], spice: Spice | undefined): readonly EmbedInput[] {
  return known.map(({ input }, place) => (place === spice?.place ? spice.input : input))
}

/** A failure must name the text that it is of; any other is as it is. */
export function requireBlame(error: unknown, spice: Spice | undefined, scene: Scene): void {
  if (spice === undefined || !isStellaError(error) || error.code !== spice.code) return
  // Threads may have died of something else meanwhile.
  if (scene.session.excuses.has(error.code)) return
  const { index } = error.details
  if (index === spice.place) return
  throw new WrongResult(
    `${error.code} for the bad text ${spice.place} names text ${JSON.stringify(index)}: ${error.message}`,
  )
}

/** All kinds of calls. */
export const CALLS: readonly Operation[] = [
  call('embed', 'patient', 22),
  call('embed', 'aborted', 6),
  call('embed', 'deadline', 4),
  call('batchEmbed', 'patient', 12),
  call('batchEmbed', 'aborted', 5),
  call('batchEmbed', 'deadline', 3),
]

function call(kind: 'embed' | 'batchEmbed', ending: EndingName, weight: number): Operation {
  const name = ending === 'patient' ? kind : `${kind}, ${ending}`
  return { name, weight, play: (scene) => play(scene, kind, ending) }
}

function play(scene: Scene, kind: 'embed' | 'batchEmbed', endingName: EndingName): Play {
  const { draws, stage, texts } = scene
  const actor = draws.pick(stage.actors)
  const ending = ENDINGS[endingName](scene)
  // Many single texts, few batches, and of those the small ones more often.
  const count = kind === 'embed' ? 1 : Math.ceil(MOST_TEXTS * draws.share() ** 3)
  const known = texts.draw(draws, actor.info, Math.max(1, count))
  const spice = drawSpice(draws, actor, known)
  // Enough of them in a row, and the model counts as broken.
  if (spice !== undefined) scene.session.excuses.add('BREAKER_OPEN')
  const lane = draws.pick([undefined, undefined, 'interactive', 'bulk'] as const)
  const options = { ...known[0]?.options, ...ending.options, ...(lane === undefined ? {} : { lane }) }
  const run = kind === 'embed' ? embed : batchEmbed
  const done = run(scene, actor, known, spice, options)
  ending.begun()
  const bad = spice === undefined ? '' : `, text ${spice.place} bad (${spice.code})`
  return {
    what: `${actor.info.key}, ${known.length} texts ${JSON.stringify({ ...options, signal: undefined })} ${ending.what}${bad}`,
    may: [...ending.may, ...(spice === undefined ? [] : [spice.code])],
    mustFail: ending.mustFail || spice !== undefined,
    overAfterMs: ending.overAfterMs,
    isAwaited: true,
    done: done.catch((error: unknown) => {
      requireBlame(error, spice, scene)
      throw error
    }),
  }
}

async function embed(
  { session }: Scene,
  { info }: Actor,
  known: readonly Known[],
  spice: Spice | undefined,
  options: object,
): Promise<void> {
  const [input] = spiced(known, spice)
  const [only] = known
  if (input === undefined || only === undefined) throw new Error('no text was drawn')
  const { embedding, usage, truncated } = await session.pool.embed(info, input, options)
  if (spice === undefined) requireSame({ place: 0, embedding, tokens: usage.tokens, truncated }, only)
}

async function batchEmbed(
  { session }: Scene,
  { info }: Actor,
  known: readonly Known[],
  spice: Spice | undefined,
  options: object,
): Promise<void> {
  let told = 0
  const onProgress = ({ done, total }: { readonly done: number; readonly total: number }): void => {
    if (done <= told || total !== known.length) {
      throw new WrongResult(`progress went from ${told} to ${done} of ${total}; there are ${known.length} texts`)
    }
    told = done
  }
  const result: BatchEmbedResult = await session.pool.batchEmbed(info, spiced(known, spice), { ...options, onProgress })
  if (result.embeddings.length !== known.length) {
    throw new WrongResult(`${result.embeddings.length} vectors for ${known.length} texts`)
  }
  if (spice !== undefined) return
  if (told !== known.length) throw new WrongResult(`the last progress was ${told} of ${known.length}`)
  for (const [place, text] of known.entries()) {
    const [embedding, tokens, truncated] = [result.embeddings[place], result.tokens[place], result.truncated[place]]
    if (embedding === undefined || tokens === undefined || truncated === undefined) {
      throw new WrongResult(`text ${place} has no vector`)
    }
    requireSame({ place, embedding, tokens, truncated }, text)
  }
}
