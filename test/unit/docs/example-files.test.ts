/** The programs of `examples/` compile under the settings that projects have, and not under this one's alone. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import ts from 'typescript'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const FILES = readdirSync(join(ROOT, 'examples')).filter((name) => /(?<!\.test)\.ts$/.test(name))

const SETTINGS: readonly [string, ts.CompilerOptions][] = [
  ['strict alone', { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }],
  [
    'every switch on, and a bundler',
    {
      ...{ module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
      ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true },
    },
  ],
]

it.each(SETTINGS)(
  'compile: %s',
  (_, settings) => {
    expect(FILES.length).toBeGreaterThan(5)
    const program = ts.createProgram(
      FILES.map((name) => join(ROOT, 'examples', name)),
      {
        ...{ strict: true, skipLibCheck: true, noEmit: true, types: ['node'], target: ts.ScriptTarget.ES2023 },
        lib: ['lib.es2023.d.ts', 'lib.es2024.sharedmemory.d.ts', 'lib.esnext.disposable.d.ts'],
        paths: { 'stella-pool': [join(ROOT, 'src/index.ts')] },
        ...settings,
      },
    )
    const problems = FILES.flatMap((name) => {
      const file = program.getSourceFile(join(ROOT, 'examples', name))
      return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
        ({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      )
    })
    expect(problems).toEqual([])
  },
  60_000,
)
