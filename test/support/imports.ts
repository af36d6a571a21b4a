/** Reads which modules a TypeScript file imports, and whether it looks at environment variables. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** One import of a file. */
export interface Import {
  /** Path from the project's root with `.ts`, for a file of the project; else the specifier. */
  readonly target: string
  readonly kind: 'file' | 'node' | 'package'
  /** Whether only types are imported, which leaves nothing at run time. */
  readonly typeOnly: boolean
}

/** A parsed source file. */
export interface SourceFile {
  /** Path from the project's root, with forward slashes. */
  readonly path: string
  readonly imports: readonly Import[]
  /** Whether it mentions `process.env`, or imports `env` from `node:process`. */
  readonly readsEnvironment: boolean
}

/** Every TypeScript file under these folders of the project. */
export function readSources(folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) => {
    const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    const paths = names.filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name.split(sep).join('/')}`)
    return paths.sort().map((path) => parseSource(path, readFileSync(join(ROOT, path), 'utf8')))
  })
}

/** Parses the text of the file at `path`: every form of import and re-export there is. */
export function parseSource(path: string, text: string): SourceFile {
  const imports: Import[] = []
  let readsEnvironment = false
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined) return
    if (!ts.isStringLiteralLike(specifier)) throw new Error(`${path} imports a module by a computed name`)
    imports.push({ ...resolve(path, specifier.text), typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, isTypeImport(node))
      readsEnvironment ||= importsEnv(node)
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeExport(node))
    else if (ts.isImportTypeNode(node)) add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node, true)
    else if (ts.isImportEqualsDeclaration(node)) add(node.moduleReference, node.isTypeOnly)
    else if (ts.isCallExpression(node) && isLoader(node.expression)) add(node.arguments[0], false)
    else if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) {
      readsEnvironment ||= /^(globalThis\.)?process(\.env|\['env'\]|\["env"\])$/.test(node.getText())
    } else if (ts.isVariableDeclaration(node) && node.initializer?.getText() === 'process') {
      readsEnvironment ||= ts.isObjectBindingPattern(node.name) && /\benv\b/.test(node.name.getText())
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return { path, imports, readsEnvironment }
}

function resolve(path: string, specifier: string): Pick<Import, 'target' | 'kind'> {
  if (specifier.startsWith('node:')) return { target: specifier, kind: 'node' }
  if (!specifier.startsWith('.')) {
    const [owner = '', name = ''] = specifier.split('/')
    return { target: specifier.startsWith('@') ? `${owner}/${name}` : owner, kind: 'package' }
  }
  const target = relative(ROOT, join(ROOT, dirname(path), specifier))
    .split(sep)
    .join('/')
  return { target: target.replace(/\.js$/, '.ts'), kind: 'file' }
}

function isTypeImport({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = importClause
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly)
}

function isTypeExport({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly) return true
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) return false
  return exportClause.elements.length > 0 && exportClause.elements.every((element) => element.isTypeOnly)
}

function isLoader(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || /^(require|require\.resolve)$/.test(callee.getText())
}

function importsEnv({ moduleSpecifier, importClause }: ts.ImportDeclaration): boolean {
  if (!ts.isStringLiteral(moduleSpecifier) || !/^(node:)?process$/.test(moduleSpecifier.text)) return false
  return /\benv\b/.test(importClause?.getText() ?? '')
}
