/** Chaos with the real engine: worker threads, ONNX sessions, artefacts in a folder of its own. */
import { setTimeout as pause } from 'node:timers/promises'

import { STELLA_NANO } from '../../registry/index.js'
import type { StellaModelInfo } from '../../registry/types.js'
import type { PoolOptions } from '../../src/index.js'
import { EmbeddingPool, describeCheckpoint } from '../../src/index.js'
import { makeCheckpoint } from '../../tools/checkpoints/make-checkpoint.js'
import type { CheckpointSpec } from '../../tools/checkpoints/spec.js'
import { CHECKPOINT_SPECS } from '../../tools/checkpoints/specs.js'
import { Damage } from './damage.js'
import type { Holdings } from './holdings.js'
import { leftBeyond, readHoldings, unfinished } from './holdings.js'
import type { Actor, Mischief, Stage } from './stage.js'
import type { SwitchName } from './switches.js'
import { Switches } from './switches.js'

const TINY_QWEN2 = CHECKPOINT_SPECS['qwen2-tiny']

/** Small to run, and with a table so large that its weights are packed and shared: 67 MB. */
const BULKY: CheckpointSpec = {
  ...TINY_QWEN2,
  name: 'bulky',
  architecture: { ...TINY_QWEN2.architecture, heads: 8, headDim: 16, hidden: 128, vocab: 130_000 },
  heads: [48, 256],
  defaultHead: 48,
  dtype: 'F16',
}

/** Makes the checkpoint that {@link realStage} finds in `folder`. Takes a second. */
export async function makeBulkyCheckpoint(folder: string): Promise<void> {
  await makeCheckpoint(folder, BULKY)
}

/**
 * Sets it up.
 *
 * @param checkpoint - Folder of {@link makeBulkyCheckpoint}.
 * @param home - Empty folder for what pools make.
 */
export async function realStage(checkpoint: string, home: string): Promise<Stage> {
  const switches = new Switches()
  const damage = new Damage(home)
  const actors = [
    actorOf(STELLA_NANO),
    actorOf(await describeCheckpoint(checkpoint, { key: BULKY.name })),
  ] as const satisfies readonly Actor[]
  let calm: Holdings = new Map()
  return {
    actors: [actors[0], actors[1]],
    mischiefs: mischiefsOf(switches, damage),
    open: (options: PoolOptions) => EmbeddingPool.open({ ...options, home }),
    rest: (milliseconds) => pause(milliseconds),
    longRestMs: 600,
    // Of a machine that may have much else to do.
    promptMs: 5_000,
    // It stays open for a minute.
    mostRefusals: 12,
    now: () => performance.now(),
    repair: () => {
      switches.clear()
      damage.repair()
      return Promise.resolve()
    },
    markCalm: () => {
      calm = readHoldings(home)
      return Promise.resolve()
    },
    leftovers: async () => {
      const left = await leftBeyond(calm, home)
      return [...left, ...unfinished(home).map((path) => `${path} in the home folder`)]
    },
    hits: () => switches.hits(),
    close: () => Promise.resolve(),
  }
}

/** Ids of the last rows, which no text has: `saboteur.cjs` looks for them. */
function actorOf(info: StellaModelInfo): Actor {
  const { vocab } = info.architecture
  return { info, lethal: Int32Array.of(5, vocab - 2, 7), poisoned: Int32Array.of(5, vocab - 1, 7) }
}

function mischiefsOf(switches: Switches, damage: Damage): readonly Mischief[] {
  const kill = (weight: number, excuses: Mischief['excuses'], ...names: readonly SwitchName[]): Mischief[] =>
    names.map((name) => ({
      ...{ name: `kill in ${name}`, weight, excuses },
      make: () => {
        switches.add(name)
        return name
      },
    }))
  // It is made again, for which the disk may be too full by then.
  const badArtefact = ['ARTEFACT_INVALID', 'MODEL_LOAD_FAILED', 'STORAGE_FAILED', 'BREAKER_OPEN'] as const
  return [
    ...kill(3, ['WORKER_LOST', 'BREAKER_OPEN'], 'run: exit', 'run: throw', 'run: terminate'),
    ...kill(1.5, ['MODEL_LOAD_FAILED', 'BREAKER_OPEN'], 'load: exit', 'load: throw'),
    ...kill(1.5, ['WORKER_LOST', 'BREAKER_OPEN'], 'tokenizer: exit', 'tokenizer: throw'),
    { name: 'corrupt artefact', weight: 4, excuses: badArtefact, make: (draws) => damage.corrupt(draws) },
    { name: 'remove artefact', weight: 1, excuses: badArtefact, make: (draws) => damage.removeArtefact(draws) },
    {
      name: 'disk low on pack',
      weight: 1,
      // Nothing fails of that: the weights are not shared.
      excuses: [],
      make: () => {
        switches.turnOn('disk: low')
        return damage.removePacked()
      },
    },
    {
      name: 'disk full on pack',
      weight: 1,
      excuses: [],
      make: () => {
        switches.turnOn('disk: full')
        return damage.removePacked()
      },
    },
    {
      name: 'disk full on convert',
      weight: 1,
      excuses: badArtefact,
      make: (draws) => {
        switches.turnOn('disk: full')
        return damage.removeArtefact(draws)
      },
    },
    {
      name: 'no memory left',
      weight: 2,
      excuses: [],
      make: () => {
        switches.turnOn('memory: none')
        return 'the machine says it has none'
      },
    },
  ]
}
