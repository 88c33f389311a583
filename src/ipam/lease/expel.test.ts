import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PeerName } from '../../lib/peer-name.ts'
import type { Allocator } from '../allocator.ts'
import { NO_PROMISES } from '../promises.ts'
import type { AllocatorOutput, Answer } from '../request.ts'
import { emptyRing, type Ring } from '../ring.ts'
import { seedRing } from '../ring-change.ts'
import { A, B, C, leasedPeer, RANGE, RECLAIM } from '../testing/leased-peer.ts'
import { foundingEpoch } from './epoch.ts'
import { granted, NO_LEASES, write } from './lease.ts'
import { voteIn } from './vote.ts'

const all = seedRing(emptyRing(RANGE, A), [A, B, C])
const founding = foundingEpoch(all, RECLAIM.leaseTime, RECLAIM.holdTime)

/** A after its start at 0, with its disk of an epoch in which A, B and C vote; `ring`: who owns what. */
function startedHost(ring: Ring, isKnown: (peer: PeerName) => boolean): Allocator {
  const allocator = leasedPeer(isKnown)
  const leases = new Map([A, B, C].map((peer) => [peer, { number: 1, held: [], out: [] }]))
  const vote = voteIn({ ...founding, number: 1, ring, leases })
  const own = granted(write(NO_LEASES, [], []), 1)
  const promises = { ...NO_PROMISES, lease: { vote, own, isBound: true } }
  allocator.start({ ring, promises, owned: new Map() }, [], 0)
  return allocator
}

const answers = (outputs: readonly AllocatorOutput[]): Answer[] =>
  outputs.flatMap((output) => (output.kind === 'answer' ? [output.answer] : []))

test('voters that are removed by force are missed no longer, though they own nothing', () => {
  const allocator = startedHost(seedRing(emptyRing(RANGE, A), [A]), () => false)
  assert.deepEqual(allocator.leases?.epoch?.voters, [A, B, C])

  const outputs = allocator.removePeer(1, B, { force: true, gone: new Set([C]) }, 1)
  assert.deepEqual(answers(outputs), [{ kind: 'taken', count: 0 }])
  assert.deepEqual(allocator.leases?.epoch?.voters, [A])
})

// A has not been told yet what the others know: it may not propose anything.
describe('that a host is dead, as an operator said, is not believed', () => {
  test('when it has been back since', () => {
    const known = new Set([C])
    const allocator = startedHost(all, (peer) => known.has(peer))
    assert.deepEqual(answers(allocator.removePeer(1, B, { force: false, gone: new Set() }, 1)), [])
    known.add(B)
    const [answer] = answers(allocator.containerStarted('c', 2))
    assert.ok(answer?.kind === 'failed' && /^not removed: .* can be reached$/.test(answer.text))
  })

  test('ten seconds later', () => {
    const allocator = startedHost(all, (peer) => peer === C)
    assert.deepEqual(answers(allocator.removePeer(1, B, { force: false, gone: new Set() }, 1)), [])
    assert.deepEqual(answers(allocator.tick(10_000)), [])
    assert.ok((allocator.nextDeadline() ?? Number.POSITIVE_INFINITY) <= 10_001)
    const [answer] = answers(allocator.tick(10_001))
    assert.ok(answer?.kind === 'failed' && /could not decide in time/.test(answer.text))
  })
})
