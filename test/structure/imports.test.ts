import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { projectFile } from '../support/project.ts'
import { IMPURE_CALLS, IMPURE_MODULES, PARTS, PURE_IMPORTS, SHELLS } from './parts.ts'

const source = projectFile('src')

interface SourceFile {
  /** Path from `src`, e.g. `mesh/routes.ts`. */
  readonly path: string
  readonly part: string
  readonly text: string
  readonly imports: readonly string[]
}

const files: readonly SourceFile[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path) => {
    const text = readFileSync(join(source, path), 'utf8').replaceAll(PURE_IMPORTS, '')
    const imports = [...text.matchAll(/(?:from\s+|import\s*\(?\s*)'([^']+)'/g)].map((match) => match[1] ?? '')
    return { path, part: path.split('/')[0] ?? '', text, imports }
  })

/** The part that a relative import lands in; undefined for packages and Node's modules. */
function partOf(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return relative(source, join(source, dirname(file.path), specifier)).split('/')[0]
}

test('every folder of src is a known part', () => {
  const unknown = files.filter((file) => PARTS[file.part] === undefined).map((file) => file.path)
  assert.deepEqual(unknown, [])
})

test('imports point only the way the architecture leans', () => {
  const wrong: string[] = []
  for (const file of files) {
    for (const specifier of file.imports) {
      const target = partOf(file, specifier)
      if (target === undefined || target === file.part) continue
      if (!(PARTS[file.part] ?? []).includes(target)) wrong.push(`${file.path} imports ${specifier}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('a core touches no socket, file, timer, clock or chance', () => {
  const wrong: string[] = []
  for (const file of files) {
    const shells = SHELLS[file.part]
    if (shells === undefined || shells.some((shell) => file.path.startsWith(`${file.part}/${shell}`)))
      continue
    for (const specifier of file.imports) {
      if (IMPURE_MODULES.includes(specifier)) wrong.push(`${file.path} imports ${specifier}`)
    }
    const call = IMPURE_CALLS.exec(file.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))
    if (call !== null) wrong.push(`${file.path} calls ${call[0]}`)
  }
  assert.deepEqual(wrong, [])
})

test('the list of shells has no stale entry', () => {
  const stale = Object.entries(SHELLS).flatMap(([part, shells]) =>
    shells
      .filter((shell) => !files.some((file) => file.path.startsWith(`${part}/${shell}`)))
      .map((shell) => `${part}/${shell}`),
  )
  assert.deepEqual(stale, [])
})
