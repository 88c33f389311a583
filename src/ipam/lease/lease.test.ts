import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WireError } from '../../lib/errors.ts'
import type { Range } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { RangeSet } from '../range-set.ts'
import { emptyRing, ownedRanges } from '../ring.ts'
import { seedRing, seize } from '../ring-change.ts'
import { decodeLeaseMessage, decodeLeaseState, encodeLeaseMessage, encodeLeaseState } from './codec.ts'
import { foundingEpoch } from './epoch.ts'
import {
  covers,
  difference,
  granted,
  intersection,
  mayLeave,
  NO_LEASES,
  outOf,
  permitted,
  standBy,
  write,
} from './lease.ts'
import { voteIn } from './vote.ts'

const [A, B] = [0x0200_0000_000a, 0x0200_0000_000b] as PeerName[] as [PeerName, PeerName]
const range = { start: 0x0a20_0000, end: 0x0a20_1000 }
const ranges = fc
  .array(fc.tuple(fc.nat(4000), fc.integer({ min: 1, max: 20 })), { maxLength: 120 })
  .map((list) =>
    RangeSet.of(
      list.map(([at, size]) => ({ start: range.start + at, end: range.start + at + size })),
    ).ranges(),
  )

test('a block may leave also where it touches others that are leaving, and what may have been given away', () => {
  const at = (from: number, to: number): Range => ({ start: range.start + from, end: range.start + to })
  const [block, next] = [at(38, 40), at(40, 41)]
  const own = granted(write(NO_LEASES, [], outOf([block, next], [at(41, 42), at(36, 40)])), 1)
  assert.deepEqual(own.live[0]?.out, [at(36, 38), block, next, at(41, 42)])
  assert.ok(mayLeave(own, block) && mayLeave(own, next))
})

test('a lease holds all that it has to and nothing that is on its way out, in few ranges', () => {
  fc.assert(
    fc.property(ranges, ranges, (used, blocks) => {
      const out = blocks.slice(0, 5)
      const lease = write(NO_LEASES, used, out).live[0]
      assert.ok(lease !== undefined)
      assert.ok(covers(lease.held, difference(used, out)))
      assert.deepEqual(intersection(lease.held, out), [])
      assert.ok(lease.held.length <= 64 + out.length)
    }),
  )
})

test('what is permitted is held in every live lease, whatever is written, granted or known to others', () => {
  const step = fc.oneof(ranges, fc.nat(10))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let own = write(NO_LEASES, [], [])
      for (const one of steps) {
        if (typeof one !== 'number') own = write(own, one, [])
        else {
          const lease = own.live[one % own.live.length]
          if (lease !== undefined) own = one % 2 === 0 ? granted(own, lease.number) : standBy(own, lease)
        }
        for (const { held } of own.live) assert.ok(covers(held, permitted(own)))
        assert.deepEqual(
          own.live.map(({ number }) => number),
          own.live.map(({ number }) => number).toSorted((a, b) => a - b),
        )
      }
    }),
  )
})

test('a block leaves when a lease with it was granted and no live one lacks it', () => {
  const block: Range = { start: range.start, end: range.start + 8 }
  const before = granted(write(NO_LEASES, [], []), 1)
  const asked = write(before, [], [block])
  assert.equal(mayLeave(asked, block), false)
  const got = granted(asked, 2)
  assert.equal(mayLeave(got, block), true)
  assert.equal(mayLeave(write(got, [], []), block), false)
  assert.equal(mayLeave(got, { ...block, end: block.end - 1 }), false)
})

test('space is seized to the address, and outranks what the former owner still writes', () => {
  fc.assert(
    fc.property(ranges, (taken) => {
      const ring = seedRing(emptyRing(range, A), [A, B])
      const after = seize(ring, taken, B, A)
      const lost = intersection(ownedRanges(ring, B), taken)
      assert.ok(covers(ownedRanges(after, A), lost))
      assert.deepEqual(intersection(ownedRanges(after, B), taken), [])
      assert.ok(covers(ownedRanges(after, B), difference(ownedRanges(ring, B), taken)))
    }),
  )
})

test('leases survive their encoding, and damaged ones are refused', () => {
  const ring = seedRing(emptyRing(range, A), [A, B])
  const epoch = { ...foundingEpoch(ring, 1000, 2000), ring }
  fc.assert(
    fc.property(ranges, fc.nat(300), fc.nat(255), (held, at, byte) => {
      const own = write(NO_LEASES, held.slice(0, 60), [])
      const state = { vote: voteIn(epoch), own, isBound: true }
      assert.deepEqual(decodeLeaseState(encodeLeaseState(state)), state)
      const [lease] = own.live
      assert.ok(lease !== undefined)
      const message = { kind: 'renew', epoch: 7, lease, ring, stamp: 5, wall: 6, uid: 2n ** 63n } as const
      const payload = encodeLeaseMessage({ seeds: [A, B], from: A, message })
      assert.deepEqual(decodeLeaseMessage(payload), { seeds: [A, B], from: A, message })
      payload[at % payload.length] = byte
      try {
        decodeLeaseMessage(payload)
      } catch (thrown) {
        assert.ok(thrown instanceof WireError)
      }
    }),
  )
})
