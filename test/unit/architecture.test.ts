/** Who may import whom. The ranks are those of docs/architecture.md; a file of no rank fails. */
import { describe, expect, it } from 'vitest'

import type { Import, SourceFile } from '../support/imports.js'
import { parseSource, readSources } from '../support/imports.js'

/** A part of the project: which files it has, and what they may import. */
interface Part {
  readonly files: RegExp
  /** Other parts. A part may always import itself, unless `alone`. */
  readonly parts: readonly string[]
  /** Packages, and the files that may import each. */
  readonly packages?: Readonly<Record<string, RegExp>>
  /** Whether `node:` modules are allowed. */
  readonly node?: boolean
}

const ANY = /^/

const PARTS: Readonly<Record<string, Part>> = {
  // rank 0
  errors: { files: /^src\/errors\.ts$/, parts: [] },
  registry: { files: /^registry\//, parts: ['errors'] },
  events: { files: /^src\/events\.ts$/, parts: ['errors'] },
  show: { files: /^src\/(show|realm)\.ts$/, parts: [] },
  // rank 1
  protocol: {
    files: /^workers\/(protocol|pack-protocol|graph-protocol|tokenizing-protocol|shared-counts)\.ts$/,
    parts: ['errors', 'registry', 'runtime', 'show'],
    node: true,
  },
  files: {
    files: /^src\/files\//,
    parts: ['errors', 'registry', 'show'],
    packages: { '@huggingface/hub': ANY, 'proper-lockfile': ANY, zod: ANY },
    node: true,
  },
  onnx: {
    files: /^src\/onnx\//,
    parts: ['errors', 'registry', 'show'],
    packages: { '@bufbuild/protobuf': ANY },
    node: true,
  },
  vectors: {
    files: /^src\/vectors\//,
    parts: ['errors', 'show'],
  },
  runtime: {
    files: /^src\/runtime\//,
    parts: ['errors', 'show'],
    packages: { 'onnxruntime-node': /^src\/runtime\/session\.ts$/ },
    node: true,
  },
  packed: {
    files: /^src\/packed\//,
    parts: ['runtime', 'registry', 'errors', 'show'],
  },
  scheduler: {
    files: /^src\/scheduler\//,
    parts: ['packed', 'errors', 'show'],
  },
  text: {
    files: /^src\/text\//,
    parts: ['files', 'protocol', 'errors', 'show'],
    packages: { tokenizers: /^src\/text\/tokenizer\.ts$/ },
    node: true,
  },
  // rank 2
  tokenizingWorker: {
    files: /^workers\/tokenizing-worker\.ts$/,
    parts: ['text', 'files', 'protocol', 'errors'],
    node: true,
  },
  convert: {
    files: /^src\/convert\//,
    parts: ['files', 'onnx', 'runtime', 'packed', 'text', 'protocol', 'registry', 'errors', 'show'],
    packages: { zod: ANY, piscina: /^src\/convert\/conversion-threads\.ts$/ },
    node: true,
  },
  // rank 3
  conversionWorker: {
    files: /^workers\/(conversion-worker|run-graph)\.ts$/,
    parts: ['convert', 'protocol', 'errors'],
  },
  inference: {
    files: /^src\/inference\//,
    parts: ['convert', 'files', 'onnx', 'runtime', 'packed', 'text', 'protocol', 'registry', 'errors', 'show'],
    packages: { zod: ANY },
    node: true,
  },
  // rank 4
  worker: {
    files: /^workers\/(embedding-worker|pack-weights)\.ts$/,
    parts: ['inference', 'protocol', 'registry', 'errors', 'show'],
    packages: { piscina: /^workers\/embedding-worker\.ts$/ },
    node: true,
  },
  pool: {
    files: /^src\/pool\//,
    parts: [
      'scheduler',
      'inference',
      'convert',
      'runtime',
      'packed',
      'text',
      'files',
      'protocol',
      'registry',
      'errors',
      'events',
      'show',
    ],
    packages: { piscina: /^src\/pool\/worker-thread\.ts$/, eventemitter3: ANY, systeminformation: ANY },
    node: true,
  },
  // Beside the pool, and reached from nothing but tests: it needs no package, and loads no native code.
  fake: {
    files: /^src\/fake\//,
    parts: ['pool', 'inference', 'runtime', 'packed', 'text', 'vectors', 'files', 'registry', 'errors', 'show'],
  },
  // rank 5
  model: {
    files: /^src\/model\//,
    parts: ['pool', 'scheduler', 'inference', 'convert', 'runtime', 'vectors', 'registry', 'errors', 'show'],
    node: true,
  },
  // rank 6
  evaluation: {
    files: /^src\/evaluation\//,
    parts: [
      'model',
      'pool',
      'inference',
      'convert',
      'runtime',
      'vectors',
      'files',
      'registry',
      'errors',
      'events',
      'show',
    ],
    packages: { zod: ANY, 'csv-parse': ANY, 'csv-stringify': ANY },
    node: true,
  },
  provider: {
    files: /^src\/provider\//,
    parts: ['model', 'pool', 'inference', 'convert', 'runtime', 'vectors', 'files', 'registry', 'errors', 'show'],
    node: true,
  },
  config: {
    files: /^src\/config\//,
    parts: ['model', 'evaluation', 'pool', 'inference', 'convert', 'runtime', 'files', 'registry', 'errors', 'show'],
    packages: { zod: ANY, yaml: ANY },
    node: true,
  },
  // rank 7
  index: {
    files: /^src\/index\.ts$/,
    parts: [
      'config',
      'provider',
      'evaluation',
      'model',
      'pool',
      'scheduler',
      'inference',
      'convert',
      'vectors',
      'runtime',
      'packed',
      'text',
      'files',
      'registry',
      'errors',
      'events',
      'show',
    ],
  },
  // rank 8
  cli: {
    files: /^src\/cli\//,
    parts: [
      'index',
      'config',
      'provider',
      'evaluation',
      'model',
      'vectors',
      'pool',
      'inference',
      'convert',
      'runtime',
      'packed',
      'text',
      'files',
      'onnx',
      'registry',
      'errors',
      'events',
      'show',
    ],
    packages: { 'cli-progress': ANY, zod: ANY },
    node: true,
  },
}

/** Parts of which types alone may be imported. */
const TYPES_ONLY = [
  { from: /^src\/events\.ts$/, to: 'errors' },
  { from: /^src\/onnx\//, to: 'registry' },
  { from: /^workers\/protocol\.ts$/, to: 'registry' },
  { from: /^workers\//, to: 'runtime' },
] as const

/** The telemetry switch is an exception: it is set, not read, and native code looks for it nowhere else. */
const MAY_READ_ENVIRONMENT = /^src\/(cli\/|files\/environment\.ts$|runtime\/telemetry\.ts$)/

function partOf(path: string): string | undefined {
  return Object.keys(PARTS).find((name) => PARTS[name]?.files.test(path))
}

/** What is wrong with one import; undefined where nothing is. */
function violation(path: string, { target, kind, typeOnly }: Import): string | undefined {
  const name = partOf(path)
  const part = name === undefined ? undefined : PARTS[name]
  if (name === undefined || part === undefined) return `${path} is of no rank`
  if (kind === 'node')
    return part.node === true ? undefined : `${path} imports ${target}; ${name} may import no node: module`
  if (kind === 'package') {
    return part.packages?.[target]?.test(path) === true ? undefined : `${path} may not import the package ${target}`
  }
  const other = partOf(target)
  if (other === undefined) return `${path} imports ${target}, which is of no rank`
  if (other !== name && !part.parts.includes(other)) return `${path} imports ${target}; ${name} may not import ${other}`
  const typesOnly = TYPES_ONLY.some((rule) => rule.from.test(path) && rule.to === other)
  return typesOnly && !typeOnly ? `${path} imports ${target}; types only` : undefined
}

/** A cycle of imports as its path, or undefined. */
function findCycle(sources: readonly SourceFile[]): readonly string[] | undefined {
  const imports = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter(({ kind }) => kind === 'file').map(({ target }) => target),
    ]),
  )
  const done = new Set<string>()
  const trail: string[] = []
  const visit = (path: string): readonly string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return undefined
    trail.push(path)
    for (const target of imports.get(path) ?? []) {
      const cycle = visit(target)
      if (cycle !== undefined) return cycle
    }
    trail.pop()
    done.add(path)
    return undefined
  }
  for (const { path } of sources) {
    const cycle = visit(path)
    if (cycle !== undefined) return cycle
  }
  return undefined
}

