import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rekey } from './rekey.ts'

test('a key is replaced after its time', () => {
  const rekey = new Rekey({ everyMs: 60_000, everyBytes: 1000 }, 0)
  assert.equal(rekey.nextDeadline(), 10_000)
  assert.equal(rekey.advance(10_000, 1), false)
  assert.equal(rekey.advance(60_000, 2), true)
  assert.equal(rekey.since, 60_000)
  assert.equal(rekey.advance(70_000, 3), false)
})

test('a key is replaced after its bytes, counted from the key before', () => {
  const rekey = new Rekey({ everyMs: 3_600_000, everyBytes: 1000 }, 0)
  assert.equal(rekey.advance(10_000, 1000), true)
  assert.equal(rekey.advance(20_000, 1999), false)
  assert.equal(rekey.advance(30_000, 2000), true)
})

test('between two looks nothing happens', () => {
  const rekey = new Rekey({ everyMs: 3_600_000, everyBytes: 10 }, 0)
  assert.equal(rekey.advance(9_999, 1_000_000), false)
})

test('a short time is kept exactly', () => {
  const rekey = new Rekey({ everyMs: 500, everyBytes: 1e9 }, 0)
  assert.equal(rekey.nextDeadline(), 500)
  assert.equal(rekey.advance(500, 1), true)
})

test('a key that nothing was sent with is kept', () => {
  const rekey = new Rekey({ everyMs: 500, everyBytes: 1e9 }, 0)
  assert.equal(rekey.advance(500, 1), true)
  assert.equal(rekey.advance(1000, 1), false)
  assert.equal(rekey.advance(1500, 2), true)
})
