import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { Surrogate } from './surrogate.ts'

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

test('a payload is relayed once in thirty seconds', () => {
  let now = 0
  const surrogate = new Surrogate(sha256, () => now)
  const payload = Uint8Array.of(1, 2, 3)
  assert.deepEqual(surrogate.onGossip(payload)?.encode(), [payload])
  now = 29_999
  assert.equal(surrogate.onGossip(payload), undefined)
  assert.notEqual(surrogate.onGossip(Uint8Array.of(4)), undefined)
  now = 30_001
  assert.notEqual(surrogate.onGossip(payload), undefined)
})

test('broadcasts are always relayed, unicasts are nothing to us, nothing is originated', () => {
  const surrogate = new Surrogate(sha256, () => 0)
  const payload = Uint8Array.of(9)
  assert.deepEqual(surrogate.onBroadcast(0, payload).encode(), [payload])
  assert.deepEqual(surrogate.onBroadcast(0, payload).encode(), [payload])
  assert.equal(surrogate.onUnicast(), undefined)
  assert.equal(surrogate.complete(), undefined)
})

test('what waits for one slow neighbour is bounded in messages and in bytes', () => {
  const surrogate = new Surrogate(sha256, () => 0)
  let waiting = surrogate.onBroadcast(0, Uint8Array.of(0))
  for (let i = 1; i < 500; i++)
    waiting = surrogate
      .onBroadcast(0, Uint8Array.of(i & 255))
      .merge(waiting)
      .merge(waiting)
  assert.ok(waiting.encode().length <= 64)

  let large = surrogate.onBroadcast(0, new Uint8Array(300_000))
  for (let i = 0; i < 20; i++) large = large.merge(surrogate.onBroadcast(0, new Uint8Array(300_000)))
  const bytes = large.encode().reduce((sum, { length }) => sum + length, 0)
  assert.ok(bytes <= 1024 * 1024, `${bytes} bytes`)
})

test('what was seen is bounded too: memory does not grow with the number of payloads', () => {
  const surrogate = new Surrogate(sha256, () => 0)
  const first = Uint8Array.of(1)
  surrogate.onGossip(first)
  for (let i = 0; i < 5_000; i++) surrogate.onGossip(Uint8Array.of(2, i >> 8, i & 255))
  assert.notEqual(surrogate.onGossip(first), undefined, 'the oldest was forgotten')
})
