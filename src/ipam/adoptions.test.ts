import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../lib/clock.ts'
import { formatCidr, parseCidr } from '../lib/ip4.ts'
import { silentLog } from '../lib/log.ts'
import { type PeerName, parsePeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import { MemoryStore } from '../state/memory-store.ts'
import { Ipam } from './ipam.ts'
import { StoredIpamState } from './stored-state.ts'
import { GossipNet } from './testing/gossip-net.ts'

const A = parsePeerName('aa:00:00:00:00:01')
const B = parsePeerName('ba:00:00:00:00:02')
const C = parsePeerName('ca:00:00:00:00:03')

class Apart implements AsyncDisposable {
  /** The allocator's timers alone keep no process alive. */
  readonly #awake = setInterval(() => undefined, 1000)
  readonly net = new GossipNet()
  readonly takeovers = new GossipNet()
  readonly leases = new GossipNet()
  readonly peers: Ipam[] = []

  async peer(
    name: PeerName,
    seeds: readonly PeerName[],
    options: { range?: string; store?: MemoryStore; reclaim?: boolean } = {},
  ): Promise<Ipam> {
    const range = parseCidr(options.range ?? '10.32.0.0/24')
    const ipam = new Ipam(
      {
        clock: systemClock,
        rng: seededRng(name),
        log: silentLog,
        store: new StoredIpamState(options.store ?? new MemoryStore()),
        isKnown: (peer) => this.net.isConnected(name, peer),
      },
      {
        name,
        nickname: `host-${name % 256}`,
        uid: BigInt(name),
        range,
        defaultSubnet: range,
        init: { kind: 'seed', peers: seeds },
        reclaim: options.reclaim === true ? { leaseTime: 4000, holdTime: 8000 } : undefined,
        quorum: () => 1,
      },
    )
    const { leaseGossiper } = ipam
    await ipam.start(
      {
        allocation: this.net.join(name, ipam.gossiper),
        takeover: this.takeovers.join(name, ipam.takeoverGossiper),
        ...(leaseGossiper && { lease: this.leases.join(name, leaseGossiper) }),
      },
      [],
    )
    this.peers.push(ipam)
    await this.meet()
    return ipam
  }

  async meet(): Promise<void> {
    await this.net.settle()
    this.net.gossipAll()
    await this.net.settle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.net.settle()
    await this.leases.settle()
    for (const name of [A, B, C]) for (const net of [this.net, this.takeovers, this.leases]) net.leave(name)
    for (const peer of this.peers) await peer.stop()
    clearInterval(this.#awake)
  }
}

const heldBy = (ipam: Ipam): string[] =>
  [...ipam.owned.values()].flatMap(({ cidrs }) => cidrs.map(formatCidr))

test('both rings are known, with who holds what in them', async () => {
  await using world = new Apart()
  const a = await world.peer(A, [A])
  await world.peer(B, [B, C])
  await world.meet()
  const sides = a.adoptions.sides.map(({ ring, peers }) => ({ seeds: ring.seeds, peers }))
  assert.deepEqual(sides, [
    { seeds: [A], peers: [A] },
    { seeds: [B, C], peers: [B, C] },
  ])
})

for (const reclaim of [false, true]) {
  test(`the other ring is adopted: what is free there is kept, what is in use there is named, nothing is given twice (leases ${reclaim})`, async () => {
    await using world = new Apart()
    const a = await world.peer(A, [A], { reclaim })
    const b = await world.peer(B, [B], { reclaim })
    await a.allocate('a1')
    await a.claim('a2', parseCidr('10.32.0.77/24'))
    await a.claim('a3', parseCidr('192.168.7.1/24'))
    await b.allocate('b1')
    await world.meet()

    const plan = a.adoptions.plan(B)
    assert.deepEqual(
      plan.addresses.map(({ ident, outcome }) => [ident, outcome]),
      [
        ['a1', 'unknown'],
        ['a2', 'unknown'],
        ['a3', 'free'],
      ],
    )
    assert.deepEqual(a.snapshot().ring.seeds, [A], 'a plan changes nothing')

    const { addresses, behind } = await a.adoptions.adopt(B)
    assert.deepEqual(
      addresses.map(({ ident, outcome }) => [ident, outcome]),
      [
        ['a1', 'taken'],
        ['a2', 'kept'],
        ['a3', 'kept'],
      ],
    )
    assert.deepEqual(behind, [])
    assert.deepEqual(a.snapshot().ring.seeds, [B])
    const more = formatCidr(await a.allocate('a1'))
    await world.meet()
    assert.deepEqual(
      [a, b].map((peer) => peer.snapshot().foreignRings),
      [[], []],
    )
    assert.deepEqual(a.snapshot().ring.entries, b.snapshot().ring.entries)
    const all = [...heldBy(a), ...heldBy(b)]
    assert.equal(new Set(all).size, all.length)
    assert.ok(heldBy(a).includes(more))
  })
}

test('an adoption survives a restart', async () => {
  await using world = new Apart()
  const store = new MemoryStore()
  const a = await world.peer(A, [A], { store })
  await world.peer(B, [B])
  await a.claim('a2', parseCidr('10.32.0.77/24'))
  await world.meet()
  await a.adoptions.adopt(B)
  await a.stop()
  world.net.leave(A)
  const again = await world.peer(A, [A], { store })
  assert.deepEqual(again.snapshot().ring.seeds, [B])
  assert.deepEqual(heldBy(again), ['10.32.0.77/24'])
})

test('an adoption that cannot be written has not happened', async () => {
  for (const reclaim of [false, true]) {
    await using world = new Apart()
    let isFull = false
    const store = new MemoryStore(() => (isFull ? 'refused' : 'none'))
    const a = await world.peer(A, [A], { store, reclaim })
    await world.peer(B, [B], { reclaim })
    await a.claim('a2', parseCidr('10.32.0.77/24'))
    await world.meet()
    isFull = true
    await assert.rejects(a.adoptions.adopt(B), { code: 'not-written' })
    isFull = false
    assert.deepEqual(a.snapshot().ring.seeds, [A])
    assert.deepEqual(heldBy(a), ['10.32.0.77/24'])
    assert.equal(formatCidr(await a.allocate('a3')), '10.32.0.1/24')
  }
})

test('what cannot be adopted is refused with the reason', async () => {
  await using world = new Apart()
  const a = await world.peer(A, [A])
  await world.peer(B, [B], { range: '10.40.0.0/24' })
  await world.meet()
  await assert.rejects(a.adoptions.adopt(C), /has the same ring as this host, or none/)
  await assert.rejects(a.adoptions.adopt(B), /its range is 10.40.0.0\/24, ours 10.32.0.0\/24/)
})

test('those that stay on the ring that was given up are named', async () => {
  await using world = new Apart()
  const a = await world.peer(A, [A, C])
  await world.peer(C, [A, C])
  await world.peer(B, [B])
  await world.meet()
  assert.deepEqual((await a.adoptions.adopt(B)).behind, [C])
})
