/**
 * The command: plays chaos, prints what was played and how it ended, and what was wrong, with the seed that repeats it.
 *
 *   npm run chaos -- --operations 10000 --seed 1 --minutes 20
 */
import type { ChaosArguments } from './arguments.js'
import { USAGE, UsageError, readArguments } from './arguments.js'
import type { SeedReport } from './report.js'
import { markdown, table } from './report.js'
import type { ChaosReport } from './run-seeds.js'
import { runSeeds } from './run-seeds.js'

/** Exit status for a command that was used wrongly. */
const EXIT_USAGE = 2

async function main(): Promise<void> {
  const options = readArguments(process.argv.slice(2))
  if (options === 'help') {
    process.stdout.write(USAGE)
    return
  }
  const report = await runSeeds(options, (seed) => {
    process.stderr.write(`${told(seed)}\n`)
  })
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : explained(report, options))
  if (report.bad.length > 0) process.exitCode = 1
}

function told({ seed, played, findings }: SeedReport): string {
  const kinds = findings.map(({ kind, operation }) => `${kind} (${operation})`).join(', ')
  return `seed ${seed}: ${played} operations${kinds === '' ? '' : `: ${kinds}`}`
}

function explained(report: ChaosReport, options: ChaosArguments): string {
  const { seeds, played, seconds, counts, hits, bad } = report
  const engine = options.fake ? 'the fake engine' : 'the real engine'
  const parts = [
    `${played} operations on ${engine}, ${seeds} seeds from ${options.seed}, in ${seconds.toFixed(0)} s`,
    table(counts),
    markdown(
      ['harm that was met', 'times'],
      Object.entries(hits).map(([name, count]) => [name, String(count)]),
    ),
    ...bad.map((seed) => badSeed(seed, options)),
    bad.length === 0 ? 'Nothing was wrong.' : `Something was wrong in ${bad.length} of ${seeds} seeds.`,
  ]
  return `${parts.join('\n\n')}\n`
}

function badSeed({ seed, findings, journal }: SeedReport, { perSeed, fake }: ChaosArguments): string {
  const found = findings.map(({ kind, operation, detail }) => `- ${kind}, ${operation}: ${detail}`)
  const again = `npm run chaos -- --seed ${seed} --operations ${perSeed} --per-seed ${perSeed}${fake ? ' --fake' : ''}`
  return [`Seed ${seed} (again: ${again})`, ...found, ...journal.map((line) => `    ${line}`)].join('\n')
}

try {
  await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n\n${USAGE}`)
  process.exitCode = EXIT_USAGE
}
