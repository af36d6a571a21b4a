/** The entry of a conversion thread: runs the jobs it is given. Its handler never rejects. */
import { isStellaError } from '../src/errors.js'
import { runJobs } from '../src/convert/run-job.js'
import type { ConversionOutcome, ConversionTask } from '../src/convert/conversion-task.js'
import { encodeError } from './protocol.js'

async function handle({ jobs, target }: ConversionTask): Promise<ConversionOutcome> {
  try {
    await runJobs(jobs, target)
    return { ok: true }
  } catch (thrown) {
    return { ok: false, error: encodeError(thrown, 'INTERNAL'), systemCode: systemCodeOf(thrown) }
  }
}

function systemCodeOf(thrown: unknown): string | undefined {
  if (isStellaError(thrown) || !(thrown instanceof Error) || !('code' in thrown)) return undefined
  return String(thrown.code)
}

export default handle
