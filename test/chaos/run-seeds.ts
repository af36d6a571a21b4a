/** Runs seeds, one process after the other, and adds up what came of them. Knows no pool. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { ChaosArguments } from './arguments.js'
import { makeBulkyCheckpoint } from './real-stage.js'
import type { Counts, Finding, SeedReport } from './report.js'
import { Tally } from './report.js'
import type { SeedOrder } from './seed-protocol.js'
import { FOUND_MARK } from './watch.js'

const SEED = fileURLToPath(new URL('./seed.ts', import.meta.url))
const SABOTEUR = fileURLToPath(new URL('./saboteur.cjs', import.meta.url))

/** Beyond its patience, a process may take so long to start, to make peace first, and to end, in milliseconds. */
const PROCESS_MS = 60_000

/** Lines of a journal that are told before something that was found, and at its end. */
const TOLD_LINES = 60

/** Seeds with something wrong in them, after which enough has been seen. */
const MOST_BAD = 10

/** What came of all seeds. */
export interface ChaosReport {
  readonly seeds: number
  readonly played: number
  readonly counts: Counts
  readonly hits: Readonly<Record<string, number>>
  /** Seeds in which something was wrong. */
  readonly bad: readonly SeedReport[]
  readonly seconds: number
}

/** Plays until all operations were begun, or the time is over. */
export async function runSeeds(
  options: ChaosArguments,
  onSeed: (report: SeedReport) => void = () => undefined,
): Promise<ChaosReport> {
  const started = Date.now()
  const endsAt = started + options.minutes * 60_000
  const folder = await mkdtemp(join(tmpdir(), 'stella-chaos-'))
  const [counts, hits] = [new Tally(), new Tally()]
  const bad: SeedReport[] = []
  let [seeds, played] = [0, 0]
  try {
    const checkpoint = join(folder, 'checkpoint')
    if (!options.fake) await makeBulkyCheckpoint(checkpoint)
    while (played < options.operations && Date.now() < endsAt && bad.length < MOST_BAD) {
      const operations = Math.min(options.perSeed, options.operations - played)
      const report = await runSeed(options, { seed: options.seed + seeds, operations, endsAt, folder, checkpoint })
      counts.addAll(report.counts)
      hits.addAll({ hits: report.hits })
      if (report.findings.length > 0) bad.push(report)
      seeds++
      // A process that crashed may have played nothing.
      played += Math.max(1, report.played)
      onSeed(report)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const seconds = (Date.now() - started) / 1000
  return { seeds, played, counts: counts.counts, hits: hits.counts['hits'] ?? {}, bad, seconds }
}

async function runSeed(
  { fake, patienceMs, journal: isLoud }: ChaosArguments,
  {
    seed,
    operations,
    endsAt,
    folder,
    checkpoint,
  }: Pick<SeedOrder, 'seed' | 'operations' | 'checkpoint'> & {
    readonly endsAt: number
    readonly folder: string
  },
): Promise<SeedReport> {
  const own = join(folder, `seed-${seed}`)
  const home = join(own, 'home')
  await mkdir(home, { recursive: true })
  const [report, journal] = [join(own, 'report.json'), join(own, 'journal.txt')]
  const order: SeedOrder = {
    ...{ seed, operations, patienceMs, fake, checkpoint, home, report, journal },
    endsAt: Number.isFinite(endsAt) ? endsAt : null,
  }
  // Threads and processes of a pool run from sources do not inherit the arguments of the process, but all have this.
  const env = { ...process.env, ...(fake ? {} : { NODE_OPTIONS: `--require ${JSON.stringify(SABOTEUR)}` }) }
  const args = ['--import', 'tsx', SEED, JSON.stringify(order)]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text))
  }
  const end = { byPatience: false }
  const limit = setInterval(() => {
    if (!existsSync(report) && !isSilent(journal, patienceMs + PROCESS_MS)) return
    // It has had its say, and should have ended by itself.
    if (!existsSync(report) || isSilent(report, PROCESS_MS / 4)) {
      end.byPatience = true
      child.kill('SIGKILL')
    }
  }, 1_000)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearInterval(limit)
  const lines = existsSync(journal) ? readFileSync(journal, 'utf8').trimEnd().split('\n') : []
  if (isLoud) process.stderr.write(`${lines.map((line) => `${seed} ${line}`).join('\n')}\n`)
  const found = existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as SeedReport) : undefined
  const findings: Finding[] = [...(found?.findings ?? [])]
  const how = signal === null ? `with exit code ${String(code)}` : `by ${signal}`
  if (end.byPatience) findings.push({ kind: 'did not end', operation: 'process', detail: `killed: ${printed}` })
  else if (code !== 0 && findings.length === 0) {
    findings.push({ kind: 'crash', operation: 'process', detail: `ended ${how}: ${printed}` })
  } else if (printed !== '') findings.push({ kind: 'printed', operation: 'process', detail: printed })
  await rm(own, { recursive: true, force: true })
  const empty = { played: 0, counts: {}, hits: {} }
  return {
    ...(found ?? empty),
    ...{ seed, findings, journal: findings.length === 0 ? [] : toldLines(lines) },
  }
}

/** The lines that lead to each thing found, and to the end. */
function toldLines(lines: readonly string[]): readonly string[] {
  const ends = [...lines.flatMap((line, at) => (line.includes(` ${FOUND_MARK} `) ? [at] : [])), lines.length - 1]
  return lines.filter((_, at) => ends.some((end) => at <= end && at > end - TOLD_LINES))
}

/** Whether a file is there, and nothing was written to it for so long. */
function isSilent(path: string, milliseconds: number): boolean {
  return existsSync(path) && Date.now() - statSync(path).mtimeMs > milliseconds
}
