// Preloaded into every thread and process of a chaos run (NODE_OPTIONS): does harm where switches in shared memory say
// so. The switches are made in the main thread, which throws them through `switches.ts`.
const fs = require('node:fs')
const os = require('node:os')
const { syncBuiltinESMExports } = require('node:module')
const { getEnvironmentData, isMainThread, parentPort, setEnvironmentData, workerData } = require('node:worker_threads')

/** Each is the number of times it is still to happen; the two of the disk are 0 or 1. */
const NAMES = [
  'run: exit',
  'run: throw',
  'run: terminate',
  'load: exit',
  'load: throw',
  'tokenizer: exit',
  'tokenizer: throw',
  'disk: low',
  'disk: full',
  'memory: none',
]

const SHARED = 'stella-chaos'

/** What a child process is told of the disk, having no memory in common with this one. */
const DISK_VARIABLE = 'STELLA_CHAOS_DISK'

function sharedSwitches() {
  const found = getEnvironmentData(SHARED)
  if (found !== undefined) return found
  // The second half counts how often each was met.
  const made = new Int32Array(new SharedArrayBuffer(2 * NAMES.length * Int32Array.BYTES_PER_ELEMENT))
  if (isMainThread) setEnvironmentData(SHARED, made)
  return made
}

const switches = sharedSwitches()
globalThis[Symbol.for(SHARED)] = { names: NAMES, values: switches, diskVariable: DISK_VARIABLE }

function hit(name) {
  Atomics.add(switches, NAMES.length + NAMES.indexOf(name), 1)
}

/** Whether it is to happen now, which is one time less. */
function take(name) {
  const at = NAMES.indexOf(name)
  for (let left = Atomics.load(switches, at); left > 0; left = Atomics.load(switches, at)) {
    if (Atomics.compareExchange(switches, at, left, left - 1) !== left) continue
    hit(name)
    return true
  }
  return false
}

function isOn(name) {
  return Atomics.load(switches, NAMES.indexOf(name)) > 0
}

/** Ends this thread in one of the ways, if one is due. Whoever calls does nothing more: the thread is as good as gone. */
function dies(where) {
  if (take(`${where}: exit`)) return leave(3)
  if (where === 'run' && take('run: terminate')) {
    // The main thread ends it, and this one hears nothing of it.
    parentPort.postMessage({ chaos: 'terminate' })
    return true
  }
  if (!take(`${where}: throw`)) return false
  setImmediate(() => {
    throw new Error('chaos: meant to end the thread')
  })
  return true
}

/** The engine begins a run a turn later, too: what was answered before is on its way by then. */
function leave(code) {
  setImmediate(() => process.exit(code))
  return true
}

const NEVER = new Promise(() => undefined)

/** A thread that embeds: dies during its load or a run, of a lethal text always, and fails for a poisoned one. */
function sabotageEngine({ vocab }) {
  const ort = require('onnxruntime-node')
  const create = ort.InferenceSession.create.bind(ort.InferenceSession)
  ort.InferenceSession.create = async (...args) => {
    if (dies('load')) return NEVER
    const session = await create(...args)
    const run = session.run.bind(session)
    let runs = 0
    session.run = (feeds, ...rest) => {
      const ids = feeds.input_ids?.data
      // The first is the warm-up, and part of the load.
      if (ids === undefined || runs++ === 0) return run(feeds, ...rest)
      if (ids.includes(vocab - 2)) return leave(4) && NEVER
      if (ids.includes(vocab - 1)) return Promise.reject(new Error('chaos: a poisoned text'))
      return dies('run') ? NEVER : run(feeds, ...rest)
    }
    return session
  }
}

/** A thread that tokenises: dies with an answer in hand. */
function sabotageTokenizer() {
  const say = parentPort.postMessage.bind(parentPort)
  parentPort.postMessage = (message, ...rest) => {
    if (!dies('tokenizer')) say(message, ...rest)
  }
}

/** A disk that says it is full, or that is when somebody writes. */
function sabotageDisk() {
  const isFull = () => isOn('disk: full') || process.env[DISK_VARIABLE] === 'full'
  const refuseWhenFull = (target, name) => {
    const original = target[name]
    target[name] = function (...args) {
      if (!isFull()) return original.apply(this, args)
      hit('disk: full')
      return Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
    }
  }
  const { open, statfs } = fs.promises
  fs.promises.open = async (...args) => {
    const file = await open(...args)
    for (const name of ['write', 'writev', 'writeFile', 'appendFile']) refuseWhenFull(file, name)
    return file
  }
  for (const name of ['writeFile', 'copyFile']) refuseWhenFull(fs.promises, name)
  fs.promises.statfs = async (...args) => {
    const found = await statfs(...args)
    if (!isOn('disk: low')) return found
    hit('disk: low')
    return Object.assign(found, { bavail: 0, bfree: 0 })
  }
}

/** A machine that has no memory left. */
function sabotageMemory() {
  const { freemem } = os
  os.freemem = () => {
    if (!isOn('memory: none')) return freemem()
    hit('memory: none')
    return 0
  }
}

sabotageDisk()
sabotageMemory()
syncBuiltinESMExports()
if (!isMainThread && workerData?.shared instanceof Int32Array) sabotageEngine(workerData.info.architecture)
if (!isMainThread && typeof workerData?.path === 'string' && 'vocab' in workerData) sabotageTokenizer()
