import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AcceptLimiter, sourceOf } from './accept-limiter.ts'

const limits = {
  perSource: { burst: 2, everyMs: 50 },
  total: { burst: 4, everyMs: 10 },
  waitingPerSource: 3,
  waiting: 8,
}

test('a source gets its burst, then one per interval, in order', () => {
  const limiter = new AcceptLimiter<number>(0, limits)
  for (const item of [1, 2, 3]) assert.ok(limiter.offer('a', item, 0))
  assert.deepEqual(limiter.admitted(0), [1, 2])
  assert.equal(limiter.nextDeadline(0), 50)
  assert.deepEqual(limiter.admitted(49), [])
  assert.deepEqual(limiter.admitted(50), [3])
  assert.equal(limiter.nextDeadline(50), Number.POSITIVE_INFINITY)
})

test('a source that floods is refused and does not hold up a newcomer', () => {
  const limiter = new AcceptLimiter<string>(0, limits)
  const taken = ['f1', 'f2', 'f3', 'f4', 'f5'].map((item) => limiter.offer('flood', item, 0))
  assert.deepEqual(taken, [true, true, true, false, false])
  assert.ok(limiter.offer('newcomer', 'n1', 0))
  assert.deepEqual(limiter.admitted(0), ['f1', 'f2', 'n1'])
  assert.equal(limiter.waiting, 1)
})

test('all sources together are limited too', () => {
  const limiter = new AcceptLimiter<string>(0, limits)
  for (const source of ['a', 'b', 'c', 'd', 'e', 'f']) limiter.offer(source, source, 0)
  assert.deepEqual(limiter.admitted(0), ['a', 'b', 'c', 'd'])
  assert.equal(limiter.nextDeadline(0), 10)
  assert.deepEqual(limiter.admitted(10), ['e'])
  assert.deepEqual(limiter.clear(), ['f'])
})

test('the hosts of one IPv6 network are one source', () => {
  assert.equal(sourceOf('2001:db8:0:7::1'), sourceOf('2001:db8::7:a:b:c:d'))
  assert.notEqual(sourceOf('2001:db8::1'), sourceOf('2001:db9::1'))
  assert.equal(sourceOf('fd00::1'), sourceOf('fd00:0:0:0:1:2:3:4'))
  assert.equal(sourceOf('10.0.0.1'), '10.0.0.1')
})
