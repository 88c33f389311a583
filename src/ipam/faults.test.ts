import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WireError } from '../lib/errors.ts'
import { type Cidr, cidrRange, type Ip4, parseCidr } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import { Allocator } from './allocator.ts'
import type { Restored } from './changes.ts'
import { IpamGossiper, type IpamReceiver } from './gossiper.ts'
import { NO_PROMISES } from './promises.ts'
import type { Answer } from './request.ts'
import { emptyRing } from './ring.ts'
import { seedRing, transfer } from './ring-change.ts'
import { oneOfTwo } from './testing/one-of-two.ts'

// Faults of the original (ipam §4 to §13) that have no recorded case: each would show here.

const subnet: Cidr = parseCidr('10.32.0.0/28')
const US = 0x0200_0000_0001 as PeerName
const OTHER = 0x0200_0000_0002 as PeerName
const ours = { addr: 0x0a20_0001 as Ip4, prefixLen: 28 }
const theirs = { addr: 0x0a20_000a as Ip4, prefixLen: 28 }

function start(restored?: Partial<Restored>, claims: Parameters<Allocator['start']>[1] = []): Allocator {
  const allocator = oneOfTwo(US, 'us')
  const ring = seedRing(emptyRing(cidrRange(subnet), US), [US, OTHER])
  allocator.start({ ring, owned: new Map(), promises: NO_PROMISES, ...restored }, claims, 0)
  return allocator
}

test('a unicast of a kind that we do not know is reported and passed over, an empty one refused', () => {
  const unknown: number[] = []
  const unused = (): never => {
    throw new Error('nothing to hand on')
  }
  const receiver: IpamReceiver = {
    gossip: unused,
    unicast: unused,
    takeover: unused,
    unknownUnicast: (_, type) => unknown.push(type),
    state: () => undefined,
  }
  const gossiper = new IpamGossiper(receiver)
  gossiper.onUnicast(OTHER, Uint8Array.of(9, 1, 2))
  assert.deepEqual(unknown, [9])
  assert.throws(() => gossiper.onUnicast(OTHER, new Uint8Array()), WireError)
})

test('an address that was found in use by a container is free when that container is gone', () => {
  const claim = { ident: 'c', cidr: ours, isContainer: true, noErrorOnUnknown: true }
  const allocator = start({}, [claim])
  assert.deepEqual(allocator.lookup('c', cidrRange(subnet)), [ours])
  allocator.containerDestroyed('c', 1)
  assert.deepEqual(allocator.lookup('c', cidrRange(subnet)), [])
})

test('an address on disk that is another peer’s by now is not answered any more', () => {
  const owned = new Map([
    ['stale', { isContainer: false, cidrs: [theirs] }],
    ['good', { isContainer: false, cidrs: [ours] }],
  ])
  const allocator = start({ owned })
  assert.deepEqual(allocator.lookup('stale', cidrRange(subnet)), [])
  assert.deepEqual(allocator.lookup('good', cidrRange(subnet)), [ours])
  assert.equal(allocator.takeChanges()?.owned.has('stale'), true)
})

test('a claim whose owner never answers ends with an error that names it', () => {
  const allocator = start()
  const answers: Answer[] = []
  const take = (outputs: ReturnType<Allocator['tick']>): void => {
    for (const output of outputs) if (output.kind === 'answer') answers.push(output.answer)
  }
  const claim = { ident: 'c', cidr: theirs, isContainer: false, noErrorOnUnknown: false }
  take(allocator.claim(1, claim, 0))
  for (let now = 5000; now <= 70_000; now += 5000) take(allocator.tick(now))
  assert.equal(answers.length, 1)
  assert.match(JSON.stringify(answers[0]), /owned by other peer 02:00:00:00:00:02 - it does not answer/)
})

test('a ring that takes from us what nobody uses leaves us without that space, and running', () => {
  const allocator = start()
  const taken = transfer(seedRing(emptyRing(cidrRange(subnet), OTHER), [US, OTHER]), US, OTHER).ring
  allocator.gossip(undefined, { nowSec: 0, nicknames: new Map(), paxos: undefined, ring: taken }, 1)
  assert.deepEqual(allocator.view.holdings.space.owned(), [])
  const outputs = allocator.allocate(1, { ident: 'c', subnet, isContainer: false }, 2)
  assert.deepEqual(
    outputs.flatMap((output) => (output.kind === 'ask-space' ? [output.of] : [])),
    [[OTHER]],
  )
})

test('a claim that was answered before its owner was known is not lost when whoever asked hangs up', () => {
  const allocator = oneOfTwo(US, 'us')
  allocator.start(undefined, [], 0)
  const claim = { ident: 'c', cidr: ours, isContainer: false, noErrorOnUnknown: true }
  const answers = (outputs: ReturnType<Allocator['tick']>): unknown[] =>
    outputs.flatMap((output) => (output.kind === 'answer' ? [output.answer] : []))
  assert.deepEqual(answers(allocator.claim(1, claim, 0)), [{ kind: 'done' }])
  assert.deepEqual(answers(allocator.cancel(1, 1)), [])
  const ring = seedRing(emptyRing(cidrRange(subnet), OTHER), [US, OTHER])
  allocator.gossip(undefined, { nowSec: 0, nicknames: new Map(), paxos: undefined, ring }, 2)
  assert.deepEqual(allocator.lookup('c', cidrRange(subnet)), [ours])
})

test('a range that ends at 255.255.255.255 is divided and given out like any other', () => {
  const last = parseCidr('255.255.255.240/28')
  const allocator = new Allocator(
    { self: US, nickname: 'us', uid: 1n, range: cidrRange(last), init: { kind: 'seed', peers: [US] } },
    { rng: seededRng(1), quorum: () => 1, isKnown: () => true },
  )
  allocator.start(undefined, [], 0)
  const given = Array.from({ length: 15 }, (_, i) =>
    allocator
      .allocate(i, { ident: `c${i}`, subnet: last, isContainer: false }, i)
      .flatMap((output) =>
        output.kind === 'answer' && output.answer.kind === 'address' ? [output.answer.cidr.addr] : [],
      ),
  ).flat()
  assert.deepEqual(
    given,
    Array.from({ length: 14 }, (_, i) => 0xffff_fff1 + i),
  )
})
