import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { messageOf } from '../../src/lib/errors.ts'
import type { Differences } from './differences.ts'
import { runners } from './registry.ts'

/** What came of one vector file. */
export interface FileResult {
  readonly file: string
  readonly passed: number
  readonly failures: readonly string[]
  readonly notRun: readonly string[]
}

/** Files that only accompany vectors. */
const COMPANION = /differences\.json$/

/** Vector files under `directory`, named as from the root of the vectors (`mesh/routes.json`). */
export function vectorFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json') && !COMPANION.test(name))
    .sort()
}

/** Finds the runner although `directory` may be the root of the vectors or one of its folders. */
function runnerOf(
  directory: string,
  file: string,
): { name: string; run: (typeof runners)[string] | undefined } {
  const absolute = resolve(directory, file)
  const name = Object.keys(runners).find((known) => absolute.endsWith(`/${known}`)) ?? file
  return { name, run: runners[name] }
}

/** Runs vector files of `directory` and yields each one's result. */
export async function* runVectors(
  directory: string,
  files: readonly string[],
  differences: Differences,
): AsyncGenerator<FileResult> {
  for (const file of files) yield await runFile(directory, file, differences)
}

export async function runFile(
  directory: string,
  file: string,
  differences: Differences,
): Promise<FileResult> {
  const { name, run } = runnerOf(directory, file)
  if (run === undefined) return { file: name, passed: 0, failures: [], notRun: ['no runner'] }
  const path = join(directory, file)
  const failures: string[] = []
  const notRun: string[] = []
  let passed = 0
  try {
    const vector = JSON.parse(readFileSync(path, 'utf8')) as never
    for await (const observed of run(vector, path)) {
      const verdict = differences.judge(name, observed)
      if (verdict.kind === 'passed') passed++
      else if (verdict.kind === 'not run') notRun.push(`${observed.case}: ${verdict.why}`)
      else failures.push(`${observed.case}: ${verdict.why}`)
    }
  } catch (thrown) {
    failures.push(`runner stopped: ${thrown instanceof Error ? thrown.stack : messageOf(thrown)}`)
  }
  for (const unused of differences.unused(name)) failures.push(`listed difference did not come up: ${unused}`)
  return { file: relative('.', name), passed, failures, notRun }
}
