import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runLeaseLives } from './lease-lives.ts'

test('with leases no address has two owners, and what the dead had comes back: lives 251 to 500', () => {
  const { failed, answers } = runLeaseLives(251, 250)
  assert.deepEqual(failed, [])
  assert.ok(answers > 10_000)
})
