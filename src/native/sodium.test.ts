import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import nacl from 'tweetnacl'
import { loadSodium } from './sodium.ts'

const sodium = loadSodium()
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

test('what is sealed opens again and equals an independent implementation', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes(24), bytes(32), (plain, nonce, key) => {
      const box = sodium.seal(plain, nonce, key)
      assert.deepEqual(box, nacl.secretbox(plain, nonce, key))
      assert.deepEqual(sodium.open(box, nonce, key), plain)
    }),
  )
})

test('a box with any bit flipped does not open', () => {
  const [nonce, key] = [new Uint8Array(24), new Uint8Array(32).fill(7)]
  const box = sodium.seal(Uint8Array.of(1, 2, 3), nonce, key)
  for (let bit = 0; bit < box.length * 8; bit++) {
    const forged = box.slice()
    forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(sodium.open(forged, nonce, key), undefined)
  }
})

test('a box shorter than its tag does not open', () => {
  assert.equal(sodium.open(new Uint8Array(15), new Uint8Array(24), new Uint8Array(32)), undefined)
})

test('both sides share the key that an independent implementation precomputes', () => {
  const [ours, theirs] = [sodium.keyPair(), nacl.box.keyPair()]
  const key = sodium.sharedKey(ours.privateKey, theirs.publicKey)
  assert.deepEqual(key, sodium.sharedKey(theirs.secretKey, ours.publicKey))
  assert.deepEqual(key, nacl.box.before(theirs.publicKey, ours.privateKey))
})

test('a public key of small order is taken like an independent implementation takes it', () => {
  const { privateKey } = sodium.keyPair()
  for (const point of [new Uint8Array(32), Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))]) {
    assert.deepEqual(sodium.sharedKey(privateKey, point), nacl.box.before(point, privateKey))
  }
})

test('arguments of the wrong size are refused', () => {
  assert.throws(() => sodium.seal(new Uint8Array(1), new Uint8Array(23), new Uint8Array(32)), /nonce of 24/)
  assert.throws(() => sodium.publicKey(new Uint8Array(31)), /32 bytes/)
})
