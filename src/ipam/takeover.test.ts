import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cidrRange, parseCidr } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import { Allocator } from './allocator.ts'
import { NO_PROMISES } from './promises.ts'
import type { AllocatorOutput } from './request.ts'
import { emptyRing } from './ring.ts'
import { seedRing, transfer } from './ring-change.ts'
import { decodeTakeover, encodeTakeover, type TakeoverMessage } from './takeover-codec.ts'

const range = cidrRange(parseCidr('10.32.0.0/24'))
const [US, ASKER, DEAD, TAKER] = [1, 2, 3, 4] as PeerName[] as [PeerName, PeerName, PeerName, PeerName]

/** Our allocator in a network of four; `reachable` changes with the mesh. */
function start(reachable: Set<PeerName>): Allocator {
  const allocator = new Allocator(
    { self: US, nickname: 'us', uid: 1n, range, init: { kind: 'consensus', peers: 4 } },
    { rng: seededRng(1), quorum: () => 3, isKnown: (peer) => reachable.has(peer) },
  )
  const ring = seedRing(emptyRing(range, US), [US, ASKER, DEAD, TAKER])
  allocator.start({ ring, owned: new Map(), promises: NO_PROMISES }, [], 0)
  return allocator
}

const ask = (gone: readonly PeerName[] = []): TakeoverMessage => ({ kind: 'ask', dead: DEAD, gone })

/** What the asker is told: `consent`, or who has our promise. */
const told = (outputs: readonly AllocatorOutput[]): unknown =>
  outputs.flatMap((output): unknown[] => {
    if (output.kind === 'consent') return ['consent']
    return output.kind === 'takeover' && output.message.kind === 'refuse' ? [output.message.holder] : []
  })[0]

test('space that was promised to a peer is not given to another one while that peer may be at it', () => {
  const reachable = new Set([ASKER, TAKER])
  const us = start(reachable)
  assert.equal(told(us.takeover(TAKER, ask(), 1)), 'consent')
  assert.equal(told(us.takeover(ASKER, ask(), 2)), TAKER)
  reachable.delete(TAKER)
  assert.equal(told(us.takeover(ASKER, ask(), 3)), TAKER)
})

test('a promise to a peer that is dead as well goes over to whoever removes both', () => {
  const reachable = new Set([ASKER, TAKER])
  const us = start(reachable)
  us.takeover(TAKER, ask(), 1)
  // We can still reach it: whatever others say, it may be at it.
  assert.equal(told(us.takeover(ASKER, ask([TAKER]), 2)), TAKER)
  reachable.delete(TAKER)
  assert.equal(told(us.takeover(ASKER, ask([TAKER]), 3)), 'consent')
  assert.equal(us.takeChanges()?.promises.consents.get(DEAD), ASKER)
})

test('a consent whose ring says that part of what we use is another’s ends the removal', () => {
  const us = start(new Set([ASKER, TAKER]))
  const subnet = parseCidr('10.32.0.0/24')
  us.allocate(1, { ident: 'c', subnet, isContainer: false }, 0)
  us.removePeer(2, DEAD, { force: false, gone: new Set() }, 1)
  const theirs = transfer(seedRing(emptyRing(range, ASKER), [US, ASKER, DEAD, TAKER]), US, ASKER).ring
  const outputs = us.takeover(ASKER, { kind: 'consent', dead: DEAD, ring: theirs, guests: [] }, 2)
  const texts = outputs.flatMap((output) =>
    output.kind === 'answer' && output.answer.kind === 'failed' ? [output.answer.text] : [],
  )
  assert.match(texts[0] ?? '', /contradicts ours/)
  us.takeover(TAKER, { kind: 'consent', dead: DEAD, ring: { ...theirs, peer: TAKER }, guests: [] }, 3)
  assert.equal(
    us.ring.entries.some((entry) => entry.peer === DEAD),
    true,
  )
})

test('what travels on the channel of takeovers is what was sent', () => {
  const messages: TakeoverMessage[] = [
    ask([TAKER, US]),
    { kind: 'release', dead: DEAD },
    { kind: 'refuse', dead: DEAD, holder: TAKER },
    { kind: 'consent', dead: DEAD, ring: seedRing(emptyRing(range, US), [US, DEAD]), guests: [TAKER] },
    { kind: 'introduce', peer: TAKER, ring: seedRing(emptyRing(range, US), [US, DEAD]) },
    { kind: 'introduced', peer: TAKER },
  ]
  for (const message of messages) assert.deepEqual(decodeTakeover(encodeTakeover(message)), message)
})
