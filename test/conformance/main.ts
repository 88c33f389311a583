import { Differences } from './differences.ts'
import { runVectors } from './run.ts'

/** `npm run conformance -- DIR`: runs every vector file under DIR and prints what came of it. */
const directory = process.argv[2]
if (directory === undefined) {
  console.error('usage: npm run conformance -- DIRECTORY')
  process.exit(2)
}

let passed = 0
let failed = 0
let notRun = 0
for await (const result of runVectors(directory, Differences.load())) {
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
