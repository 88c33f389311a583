import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectFile } from '../support/project.ts'
import { Differences } from './differences.ts'
import { runFile, vectorFiles } from './run.ts'

const directory = projectFile('test/vectors')
const differences = Differences.load()

for (const file of vectorFiles(directory)) {
  test(`${file} gives what was recorded, or what differences.json says`, async (context) => {
    const result = await runFile(directory, file, differences)
    assert.deepEqual(result.failures, [])
    if (result.notRun.length > 0) context.diagnostic(`not run: ${result.notRun.length} (${result.notRun[0]})`)
  })
}
