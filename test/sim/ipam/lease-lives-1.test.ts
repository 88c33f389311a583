import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runLeaseLives } from './lease-lives.ts'

test('with leases no address has two owners, and what the dead had comes back: lives 1 to 250', () => {
  const { failed, answers } = runLeaseLives(1, 250)
  assert.deepEqual(failed, [])
  assert.ok(answers > 10_000)
})
