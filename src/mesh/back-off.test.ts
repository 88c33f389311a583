import assert from 'node:assert/strict'
import test from 'node:test'
import type { Rng } from '../lib/rng.ts'
import { seededRng } from '../lib/rng.ts'
import { BackOff } from './back-off.ts'

const middle: Rng = { ...seededRng(1), float: () => 0.5 }

test('delays start at two seconds and grow by half up to six minutes', () => {
  const backOff = new BackOff()
  const delays = Array.from({ length: 20 }, () => backOff.failed(middle, 0))
  assert.deepEqual(delays.slice(0, 4), [2_000, 3_000, 4_500, 6_750])
  assert.equal(delays.at(-1), 360_000)
})

test('the jitter is half an interval to either side', () => {
  assert.equal(new BackOff().failed({ ...middle, float: () => 0 }, 0), 1_000)
  assert.ok(new BackOff().failed({ ...middle, float: () => 0.999 }, 0) < 3_000)
})

test('a peer that was lost is looked for five times a second for ten seconds, then as usual', () => {
  const backOff = new BackOff()
  backOff.lost(1_000)
  assert.equal(backOff.failed(middle, 1_000), 200)
  assert.equal(backOff.failed(middle, 10_999), 200)
  assert.equal(backOff.failed(middle, 11_000), 2_000)
})

test('after a reset the delays start anew', () => {
  const backOff = new BackOff()
  backOff.failed(middle, 0)
  backOff.failed(middle, 0)
  backOff.reset()
  assert.equal(backOff.failed(middle, 0), 2_000)
})
