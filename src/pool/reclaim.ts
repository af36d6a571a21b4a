/**
 * Which memory to ask back, and from whom: the least that suffices, from models nobody uses. Decides and does nothing;
 * knows no ledger and no thread.
 */

/** What a model could give back now, in bytes that it is charged for. */
export interface Reclaim {
  /** By ending workers that are idle and not its last. What is being given back so already counts. */
  readonly shrink: number
  /** By leaving entirely, {@link Reclaim.shrink} included; 0 where that would harm a call or is not wanted. */
  readonly evict: number
  /** It is on its way out already: `evict` then is what will have come back, and asking for it costs nothing. */
  readonly leaving?: boolean | undefined
  /** Why it keeps what it keeps, for a refusal: `busy`, `pinned`. */
  readonly kept?: string | undefined
}

/**
 * A model that can be asked for memory.
 *
 * `shrink` and `evict` begin before they return, so that no call can come in between. They resolve when the ledger has
 * been credited; called again while they are under way, they resolve then, too. They must not wait for memory
 * themselves: whoever asks holds up the line.
 */
export interface Reclaimable {
  /** The model, as in the grants it holds. */
  readonly owner: string
  /** When its last call completed, in ms of a monotonic clock. */
  readonly lastUsed: number
  reclaimable(): Reclaim
  shrink(): Promise<void>
  evict(reason: 'pressure'): Promise<void>
}

/** What can be asked of a model. */
export type ReclaimKind = 'shrink' | 'evict'

/** One thing to ask for. */
export interface ReclaimStep {
  readonly from: Reclaimable
  readonly kind: ReclaimKind
  /** What it will give, by its own account. */
  readonly bytes: number
}

/** What models have been asked for already, and need not be asked again. */
export type Asked = ReadonlyMap<Reclaimable, ReclaimKind>

const NOBODY: Asked = new Map()

/** Most that reclaiming could give. */
export function reclaimableBytes(models: readonly Reclaimable[], asked: Asked = NOBODY): number {
  return models.reduce((sum, model) => {
    const { shrink, evict } = offerOf(model, asked)
    return sum + Math.max(shrink, evict)
  }, 0)
}

/**
 * Steps that give at least `bytes`; all there are where they do not suffice.
 *
 * 1. Models on their way out.
 * 2. Idle workers of any model, of the least recently used first: they are quick to have again.
 * 3. Whole models that nobody uses, the least recently used first.
 *
 * What later steps make needless is left alone, beginning with the most recently used: a large model that must go
 * anyway may spare two small ones.
 */
export function chooseSteps(
  models: readonly Reclaimable[],
  bytes: number,
  asked: Asked = NOBODY,
): readonly ReclaimStep[] {
  const offers = models
    .map((from) => ({ from, ...offerOf(from, asked) }))
    .sort((a, b) => a.from.lastUsed - b.from.lastUsed)
  const isLeaving = ({ leaving, evict }: Offer): boolean => leaving === true && evict > 0
  const going = offers.filter(isLeaving).map(({ from, evict }) => ({ from, kind: 'evict', bytes: evict }) as const)
  const staying = offers.filter((offer) => !isLeaving(offer))
  const steps = new Map<Offer, ReclaimStep>()
  let missing = bytes - going.reduce((sum, step) => sum + step.bytes, 0)
  for (const kind of ['shrink', 'evict'] as const) {
    for (const offer of staying) {
      const more = offer[kind] - (steps.get(offer)?.bytes ?? 0)
      if (missing <= 0 || more <= 0) continue
      missing -= more
      // Placed anew: the order is that in which they were found needed.
      steps.delete(offer)
      steps.set(offer, { from: offer.from, kind, bytes: offer[kind] })
    }
  }
  return [...going, ...withoutNeedless(steps, -missing)]
}

/** Leaves out what is not needed, where `surplus` bytes too much would be asked for; of the last ones first. */
function withoutNeedless(steps: ReadonlyMap<Offer, ReclaimStep>, surplus: number): readonly ReclaimStep[] {
  let left = surplus
  return [...steps]
    .reverse()
    .flatMap(([{ from, shrink }, step]): readonly ReclaimStep[] => {
      const less: ReclaimStep = { from, kind: 'shrink', bytes: shrink }
      const instead = [{ ...less, bytes: 0 }, less, step].find(({ bytes }) => step.bytes - bytes <= left) ?? step
      left -= step.bytes - instead.bytes
      return instead.bytes === 0 ? [] : [instead]
    })
    .reverse()
}

interface Offer extends Reclaim {
  readonly from: Reclaimable
}

function offerOf(model: Reclaimable, asked: Asked): Reclaim {
  const offer = model.reclaimable()
  const before = asked.get(model)
  if (before === 'evict') return { ...offer, shrink: 0, evict: 0 }
  return before === 'shrink' ? { ...offer, shrink: 0 } : offer
}
