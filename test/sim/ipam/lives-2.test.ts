import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runLives } from './lives.ts'

/** Half of the lives; the other file has the other half, so that both cores are used. */
test('no address has two owners, rings converge, what is free is given: lives 251 to 500', () => {
  const { failed, answers } = runLives(251, 250)
  assert.deepEqual(failed, [])
  assert.ok(answers > 10_000)
})