const SOURCES = readSources(['registry', 'workers', 'src'])

describe('the project', () => {
  it('is read: every part that must be there has files', () => {
    const present = new Set(SOURCES.map(({ path }) => partOf(path)))
    for (const part of [
      'errors',
      'registry',
      'events',
      'protocol',
      'files',
      'onnx',
      'runtime',
      'packed',
      'scheduler',
      'text',
      'convert',
      'inference',
      'worker',
      'pool',
      'fake',
      'index',
    ]) {
      expect(present, part).toContain(part)
    }
    expect(SOURCES.length).toBeGreaterThan(80)
  })

  it('has no file without a rank, and no import against the ranks', () => {
    const violations = SOURCES.flatMap(({ path, imports }) => {
      return [
        partOf(path) === undefined ? `${path} is of no rank` : undefined,
        ...imports.map((one) => violation(path, one)),
      ]
    })
    expect(violations.filter((problem) => problem !== undefined)).toEqual([])
  })

  it('imports only files that exist', () => {
    const paths = new Set(SOURCES.map(({ path }) => path))
    const targets = SOURCES.flatMap(({ imports }) => imports.filter(({ kind }) => kind === 'file'))
    expect(targets.filter(({ target }) => !paths.has(target))).toEqual([])
  })

  it('has no cycle, not even of types', () => {
    expect(findCycle(SOURCES)).toBeUndefined()
  })

  it('ranks by itself hold no cycle of parts', () => {
    const parts = Object.entries(PARTS).map(([name, part]) => ({
      path: name,
      imports: part.parts.map((target) => ({ target, kind: 'file' as const, typeOnly: false })),
      readsEnvironment: false,
    }))
    expect(findCycle(parts)).toBeUndefined()
  })

  it('looks at the environment in the command line, in files/environment.ts, and for the telemetry switch only', () => {
    const readers = SOURCES.filter(({ readsEnvironment }) => readsEnvironment).map(({ path }) => path)
    expect(readers.filter((path) => !MAY_READ_ENVIRONMENT.test(path))).toEqual([])
    expect(readers).toContain('src/files/environment.ts')
  })

  it('loads the engine on first use: session.ts imports its types, and the rest when a model is loaded', () => {
    const session = SOURCES.find(({ path }) => path === 'src/runtime/session.ts')
    const engine = session?.imports.filter(({ target }) => target === 'onnxruntime-node') ?? []
    expect(engine.filter(({ typeOnly }) => !typeOnly)).toHaveLength(1)
  })
})

