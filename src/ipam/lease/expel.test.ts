import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cidrRange, parseCidr } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { seededRng } from '../../lib/rng.ts'
import { Allocator } from '../allocator.ts'
import { NO_PROMISES } from '../promises.ts'
import { emptyRing } from '../ring.ts'
import { seedRing } from '../ring-change.ts'
import { foundingEpoch } from './epoch.ts'
import { granted, NO_LEASES, write } from './lease.ts'
import { voteIn } from './vote.ts'

const range = cidrRange(parseCidr('10.32.0.0/26'))
const [A, B, C] = [10, 11, 12] as PeerName[] as [PeerName, PeerName, PeerName]
const reclaim = { leaseTime: 60_000, holdTime: 120_000 }

test('voters that are removed by force are missed no longer, though they own nothing', () => {
  const options = {
    self: A,
    nickname: 'a',
    uid: 1n,
    range,
    init: { kind: 'consensus', peers: 3 },
    reclaim,
  } as const
  const allocator = new Allocator(options, {
    rng: seededRng(1),
    wall: () => 0,
    quorum: () => 2,
    isKnown: () => false,
  })
  const all = seedRing(emptyRing(range, A), [A, B, C])
  const ring = seedRing(emptyRing(range, A), [A])
  const founding = foundingEpoch(all, reclaim.leaseTime, reclaim.holdTime)
  const vote = voteIn({ ...founding, number: 1, ring })
  const own = granted(write(NO_LEASES, [], []), 1)
  const promises = { ...NO_PROMISES, lease: { vote, own, isBound: true } }
  allocator.start({ ring, promises, owned: new Map() }, [], 0)
  assert.deepEqual(allocator.leases?.epoch?.voters, [A, B, C])

  const outputs = allocator.removePeer(1, B, { force: true, gone: new Set([C]) }, 1)
  assert.ok(outputs.some(({ kind }) => kind === 'answer'))
  assert.deepEqual(allocator.leases?.epoch?.voters, [A])
})
