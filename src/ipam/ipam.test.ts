import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCidr, parseCidr, parseIp4 } from '../lib/ip4.ts'
import { silentLog } from '../lib/log.ts'
import { type PeerName, parsePeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import { MemoryStore } from '../state/memory-store.ts'
import { type Init, quorumFor } from './bootstrap.ts'
import { Ipam } from './ipam.ts'
import { ownedRanges } from './ring.ts'
import { conflictAdvice } from './snapshot.ts'
import { StoredIpamState } from './stored-state.ts'
import { GossipNet } from './testing/gossip-net.ts'
import { ManualClock } from './testing/manual-clock.ts'

const A = parsePeerName('aa:00:00:00:00:01')
const B = parsePeerName('ba:00:00:00:00:02')
const C = parsePeerName('ca:00:00:00:00:03')

class World {
  readonly clock = new ManualClock()
  readonly net = new GossipNet()
  readonly takeovers = new GossipNet()
  readonly stores = new Map<PeerName, MemoryStore>()

  async peer(
    name: PeerName,
    init: Init,
    options: { range?: string; store?: MemoryStore } = {},
  ): Promise<Ipam> {
    const store = options.store ?? new MemoryStore()
    this.stores.set(name, store)
    const range = parseCidr(options.range ?? '10.32.0.0/24')
    const ipam = new Ipam(
      {
        clock: this.clock,
        rng: seededRng(name),
        log: silentLog,
        store: new StoredIpamState(store),
        isKnown: (peer) => this.net.isConnected(name, peer),
      },
      {
        name,
        nickname: `host-${name % 256}`,
        uid: BigInt(name),
        range,
        defaultSubnet: range,
        init,
        quorum: () => quorumFor(init, 0),
      },
    )
    const channels = {
      allocation: this.net.join(name, ipam.gossiper),
      takeover: this.takeovers.join(name, ipam.takeoverGossiper),
    }
    await ipam.start(channels, [])
    await this.net.settle()
    return ipam
  }

  leave(name: PeerName): void {
    this.net.leave(name)
    this.takeovers.leave(name)
  }
}

const three: Init = { kind: 'consensus', peers: 3 }

test('a peer on its own divides the range among itself and gives out the lowest address', async () => {
  const world = new World()
  const a = await world.peer(A, { kind: 'consensus', peers: 0 })
  assert.equal(formatCidr(await a.allocate('c1')), '10.32.0.1/24')
  assert.equal(formatCidr(await a.allocate('c1')), '10.32.0.1/24')
  assert.equal(formatCidr(await a.allocate('c2')), '10.32.0.2/24')
  assert.equal(a.snapshot().status, 'ready')
})

test('two of three peers agree on a ring, the third asks for space', async () => {
  const world = new World()
  const a = await world.peer(A, three)
  const waiting = a.allocate('x1')
  await world.net.settle()
  assert.equal(a.snapshot().status, 'awaiting consensus (quorum: 2, known: 1)')
  const b = await world.peer(B, three)
  world.net.gossipAll()
  await world.net.settle()
  assert.equal(formatCidr(await waiting), '10.32.0.1/24')

  const c = await world.peer(C, three)
  world.net.gossipAll()
  await world.net.settle()
  const given = formatCidr(await c.allocate('y1'))
  assert.ok(['10.32.0.64/24', '10.32.0.192/24'].includes(given), given)
  await world.net.settle()
  world.net.gossipAll()
  await world.net.settle()
  for (const peer of [a, b]) assert.deepEqual(peer.snapshot().ring.entries, c.snapshot().ring.entries)
})

test('an address of another peer is claimed through its owner, and refused when in use there', async () => {
  const world = new World()
  const a = await world.peer(A, { kind: 'seed', peers: [A, B] })
  const b = await world.peer(B, { kind: 'seed', peers: [A, B] })
  await a.allocate('c1')
  await b.claim('c9', parseCidr('10.32.0.77/24'))
  assert.deepEqual((await b.lookup('c9')).map(formatCidr), ['10.32.0.77/24'])
  await assert.rejects(b.claim('c8', parseCidr('10.32.0.1/24')), {
    message: 'address 10.32.0.1/24 is owned by other peer aa:00:00:00:00:01 (host-1)',
  })
})

test('a waiting request gets the address that is freed, at once', async () => {
  const world = new World()
  const a = await world.peer(A, { kind: 'seed', peers: [A] }, { range: '10.32.0.0/30' })
  await a.allocate('c1')
  await a.allocate('c2')
  const waiting = a.allocate('c3')
  await a.free('c1', parseIp4('10.32.0.1'))
  assert.equal(formatCidr(await waiting), '10.32.0.1/30')
})

test('after a restart everything is as it was written', async () => {
  const world = new World()
  const a = await world.peer(A, three)
  const b = await world.peer(B, three)
  await Promise.all([a.allocate('c1'), b.allocate('c2')])
  await a.stop()
  world.net.leave(A)
  const again = await world.peer(A, three, { store: (world.stores.get(A) as MemoryStore).afterCrash() })
  assert.deepEqual(again.owned, a.owned)
  assert.deepEqual(ownedRanges(again.snapshot().ring, A), ownedRanges(a.snapshot().ring, A))
  assert.equal(formatCidr(await again.allocate('c1')), '10.32.0.1/24')
})

test('nobody is answered while the disk is busy, and a write that fails is an answer', async () => {
  const world = new World()
  let release: (fault: 'none' | 'refused') => void = () => undefined
  const store = new MemoryStore(() => new Promise((resolve) => (release = resolve)))
  const a = await world.peer(A, { kind: 'consensus', peers: 1 }, { store })
  let answered = false
  const first = a.allocate('c1').finally(() => (answered = true))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(answered, false)
  release('refused')
  await assert.rejects(first, { code: 'not-written' })
  assert.equal(a.owned.size, 0)
  const second = a.allocate('c2')
  await new Promise((resolve) => setImmediate(resolve))
  release('none')
  assert.equal(formatCidr(await second), '10.32.0.1/24')
})

test('a reachable peer is not removed; a dead one leaves its space to us', async () => {
  const world = new World()
  const a = await world.peer(A, { kind: 'seed', peers: [A, B] })
  await world.peer(B, { kind: 'seed', peers: [A, B] })
  world.net.gossipAll()
  await world.net.settle()
  await assert.rejects(a.removePeer('host-2'), { code: 'peer-reachable' })
  world.leave(B)
  assert.equal(await a.removePeer('host-2'), 128)
  assert.equal(await a.removePeer('host-2'), 0)
})

test('who leaves hands its space over and serves nobody any more', async () => {
  const world = new World()
  const a = await world.peer(A, { kind: 'seed', peers: [A, B] })
  const b = await world.peer(B, { kind: 'seed', peers: [A, B] })
  await b.allocate('c1')
  assert.equal(await b.handOver(), A)
  await world.net.settle()
  assert.deepEqual(
    a.snapshot().shares.map(({ peer, size }) => [peer, size]),
    [[A, 256]],
  )
  await assert.rejects(b.allocate('c2'), { code: 'cancelled' })
})

test('of two that remove the same dead peer at once, one gets its space and the other is told who', async () => {
  const world = new World()
  const D = parsePeerName('da:00:00:00:00:04')
  const init: Init = { kind: 'seed', peers: [A, B, C, D] }
  const a = await world.peer(A, init)
  const b = await world.peer(B, init)
  await world.peer(C, init)
  await world.peer(D, init)
  world.net.gossipAll()
  await world.net.settle()
  world.leave(D)
  const [byA, byB] = await Promise.allSettled([a.removePeer('host-4'), b.removePeer('host-4')])
  assert.deepEqual(byA, { status: 'fulfilled', value: 64 })
  assert.equal(byB.status, 'rejected')
  assert.match(String(byB.status === 'rejected' && byB.reason), /host-1 is removing it already/)
  await world.net.settle()
  assert.equal(await b.removePeer('host-4'), 0)
})

test('a dead peer is not removed while another owner is out of reach, unless that is dead, too', async () => {
  const world = new World()
  const init: Init = { kind: 'seed', peers: [A, B, C] }
  const a = await world.peer(A, init)
  await world.peer(B, init)
  await world.peer(C, init)
  world.net.gossipAll()
  await world.net.settle()
  world.leave(B)
  world.leave(C)
  await assert.rejects(a.removePeer('host-2'), { code: 'peer-disputed' })
  assert.equal(await a.removePeer('host-2', { gone: ['host-3'] }), 64)
  assert.equal(await a.removePeer('host-3', { gone: ['host-2'] }), 64)
})

test('rings that were seeded apart are named with both seeds, and nothing is torn down', async () => {
  const world = new World()
  const a = await world.peer(A, { kind: 'seed', peers: [A] })
  const b = await world.peer(B, { kind: 'seed', peers: [B] })
  await a.allocate('c1')
  world.net.gossipAll()
  await world.net.settle()
  const [advice] = conflictAdvice(b.snapshot())
  assert.match(
    advice ?? '',
    /seeded by different peers \(received: \[aa:00:00:00:00:01\(host-1\)\], ours: \[ba:00:00:00:00:02\(host-2\)\]\).*weave reset/,
  )
  assert.equal(formatCidr(await b.allocate('c2')), '10.32.0.1/24')
})
