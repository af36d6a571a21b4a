/** The TypeScript examples of the documentation: found, compiled as a user's modules, and run. Knows none of them. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { runInThisContext } from 'node:vm'

import ts from 'typescript'

import { readPage } from './doc-pages.js'

const ROOT = join(import.meta.dirname, '../..')

/** One fenced block. */
export interface Example {
  /** Relative to the root. */
  readonly file: string
  /** Of its first line. */
  readonly line: number
  readonly code: string
}

/** The blocks of a page that are marked `ts`. */
export function readExamples(file: string): readonly Example[] {
  const blocks = readPage(file).blocks.filter(({ language }) => language === 'ts')
  return blocks.map(({ line, code }) => ({ file, line, code }))
}

/** What examples may use without importing it, as the head of `docs/pool.md` says; and what they import and is not here. */
const PREAMBLE = `import type * as api from 'stella-pool'
declare global {
  const pool: api.EmbeddingPool
  const documents: readonly string[]
  const signal: AbortSignal
  const evaluator: api.StellaEvaluator
  const pairs: readonly api.TextPair[]
  function save(index: number, embedding: Float32Array): Promise<void>
  const EmbeddingPool: typeof api.EmbeddingPool
  const describeCheckpoint: typeof api.describeCheckpoint
  const registerModel: typeof api.registerModel
  const isStellaError: typeof api.isStellaError
}
`

/**
 * What declares the names that examples use and do not import. No `.d.ts`, whose mistakes the compiler would pass over:
 * a type that is not there would be `any`, and every use of it right.
 */
export const SURROUNDINGS: Example = { file: 'docs/surroundings', line: 1, code: PREAMBLE }

/** As much of it as an example takes; checked against @opentelemetry/api 1.9.1 by hand. */
const OPEN_TELEMETRY = `
declare module '@opentelemetry/api' {
  export interface Span {
    recordException(exception: Error | string): void
    setStatus(status: { code: number }): this
    setAttributes(attributes: Record<string, string | number | undefined>): this
    end(): void
  }
  export const SpanStatusCode: { readonly ERROR: 2 }
  export const trace: { getTracer(name: string): { startSpan(name: string, options?: { root?: boolean }): Span } }
}
`

/** The same; tried with express 5 by hand. */
const EXPRESS = `
declare module 'express' {
  import type { IncomingMessage, Server, ServerResponse } from 'node:http'
  export interface Request extends IncomingMessage {
    readonly body: unknown
    readonly originalUrl: string
  }
  export interface Response extends ServerResponse {
    json(body: unknown): this
    set(headers: Readonly<Record<string, string>>): this
    status(code: number): this
    send(body: string): this
  }
  export type NextFunction = (error?: unknown) => void
  type Handler = (request: Request, response: Response, next: NextFunction) => unknown
  type ErrorHandler = (error: unknown, request: Request, response: Response, next: NextFunction) => unknown
  interface Application {
    post(path: string, ...handlers: readonly Handler[]): this
    use(handler: ErrorHandler): this
    listen(port: number, host: string): Server
  }
  const express: (() => Application) & { json(options: { readonly limit: string }): Handler }
  export default express
}
`

/** A program of all examples and of what they import, from the sources. */
export function programOf(examples: readonly Example[]): ts.Program {
  const options: ts.CompilerOptions = {
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true, noEmit: true, types: ['node'] },
    ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, esModuleInterop: true },
    lib: ['lib.es2023.d.ts', 'lib.es2024.sharedmemory.d.ts', 'lib.esnext.disposable.d.ts'],
    paths: {
      'stella-pool': [join(ROOT, 'src/index.ts')],
      'stella-pool/testing': [join(ROOT, 'src/fake/index.ts')],
    },
  }
  const files = new Map([
    [pathOf(SURROUNDINGS), PREAMBLE],
    [join(ROOT, 'docs/open-telemetry.d.ts'), OPEN_TELEMETRY],
    [join(ROOT, 'docs/express.d.ts'), EXPRESS],
    // A module each, so that two of them may have the same names.
    ...examples.map((example) => [pathOf(example), `${example.code}\nexport {}`] as const),
  ])
  const host = ts.createCompilerHost(options)
  const onDisk = { ...host }
  host.fileExists = (path) => files.has(path) || onDisk.fileExists(path)
  host.readFile = (path) => files.get(path) ?? onDisk.readFile(path)
  host.getSourceFile = (path, language, ...rest) => {
    const text = files.get(path)
    return text === undefined
      ? onDisk.getSourceFile(path, language, ...rest)
      : ts.createSourceFile(path, text, language)
  }
  return ts.createProgram([...files.keys()], options, host)
}

/** What does not compile about an example, line by line. */
export function problemsOf(program: ts.Program, example: Example): readonly string[] {
  const source = program.getSourceFile(pathOf(example))
  if (source === undefined) throw new Error(`${example.file} line ${example.line} is no part of the program`)
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ start = 0, messageText }) => {
      const { line } = source.getLineAndCharacterOfPosition(start)
      return `${example.file}:${example.line + line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    },
  )
}

/** Names of the properties of an interface, or the members of a union of texts, that `file` declares. */
export function namesOf(program: ts.Program, file: string, type: string): readonly string[] {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(join(ROOT, file))
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
  const symbol = module === undefined ? undefined : checker.tryGetMemberInModuleExports(type, module)
  if (symbol === undefined) throw new Error(`${file} has no ${type}`)
  const declared = checker.getDeclaredTypeOfSymbol(symbol)
  const literals = declared.isUnion() ? declared.types.filter((member) => member.isStringLiteral()) : []
  return literals.length > 0
    ? literals.map(({ value }) => value)
    : checker.getPropertiesOfType(declared).map(({ name }) => name)
}

/** What an example is run with. */
export interface Surroundings {
  /** By name, instead of Node's own. */
  readonly modules: Readonly<Record<string, unknown>>
  readonly globals: Readonly<Record<string, unknown>>
}

/** Runs an example to its end; gives what it exports. */
export async function runExample(example: Example, { modules, globals }: Surroundings): Promise<object> {
  const { outputText } = ts.transpileModule(example.code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
  })
  const names = ['require', 'exports', ...Object.keys(globals)]
  const program: unknown = runInThisContext(`(async (${names.join(', ')}) => {{\n${outputText}\n}})`, {
    filename: `${example.file}:${example.line}`,
    lineOffset: -1,
  })
  const native = createRequire(import.meta.url)
  const load = (name: string): unknown => (Object.hasOwn(modules, name) ? modules[name] : native(name))
  const exported = {}
  await (program as (...values: readonly unknown[]) => Promise<void>)(load, exported, ...Object.values(globals))
  return exported
}

function pathOf({ file, line }: Example): string {
  return join(ROOT, `${file}.${line}.ts`)
}
