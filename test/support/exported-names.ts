/** Names that a module of the project exports, types included. Reads its text; compiles nothing. */
import { posix } from 'node:path'

import ts from 'typescript'

import { textOf } from './doc-pages.js'

/**
 * Names that `file` exports, those of `export * from` included.
 *
 * @param file - From the root.
 */
export function exportedNames(file: string): readonly string[] {
  const source = ts.createSourceFile(file, textOf(file), ts.ScriptTarget.ES2023, true)
  return source.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) return namesOf(statement, file)
    if (!ts.canHaveModifiers(statement) || !isExported(statement)) return []
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => name.getText())
    const { name } = statement as { name?: ts.Node }
    return name === undefined ? [] : [name.getText()]
  })
}

function namesOf({ exportClause, moduleSpecifier }: ts.ExportDeclaration, file: string): readonly string[] {
  if (exportClause !== undefined && ts.isNamedExports(exportClause)) {
    return exportClause.elements.map(({ name }) => name.text)
  }
  if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return []
  return exportedNames(posix.join(posix.dirname(file), moduleSpecifier.text.replace(/\.js$/, '.ts')))
}

function isExported(statement: ts.HasModifiers): boolean {
  return ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true
}