describe('these tests notice', () => {
  const check = (path: string, text: string): readonly string[] => {
    const { imports } = parseSource(path, text)
    return imports.flatMap((one) => violation(path, one) ?? [])
  }

  it.each([
    ['src/onnx/graph.ts', "import { x } from '../convert/backbone.js'"],
    ['src/onnx/graph.ts', "import type { x } from '../convert/backbone.js'"],
    ['src/onnx/graph.ts', "import { getModel } from '../../registry/index.js'"],
    ['src/onnx/graph.ts', "import { x } from '../files/atomic.js'"],
    ['src/files/atomic.ts', "export * from '../onnx/graph.js'"],
    ['registry/types.ts', "import { join } from 'node:path'"],
    ['registry/types.ts', "type P = import('node:path').PlatformPath"],
    ['src/errors.ts', "import { x } from './events.js'"],
    ['src/events.ts', "import { StellaError } from './errors.js'"],
    ['src/inference/engine.ts', "import { InferenceSession } from 'onnxruntime-node'"],
    ['src/inference/engine.ts', "const engine = await import('onnxruntime-node')"],
    ['src/runtime/session.ts', "import { x } from '../convert/head.js'"],
    ['src/runtime/telemetry.ts', "import { InferenceSession } from 'onnxruntime-node'"],
    ['src/inference/options.ts', "import { Tokenizer } from 'tokenizers'"],
    ['src/text/overflow.ts', "import { Tokenizer } from 'tokenizers'"],
    ['src/scheduler/scheduler.ts', "import { performance } from 'node:perf_hooks'"],
    ['src/scheduler/scheduler.ts', "import { Crew } from '../pool/crew.js'"],
    ['src/text/tokenizer.ts', "import { promptFor } from '../inference/task.js'"],
    ['src/text/tokenizer.ts', "import { x } from '../onnx/graph.js'"],
    ['src/inference/options.ts', "import { x } from '../pool/plan.js'"],
    ['src/pool/plan.ts', "import { Piscina } from 'piscina'"],
    ['src/pool/plan.ts', "import '../../workers/embedding-worker.js'"],
    ['src/pool/plan.ts', "import { x } from '../index.js'"],
    ['src/pool/plan.ts', "import { createFakePool } from '../fake/index.js'"],
    ['src/index.ts', "export { createFakePool } from './fake/index.js'"],
    ['src/fake/fake-tokenizer.ts', "import { Tokenizer } from 'tokenizers'"],
    ['src/fake/hash.ts', "import { createHash } from 'node:crypto'"],
    ['src/convert/convert.ts', "const zip = require('adm-zip')"],
    ['src/elsewhere/x.ts', "import { StellaError } from '../errors.js'"],
  ])('in %s: %s', (path, text) => {
    expect(check(path, text)).toHaveLength(1)
  })

  it.each([
    ['src/onnx/graph.ts', "import type { ArchitectureInfo } from '../../registry/types.js'"],
    ['src/events.ts', "import { type StellaErrorCode } from './errors.js'"],
    ['src/pool/worker-thread.ts', "import { Piscina } from 'piscina'"],
    ['src/convert/convert.ts', "import { createHash } from 'node:crypto'"],
  ])('nothing in %s: %s', (path, text) => {
    expect(check(path, text)).toEqual([])
  })

  it.each([
    'process.env.HOME',
    "process['env']",
    'globalThis.process.env',
    'const { env } = process',
    "import { env } from 'node:process'",
  ])('that %s reads the environment', (text) => {
    expect(parseSource('src/x.ts', text).readsEnvironment).toBe(true)
    expect(parseSource('src/x.ts', 'process.environment; const { pid } = process').readsEnvironment).toBe(false)
  })

  it('a cycle', () => {
    const file = (path: string, ...targets: readonly string[]): SourceFile => ({
      path,
      imports: targets.map((target) => ({ target, kind: 'file', typeOnly: true })),
      readsEnvironment: false,
    })
    expect(findCycle([file('a', 'b'), file('b', 'c', 'd'), file('c'), file('d', 'b')])).toEqual(['b', 'd', 'b'])
    expect(findCycle([file('a', 'b', 'c'), file('b', 'c'), file('c')])).toBeUndefined()
  })

  it('an import by a computed name', () => {
    expect(() => parseSource('src/x.ts', 'await import(name)')).toThrow('computed')
  })
})
