import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import {
  countFree,
  distance,
  type Entry,
  emptyRing,
  ownedRanges,
  ownerOf,
  pieces,
  type Ring,
  ringFault,
} from './ring.ts'
import { grant, reportFree, seedRing, transfer } from './ring-change.ts'
import { donors } from './ring-donors.ts'
import { mergeRing } from './ring-merge.ts'

const SIZE = 32
const peer = (n: number): PeerName => (0x0200_0000_0000 + n) as PeerName
/** One range in the middle of IPv4, one that ends at 255.255.255.255, one that starts at 0.0.0.0. */
const origins = fc.constantFrom(0x0a20_0000, 2 ** 32 - SIZE, 0)

/** An entry is a function of token, version and owner, as in a real network. */
const entryOf = (origin: number, offset: number, version: number, owner: number): Entry => ({
  token: origin + offset,
  peer: peer(owner),
  version,
  free: (offset + 3 * version + owner) % 2,
})

const ringAt = (origin: number): fc.Arbitrary<Ring> =>
  fc
    .uniqueArray(
      fc.tuple(
        fc.integer({ min: 0, max: SIZE - 1 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
      ),
      { selector: ([offset]) => offset, minLength: 1, maxLength: 8 },
    )
    .map((entries) => ({
      start: origin,
      end: origin + SIZE,
      // An onlooker: owns nothing, so nothing of it can be at stake.
      peer: peer(9),
      seeds: [],
      entries: entries
        .map(([offset, version, owner]) => entryOf(origin, offset, version, owner))
        .sort((a, b) => a.token - b.token),
    }))

const merged = (a: Ring, b: Ring): readonly Entry[] => {
  const result = mergeRing(a, b, () => true)
  if (result.conflict !== undefined) throw new Error(result.conflict.text)
  return result.ring.entries
}

const ownersBelow = (ring: Ring): PeerName[] =>
  Array.from({ length: SIZE }, (_, offset) => ownerOf(ring, ring.start + offset))

test('for an onlooker merging is commutative, associative and idempotent', () => {
  const three = origins.chain((origin) => fc.tuple(ringAt(origin), ringAt(origin), ringAt(origin)))
  fc.assert(
    fc.property(three, ([a, b, c]) => {
      const union = (x: Ring, y: Ring): Ring => ({ ...x, entries: merged(x, y) })
      assert.deepEqual(merged(a, b), merged(b, a))
      assert.deepEqual(merged(union(a, b), c), merged(a, union(b, c)))
      assert.deepEqual(merged(a, a), a.entries)
      assert.deepEqual(merged(union(a, b), b), union(a, b).entries)
    }),
  )
})

test('owners, pieces and distances agree with going round address by address', () => {
  fc.assert(
    fc.property(origins.chain(ringAt), (ring) => {
      const naive = Array.from({ length: SIZE }, (_, offset) => {
        const below = ring.entries.filter((entry) => entry.token <= ring.start + offset)
        return (below.at(-1) ?? ring.entries.at(-1))?.peer
      })
      assert.deepEqual(ownersBelow(ring), naive)
      for (const piece of pieces(ring)) {
        for (let addr = piece.start; addr < piece.end; addr++)
          assert.equal(naive[addr - ring.start], piece.peer)
      }
      assert.equal(
        pieces(ring).reduce((sum, piece) => sum + piece.end - piece.start, 0),
        SIZE,
      )
      for (let owner = 1; owner <= 4; owner++) {
        const mine = ownedRanges(ring, peer(owner)).reduce((sum, range) => sum + range.end - range.start, 0)
        assert.equal(mine, naive.filter((name) => name === peer(owner)).length)
      }
      const sum = ring.entries.reduce(
        (total, entry, i) =>
          total + distance(ring, entry.token, (ring.entries[i + 1] ?? ring.entries[0] ?? entry).token),
        0,
      )
      assert.equal(sum, SIZE)
    }),
  )
})

test('granting, reporting and taking over keep a ring sound and every address with one owner', () => {
  fc.assert(
    fc.property(
      origins,
      fc.integer({ min: 1, max: 5 }),
      fc.array(
        fc.tuple(
          fc.integer({ min: 0, max: SIZE - 1 }),
          fc.integer({ min: 1, max: SIZE }),
          fc.integer({ min: 1, max: 6 }),
        ),
        { maxLength: 12 },
      ),
      (origin, seeds, steps) => {
        const range = { start: origin, end: origin + SIZE }
        const peers = Array.from({ length: seeds }, (_, i) => peer(i + 1))
        let ring = seedRing(emptyRing(range, peer(1)), peers)
        const naive = ownersBelow(ring)
        for (const [offset, length, to] of steps) {
          // Whoever owns the first address gives away what it owns of the stretch.
          const us = naive[offset] ?? peer(1)
          let end = offset
          while (end < Math.min(offset + length, SIZE) && naive[end] === us) naive[end++] = peer(to)
          ring = grant({ ...ring, peer: us }, { start: origin + offset, end: origin + end }, peer(to))
          ring = reportFree(
            ring,
            countFree(ring, (part) => part.end - part.start),
          )
          assert.equal(ringFault(ring), undefined)
          assert.deepEqual(ownersBelow(ring), naive)
        }
        const { ring: after } = transfer(ring, peer(2), peer(3))
        assert.equal(ringFault(after), undefined)
        assert.deepEqual(
          ownersBelow(after),
          naive.map((owner) => (owner === peer(2) ? peer(3) : owner)),
        )
      },
    ),
  )
})

test('space below the first token is asked for as well', () => {
  const ring: Ring = {
    ...emptyRing({ start: 0, end: 256 }, peer(1)),
    entries: [
      { token: 64, peer: peer(1), version: 0, free: 0 },
      { token: 128, peer: peer(2), version: 0, free: 7 },
    ],
  }
  assert.deepEqual(donors(ring, { start: 0, end: 16 }, seededRng(1)), [peer(2)])
})
