import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsed, queryBytes } from '../../test/support/dns-query.ts'
import { answerOf, emptyAnswer } from './answer.ts'
import { Cache, type CacheKey, cacheKey } from './cache.ts'
import type { UpstreamAnswer } from './upstream-answer.ts'
import { Flag, u32 } from './wire.ts'

const received = (ttlSec: number): UpstreamAnswer => {
  const answer = answerOf([{ type: 1, ttlSec, data: Uint8Array.of(192, 0, 2, 1) }])
  return { rcode: 0, answer, ttlAt: [6], ttlSec }
}
const negative = (ttlSec: number): UpstreamAnswer => ({ rcode: 3, answer: emptyAnswer(3), ttlAt: [], ttlSec })

function key(name: string, options: Parameters<typeof queryBytes>[2] = {}): CacheKey {
  const made = cacheKey(parsed(queryBytes(name, 'A', options)))
  assert.ok(made !== undefined)
  return made
}

test('an answer is given with the TTL that is left, until none is', () => {
  const cache = new Cache()
  cache.put(key('a.org'), received(10), 0)
  const ttl = (now: number): number | undefined => {
    const answer = cache.get(key('a.org'), now)
    return answer === undefined ? undefined : u32(answer.body, 6)
  }
  assert.deepEqual([ttl(0), ttl(999), ttl(1000), ttl(9999), ttl(10_000)], [10, 10, 9, 1, undefined])
})

test('what comes from the cache is not authoritative', () => {
  const cache = new Cache()
  const { answer } = received(10)
  assert.equal(answer.flags & Flag.AA, Flag.AA)
  cache.put(key('a.org'), received(10), 0)
  assert.equal((cache.get(key('a.org'), 0)?.flags ?? Flag.AA) & Flag.AA, 0)
})

test('answers without life are not kept, others not longer than allowed, negative ones shorter', () => {
  const cache = new Cache({ maxTtlSec: 100, maxNegativeTtlSec: 10 })
  assert.equal(cache.put(key('a.org'), received(0), 0), undefined)
  assert.equal(cache.put(key('a.org'), received(1000), 0)?.expiresAt, 100_000)
  assert.equal(cache.put(key('b.org'), negative(1000), 0)?.expiresAt, 10_000)
})

test('the cache is bounded by number and by size; the least recently used goes first, and is told', () => {
  const dropped: string[] = []
  const cache = new Cache({ entries: 2 }, ({ text }) => dropped.push(text))
  cache.put(key('a.org'), received(10), 0)
  cache.put(key('b.org'), received(10), 0)
  cache.get(key('a.org'), 0)
  cache.put(key('c.org'), received(10), 0)
  assert.deepEqual(dropped, [key('b.org').text])
  assert.equal(cache.size, 2)

  const small = new Cache({ bytes: 1000 })
  for (let i = 0; i < 100; i++) small.put(key(`name${i}.org`), received(10), 0)
  assert.ok(small.bytes <= 1000 && small.size > 0)
  small.clear()
  assert.deepEqual([small.bytes, small.size], [0, 0])
  assert.equal(new Cache({ entries: 0 }).put(key('a.org'), received(10), 0), undefined)
})

test('a stale answer serves for a while, with a short TTL', () => {
  const cache = new Cache({ staleSec: 60 })
  cache.put(key('a.org'), received(10), 0)
  assert.equal(u32(cache.getStale(key('a.org'), 69_999)?.body ?? new Uint8Array(10), 6), 30)
  assert.equal(cache.getStale(key('a.org'), 70_000), undefined)
  assert.equal(cache.getStale(key('b.org'), 0), undefined)
})

test('queries share an answer exactly when it is the same for them', () => {
  const plain = key('Example.ORG').text
  assert.equal(key('example.org', { id: 1 }).text, plain)
  assert.notEqual(key('example.org', { edns: 1232 }).text, plain)
  assert.notEqual(key('example.org', { flags: 0x0110 }).text, plain)
  assert.notEqual(key('example.net').text, plain)
  // Without recursion desired, with another opcode: answers are for this asker alone.
  for (const flags of [0, 0x2100, 0x0300]) {
    assert.equal(cacheKey(parsed(queryBytes('example.org', 'A', { flags }))), undefined)
  }
})
