import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cidr, Ip4, Range } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import type { Allocator } from '../allocator.ts'
import { NO_PROMISES } from '../promises.ts'
import type { AllocatorOutput } from '../request.ts'
import { emptyRing, type Ring } from '../ring.ts'
import { DONATION_STEP, grant as donate, reportFree, seedRing, split } from '../ring-change.ts'
import { mergeRing } from '../ring-merge.ts'
import { A, B, C, leasedPeer, RANGE, RECLAIM, SUBNET } from '../testing/leased-peer.ts'
import { type Epoch, foundingEpoch } from './epoch.ts'
import { granted, type Lease, NO_LEASES, write } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import { grant, voteIn } from './vote.ts'

/** A's part begins with this; it has given it to B since its disk was written. */
const block: Range = { start: RANGE.start, end: RANGE.start + 8 }

const before = split(seedRing(emptyRing(RANGE, A), [A, B, C]), block.end)
const after: Ring = { ...donate(before, block, B), peer: B }
const epoch: Epoch = {
  ...foundingEpoch(before, RECLAIM.leaseTime, RECLAIM.holdTime),
  number: 1,
  ring: before,
}
/** What A's disk has, and what it had come to. */
const own = granted(write(NO_LEASES, [], []), 1)
const lease: Lease = { number: 2, held: [{ start: RANGE.start + 8, end: RANGE.start + 9 }], out: [] }

interface Host {
  readonly allocator: Allocator
  /** What A has said since, by kind. */
  said<Kind extends LeaseMessage['kind']>(kind: Kind): Extract<LeaseMessage, { kind: Kind }>[]
  hear(from: PeerName, message: LeaseMessage): void
  /** B wants space. */
  askedForSpace(): void
  readonly given: Ip4[]
}

/** A with its disk of before the donation, and a container that waits for an address. */
function setBackHost(owned: readonly Cidr[] = []): Host {
  const allocator = leasedPeer(() => true)
  const given: Ip4[] = []
  let messages: LeaseMessage[] = []
  const take = (outputs: readonly AllocatorOutput[]): void => {
    allocator.takeChanges()
    for (const output of outputs) {
      if (output.kind === 'lease') messages.push(output.message)
      if (output.kind === 'answer' && output.answer.kind === 'address') given.push(output.answer.cidr.addr)
    }
  }
  const vote = voteIn(epoch)
  const stored = {
    ring: before,
    promises: { ...NO_PROMISES, lease: { vote, own, isBound: true } },
    owned: new Map(owned.map((cidr, i) => [`old${i}`, { isContainer: false, cidrs: [cidr] }])),
  }
  take(allocator.start(stored, [], 0))
  take(allocator.allocate(1, { ident: 'c', subnet: SUBNET, isContainer: false }, 1))
  return {
    allocator,
    given,
    said: <Kind extends LeaseMessage['kind']>(kind: Kind) => {
      const found = messages.filter((one) => one.kind === kind) as Extract<LeaseMessage, { kind: Kind }>[]
      messages = messages.filter((one) => one.kind !== kind)
      return found
    },
    hear: (from, message) => take(allocator.lease(from, message, 2)),
    askedForSpace: () => take(allocator.unicast(B, { kind: 'space-request', range: RANGE }, 3)),
  }
}

/** B and C grant whatever A asks for, but for what they know to be old. */
function answerRenewals(host: Host): void {
  for (let round = 0; round < 6; round++)
    for (const renew of host.said('renew'))
      for (const voter of [B, C])
        if (renew.lease.number < lease.number) host.hear(voter, { kind: 'stale', epoch: 1, lease })
        else host.hear(voter, { kind: 'granted', epoch: 1, number: renew.lease.number, stamp: renew.stamp })
}

function answerRecall(host: Host): void {
  const vote = grant(voteIn(epoch), A, lease)
  assert.ok(typeof vote !== 'string')
  const { promised, accepted, leases } = vote
  for (const voter of [B, C])
    host.hear(voter, {
      kind: 'recalled',
      epoch: 1,
      promised,
      accepted,
      leases,
      ring: { ...after, peer: voter },
    })
  answerRenewals(host)
}

const versions = (host: Host): number[] => host.allocator.ring.entries.map(({ version }) => version)

test('a host that is set back gives out nothing, whatever is granted, until it has heard what it has given away', () => {
  const host = setBackHost()
  assert.ok(host.said('recall').length > 0)
  answerRenewals(host)
  assert.deepEqual(host.given, [])
  assert.deepEqual(
    versions(host),
    before.entries.map(({ version }) => version),
  )

  answerRecall(host)
  assert.equal(host.given.length, 1)
  assert.ok(host.given.every((addr) => addr >= block.end))
})

test('a host that is set back to where it used what it has given away is leased, but leaves that to its owner', () => {
  const old = { addr: (block.start + 3) as Ip4, prefixLen: 26 }
  const host = setBackHost([old])
  answerRecall(host)
  assert.equal(host.given.length, 1)
  assert.ok(host.given.every((addr) => addr >= block.end))
  // Refused as a whole: the block looks like ours for as long as the old container is there.
  const ours = (): number =>
    host.allocator.ring.entries.filter(({ token }) => token === block.start)[0]?.version ?? -1
  assert.equal(host.allocator.ring.entries[0]?.peer, A)
  assert.equal(ours(), before.entries[0]?.version)

  host.allocator.delete(2, 'old0', 3)
  host.allocator.takeChanges()
  assert.equal(ours(), before.entries[0]?.version)
  answerRecall(host)
  assert.equal(host.allocator.ring.entries[0]?.peer, B)
})

test('the ring is cut when a block is given away, not before: what is not granted leaves no token behind', () => {
  const host = setBackHost()
  answerRecall(host)
  const tokens = (): number[] => host.allocator.ring.entries.map(({ token }) => token)
  const uncut = tokens()
  host.askedForSpace()
  const asked = host.said('renew')[0]
  assert.ok(asked !== undefined && asked.lease.out.length > 0)
  assert.deepEqual(tokens(), uncut)

  const { number } = asked.lease
  for (const voter of [B, C]) host.hear(voter, { kind: 'granted', epoch: 1, number, stamp: asked.stamp })
  assert.ok(tokens().length > uncut.length)
})

test('what a donor writes that is set back, and has only heard of its own later versions, does not outrank the donation', () => {
  const free = (ring: Ring, count: number): Ring => reportFree(ring, new Map([[block.start, count]]))
  // Not cut yet: it has more free there than was given away.
  const then = free(seedRing(emptyRing(RANGE, A), [A, B, C]), 20)
  const last = split(free(then, 19), block.end)
  const donated = donate(last, block, B, DONATION_STEP)
  const back = mergeRing(then, { ...last, peer: C }, () => false)
  assert.ok(back.conflict === undefined)
  const merged = mergeRing({ ...donated, peer: C }, back.ring, () => false)
  assert.ok(merged.conflict === undefined)
  assert.equal(merged.ring.entries[0]?.peer, B)
})
