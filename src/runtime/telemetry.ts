/**
 * Keeps the engine from reporting to its maker. ONNX Runtime 1.29 and later upload facts about every session and keep a
 * device id in the user's cache folder, unless told otherwise before they are first loaded
 * (https://github.com/microsoft/onnxruntime/pull/27379). People embed locally so that nothing leaves the machine.
 */
import { isMainThread } from 'node:worker_threads'

const SWITCH = 'ORT_DISABLE_TELEMETRY'

/**
 * Turns the engine's telemetry off, unless the user has set the switch themselves. To be called before the engine is
 * loaded in any thread.
 *
 * Only the main thread can: a worker's environment is a copy that native code does not see. Whoever loads a model in a
 * worker thread of their own sets `ORT_DISABLE_TELEMETRY=1` for the process.
 */
export function disableEngineTelemetry(): void {
  if (isMainThread) process.env[SWITCH] ??= '1'
}
