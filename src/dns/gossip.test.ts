import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Ip4 } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { type Entry, isAlive } from './entry.ts'
import { type Channel, NameGossiper } from './gossip.ts'
import { NameTable, type Received, TOMBSTONE_LIFE_SEC } from './table.ts'

const MINUTE = 60_000

/** A peer whose clock is off; it is never told of lost peers, which is the worst case for old names. */
class Peer {
  readonly table: NameTable
  readonly gossiper: NameGossiper
  readonly name: PeerName
  #nowSec: () => number

  constructor(
    Table: typeof NameTable,
    name: number,
    time: { now: number },
    offsetSec: number,
    channel: () => Channel | undefined,
  ) {
    this.name = name as PeerName
    this.#nowSec = () => Math.floor(1_700_000_000 + time.now / 1000 + offsetSec)
    this.table = new Table(this.name)
    const clock = { now: () => time.now, wall: () => this.#nowSec() * 1000 }
    const links = { isKnownPeer: () => true, onReceived: () => undefined, channel }
    this.gossiper = new NameGossiper({ table: this.table, clock }, links)
  }

  add(): void {
    this.gossiper.broadcast([this.table.add('web.weave.local.', 'c1', 1 as Ip4)])
  }

  remove(): void {
    this.gossiper.broadcast(this.table.tombstone({ containerId: 'c1' }, this.#nowSec()))
  }

  hear(other: Peer): void {
    for (const payload of other.gossiper.complete().encode()) this.gossiper.onGossip(payload)
    this.table.expire(this.#nowSec())
  }

  get answers(): boolean {
    return this.table.entries().some(isAlive)
  }
}

/** Three peers; `reachable` says who hears broadcasts. */
function network(
  offsets: readonly number[],
  Table = NameTable,
): {
  peers: readonly [Peer, Peer, Peer]
  time: { now: number }
  reachable: Set<Peer>
} {
  const time = { now: 0 }
  const reachable = new Set<Peer>()
  const make = (i: number): Peer => {
    const peer: Peer = new Peer(Table, i + 1, time, offsets[i] ?? 0, () => ({
      broadcast: (gossip) => {
        if (!reachable.has(peer)) return
        for (const payload of gossip.encode()) {
          for (const other of reachable) if (other !== peer) other.gossiper.onBroadcast(peer.name, payload)
        }
      },
    }))
    reachable.add(peer)
    return peer
  }
  return { peers: [make(0), make(1), make(2)], time, reachable }
}

/** Clocks that may be connected: at most 900 s apart. */
const offsets = fc.tuple(fc.constant(0), fc.integer({ min: 0, max: 899 }), fc.integer({ min: 0, max: 899 }))

function removedStaysRemoved(Table = NameTable): void {
  fc.assert(
    fc.property(offsets, fc.integer({ min: 0, max: 15 * 60 - 1 }), (clocks, awaySec) => {
      const { peers, time, reachable } = network(clocks, Table)
      const [origin, near, away] = peers
      origin.add()
      reachable.delete(away)
      origin.remove()
      time.now += awaySec * 1000
      near.hear(origin)
      // Not from its origin: what the two others know has to do.
      near.hear(away)
      away.hear(near)
      assert.deepEqual([near.answers, away.answers], [false, false])
    }),
  )
}

test('a name that was removed does not come back from a peer that was away for less than 15 minutes', () =>
  removedStaysRemoved())

/** Forgets tombstones after a minute. */
class Forgetful extends NameTable {
  override expire(nowSec: number): void {
    super.expire(nowSec + TOMBSTONE_LIFE_SEC - 60)
  }
}

/** Believes whoever spoke last. */
class Gullible extends NameTable {
  override receive(
    entries: readonly Entry[],
    nowSec: number,
    isKnown: (name: PeerName) => boolean,
  ): Received {
    const known = Math.max(0, ...this.entries().map((entry) => entry.version))
    return super.receive(
      entries.map((entry) => ({ ...entry, version: known + 1 })),
      nowSec,
      isKnown,
    )
  }
}

for (const [fault, Table] of Object.entries({
  'forgets tombstones early': Forgetful,
  'believes whoever spoke last': Gullible,
})) {
  test(`that property notices a table that ${fault}`, () => {
    assert.throws(() => removedStaysRemoved(Table), /Property failed/)
  })
}

test('however long a peer was away, the origin has the last word about its names', () => {
  for (const minutes of [29, 31, 61, 600]) {
    fc.assert(
      fc.property(offsets, fc.boolean(), (clocks, alive) => {
        const { peers, time, reachable } = network(clocks)
        const [origin, near, away] = peers
        origin.add()
        reachable.delete(away)
        origin.remove()
        if (alive) origin.add()
        time.now += minutes * MINUTE
        near.hear(origin)
        origin.hear(near)
        reachable.add(away)
        near.hear(away)
        origin.hear(away)
        for (const peer of [near, away, origin, near, away]) peer.hear(origin)
        assert.deepEqual(
          peers.map((peer) => peer.answers),
          [alive, alive, alive],
        )
      }),
      { numRuns: 30 },
    )
  }
})

test('a peer whose clock is more than 15 minutes off is refused, in both directions', () => {
  for (const offset of [901, -901]) {
    const { peers } = network([0, offset, 0])
    const [origin, near] = peers
    assert.throws(() => origin.hear(near), /^WireError: host clock skew of -?901s exceeds 900s limit$/)
    assert.throws(() => near.hear(origin), /host clock skew/)
  }
})
