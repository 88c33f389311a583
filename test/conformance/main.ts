import { existsSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Differences } from './differences.ts'
import { runVectors, vectorFiles } from './run.ts'

/** `npm run conformance -- PATH`: runs a vector file, or every one below a directory, and prints what came of it. */
const path = process.argv[2]
if (path === undefined) fail('usage: npm run conformance -- DIRECTORY|FILE')
if (!existsSync(path)) fail(`conformance: there is no ${path}`)
const isDirectory = statSync(path).isDirectory()
if (isDirectory && vectorFiles(path).length === 0) fail(`conformance: no vector files below ${path}`)

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}

let passed = 0
let failed = 0
let notRun = 0
const directory = isDirectory ? path : dirname(path)
const files = isDirectory ? vectorFiles(path) : [basename(path)]
for await (const result of runVectors(directory, files, Differences.load())) {
  passed += result.passed
  failed += result.failures.length
  notRun += result.notRun.length
  const mark = result.failures.length > 0 ? 'FAIL' : result.passed > 0 ? 'ok  ' : '-   '
  console.log(
    `${mark} ${result.file.padEnd(44)} ${result.passed} passed${result.notRun.length > 0 ? `, ${result.notRun.length} not run` : ''}`,
  )
  for (const failure of result.failures.slice(0, 20)) console.log(`       ${failure}`)
  for (const reason of result.notRun.slice(0, 5)) console.log(`       not run: ${reason}`)
}
console.log(`${passed} passed, ${failed} failed, ${notRun} not run`)
process.exitCode = failed > 0 ? 1 : 0
