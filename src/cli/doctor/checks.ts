/** The checks there are, in the order of the report. */
import { ENGINE_ADVICE, REINSTALL, STORAGE_ADVICE, TOKENIZERS_ADVICE } from './advice.js'
import type { Check } from './check.js'

/** For what looks at files and settings, in milliseconds: a disk that has gone to sleep wakes up within it. */
const LOOK_LIMIT_MS = 15_000

/** For a native library of 45 MB, from a cold or a network disk. */
const LOAD_LIMIT_MS = 60_000

/** For the hash of a file's next part; also of all small files of an artefact. */
const HASH_LIMIT_MS = 60_000

/** For a conversion of the embedded model, a pool, and a guard that waits up to 30 s for the runs under way. */
const LEAVE_LIMIT_MS = 90_000

/** See above. The names are those that the child process is asked by. */
export const CHECKS = {
  node: {
    id: 'node.version',
    what: 'Node',
    limitMs: LOOK_LIMIT_MS,
    place: 'here',
    advice: REINSTALL,
    load: async () => (await import('./checks/node.js')).checkNode,
  },
  engine: {
    id: 'engine.load',
    what: 'the engine',
    limitMs: LOAD_LIMIT_MS,
    place: 'child',
    advice: ENGINE_ADVICE,
    load: async () => (await import('./checks/engine.js')).checkEngine,
  },
  tokenizers: {
    id: 'tokenizers.load',
    what: 'the tokenizer',
    limitMs: LOAD_LIMIT_MS,
    place: 'child',
    advice: TOKENIZERS_ADVICE,
    load: async () => (await import('./checks/tokenizers.js')).checkTokenizers,
  },
  processor: {
    id: 'cpu.features',
    what: 'the processor',
    limitMs: LOOK_LIMIT_MS,
    place: 'child',
    advice: REINSTALL,
    load: async () => (await import('./checks/processor.js')).checkProcessor,
  },
  memory: {
    id: 'memory.limits',
    what: 'memory',
    limitMs: LOOK_LIMIT_MS,
    place: 'child',
    advice: 'Give a budget in bytes, such as --memory 4GB, which needs no look at the machine',
    load: async () => (await import('./checks/memory.js')).checkMemory,
  },
  settings: {
    id: 'settings.hub',
    what: 'settings',
    limitMs: LOOK_LIMIT_MS,
    place: 'child',
    advice: 'Unset the variables that begin with HF_ one after another, and try again',
    load: async () => (await import('./checks/settings.js')).checkSettings,
  },
  home: {
    id: 'home.folder',
    what: 'the folder of converted models',
    limitMs: LOOK_LIMIT_MS,
    place: 'child',
    advice: STORAGE_ADVICE,
    load: async () => (await import('./checks/home.js')).checkHome,
  },
  leftovers: {
    id: 'home.leftover',
    what: 'what interrupted work has left',
    limitMs: LOOK_LIMIT_MS,
    place: 'child',
    advice: STORAGE_ADVICE,
    load: async () => (await import('./checks/leftovers.js')).checkLeftovers,
  },
  cache: {
    id: 'hub.cache',
    what: 'the Hugging Face cache',
    limitMs: LOOK_LIMIT_MS,
    place: 'child',
    advice: STORAGE_ADVICE,
    load: async () => (await import('./checks/cache.js')).checkCache,
  },
  artefacts: {
    id: 'artefact.files',
    what: 'converted models',
    limitMs: HASH_LIMIT_MS,
    place: 'child',
    advice: STORAGE_ADVICE,
    load: async () => (await import('./checks/artefacts.js')).checkArtefacts,
  },
  plans: {
    id: 'model.plan',
    what: 'plans',
    limitMs: LOOK_LIMIT_MS,
    place: 'child',
    advice: 'See the other findings first',
    load: async () => (await import('./checks/plans.js')).checkPlans,
  },
  leaving: {
    id: 'exit.code',
    what: 'leaving',
    limitMs: LEAVE_LIMIT_MS,
    place: 'here',
    needs: ['engine.binary', 'engine.load', 'tokenizers.load'],
    advice: 'Close pools before the process leaves: `await pool.close()`',
    load: async () => (await import('./checks/leaving.js')).checkLeaving,
  },
} as const satisfies Readonly<Record<string, Check>>

/** Name of a check. */
export type CheckName = keyof typeof CHECKS

/** Whether there is a check of that name. */
export function isCheckName(name: unknown): name is CheckName {
  return typeof name === 'string' && Object.hasOwn(CHECKS, name)
}
