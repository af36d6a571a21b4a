/** Processes that run a graph for this one. Linux only: nowhere else are they told. */
import { readFile, readdir } from 'node:fs/promises'

/** Their process ids. */
export async function runGraphChildren(): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [status, command] = await Promise.all(
        ['status', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      )
      const mine = status?.includes(`\nPPid:\t${process.pid}\n`) === true
      return mine && command?.includes('run-graph') === true ? [pid] : []
    }),
  )
  return found.flat()
}
