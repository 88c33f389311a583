import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cidrRange, parseCidr } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import { Allocator } from './allocator.ts'
import { NO_PROMISES, type Promises } from './promises.ts'
import type { AllocatorOutput } from './request.ts'
import { emptyRing, owners, type Ring } from './ring.ts'
import { grant, seedRing } from './ring-change.ts'

const range = cidrRange(parseCidr('10.32.0.0/24'))
const [DONOR, OWNER, THIRD, NEWCOMER] = [1, 2, 3, 4] as PeerName[] as [PeerName, PeerName, PeerName, PeerName]
const REQUEST = { kind: 'space-request', range } as const

const seeded = (self: PeerName, seeds = [DONOR, OWNER]): Ring => seedRing(emptyRing(range, self), seeds)

function start(
  self: PeerName,
  reachable: ReadonlySet<PeerName>,
  promises: Promises = NO_PROMISES,
  ring = seeded(self),
): Allocator {
  const allocator = new Allocator(
    { self, nickname: `p${self}`, uid: 1n, range, init: { kind: 'consensus', peers: 2 } },
    { rng: seededRng(1), quorum: () => 2, isKnown: (peer) => reachable.has(peer) },
  )
  allocator.start({ ring, owned: new Map(), promises }, [], 0)
  return allocator
}

const gave = (outputs: readonly AllocatorOutput[]): boolean =>
  outputs.some((output) => output.kind === 'event' && output.event.kind === 'donated')
const told = (outputs: readonly AllocatorOutput[]): PeerName[] =>
  outputs.flatMap((output) => (output.kind === 'introduce' ? [output.to] : []))
const refusal = (outputs: readonly AllocatorOutput[]): string | undefined =>
  outputs.flatMap((output) =>
    output.kind === 'answer' && output.answer.kind === 'failed' ? [output.answer.text] : [],
  )[0]

test('a newcomer gets its first space when another owner has it on disk, and more without', () => {
  const donor = start(DONOR, new Set([OWNER, NEWCOMER]))
  const asked = donor.unicast(NEWCOMER, REQUEST, 0)
  assert.deepEqual([gave(asked), told(asked)], [false, [OWNER]])
  assert.equal(gave(donor.takeover(OWNER, { kind: 'introduced', peer: NEWCOMER }, 1)), true)
  assert.equal(gave(donor.unicast(NEWCOMER, REQUEST, 2)), true)
})

test('a newcomer waits while no other owner can be reached, and that is logged once', () => {
  const reachable = new Set([NEWCOMER])
  const donor = start(DONOR, reachable)
  const warned = (outputs: readonly AllocatorOutput[]): boolean =>
    outputs.some((output) => output.kind === 'event' && output.event.kind === 'newcomer-waits')
  const first = donor.unicast(NEWCOMER, REQUEST, 0)
  assert.deepEqual([gave(first), warned(first)], [false, true])
  const second = donor.unicast(NEWCOMER, REQUEST, 5000)
  assert.deepEqual([gave(second), warned(second)], [false, false])
  reachable.add(OWNER)
  assert.deepEqual(told(donor.unicast(NEWCOMER, REQUEST, 10_000)), [OWNER])
})

test('the only owner gives space to whoever asks: nobody else can remove it', () => {
  const donor = start(DONOR, new Set([NEWCOMER]), NO_PROMISES, seeded(DONOR, [DONOR]))
  assert.equal(gave(donor.unicast(NEWCOMER, REQUEST, 0)), true)
})

test('an old peer that owns space and says nothing does not keep a newcomer from its space, once waited for', () => {
  const donor = start(DONOR, new Set([OWNER, NEWCOMER]))
  assert.equal(gave(donor.unicast(NEWCOMER, REQUEST, 0)), false)
  assert.deepEqual(told(donor.tick(300)), [OWNER])
  assert.equal(gave(donor.tick(3000)), true)
})

test('an owner of ours that says nothing in time keeps the newcomer waiting', () => {
  const donor = start(DONOR, new Set([OWNER, NEWCOMER]))
  donor.takeover(OWNER, { kind: 'release', dead: THIRD }, 0)
  donor.unicast(NEWCOMER, REQUEST, 0)
  assert.equal(gave(donor.tick(3000)), false)
})

test('who was introduced is asked when the donor is removed, also after a restart', () => {
  const reachable = new Set([DONOR])
  const ring = seeded(DONOR)
  const before = start(OWNER, reachable)
  const answered = before.takeover(DONOR, { kind: 'introduce', peer: NEWCOMER, ring }, 0)
  assert.equal(
    answered.some((output) => output.kind === 'takeover' && output.message.kind === 'introduced'),
    true,
  )
  const promises = before.takeChanges()?.promises
  assert.ok(promises !== undefined)

  reachable.delete(DONOR)
  const owner = start(OWNER, reachable, promises)
  const remove = (gone: readonly PeerName[], now: number): AllocatorOutput[] =>
    owner.removePeer(1, DONOR, { force: false, gone: new Set(gone) }, now)
  assert.match(refusal(remove([], 1)) ?? '', /^not removed: 00:00:00:00:00:04 cannot be reached/)
  reachable.add(NEWCOMER)
  remove([], 2)
  assert.equal(owners(owner.ring).includes(DONOR), true)
  const theirs = grant(ring, { start: range.start, end: range.start + 8 }, NEWCOMER)
  owner.takeover(NEWCOMER, { kind: 'consent', dead: DONOR, ring: theirs, guests: [] }, 3)
  assert.deepEqual(new Set(owners(owner.ring)), new Set([NEWCOMER, OWNER]))
})

test('a consent that names somebody who cannot be reached ends the removal', () => {
  const reachable = new Set([OWNER])
  const ring = seeded(THIRD, [DONOR, OWNER, THIRD])
  const third = start(THIRD, reachable, NO_PROMISES, ring)
  third.removePeer(1, DONOR, { force: false, gone: new Set() }, 0)
  const outputs = third.takeover(
    OWNER,
    { kind: 'consent', dead: DONOR, ring: { ...ring, peer: OWNER }, guests: [NEWCOMER] },
    1,
  )
  assert.match(refusal(outputs) ?? '', /cannot be reached and may have got space from it/)
  assert.equal(owners(third.ring).includes(DONOR), true)
})

test('whoever has consented to a removal remembers nobody whom the removed peer introduces', () => {
  const owner = start(OWNER, new Set([THIRD]), NO_PROMISES, seeded(OWNER, [DONOR, OWNER, THIRD]))
  owner.takeover(THIRD, { kind: 'ask', dead: DONOR, gone: [] }, 0)
  const introduce = {
    kind: 'introduce',
    peer: NEWCOMER,
    ring: seeded(DONOR, [DONOR, OWNER, THIRD]),
  } as const
  assert.deepEqual(owner.takeover(DONOR, introduce, 1), [])
})
