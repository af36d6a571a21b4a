#!/usr/bin/env node
/** The `stella` command: connects the process to {@link runCli}. */
import { SIGNAL_EXIT } from './exit-code.js'
import type { EndingSignal } from './exit-code.js'
import { runCli } from './run.js'

const interrupt = new AbortController()

/**
 * The first signal ends the work in good order; a second one ends the process at once. Listeners stay on between the
 * two: a library that sees none would end the process at the first.
 */
function listen(signal: EndingSignal): void {
  process.on(signal, () => {
    if (interrupt.signal.aborted) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
      return
    }
    interrupt.abort(signal)
  })
}

// ONNX Runtime 1.30 reports its use to Microsoft and keeps a device id in the home folder, unless this is set before its
// first load (microsoft/onnxruntime pull request 27379). Texts stay on this machine; so should the rest. Only the main
// thread can set it: a worker's process.env is a copy that native code does not see.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1'

for (const signal of Object.keys(SIGNAL_EXIT) as EndingSignal[]) listen(signal)

// Never process.exit: a thread inside the engine would take the whole process down with it.
process.exitCode = await runCli(process.argv.slice(2), {
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  interrupt: interrupt.signal,
})
