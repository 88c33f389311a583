import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import type { ReclaimTimes } from '../../../src/ipam/lease/shared.ts'
import { conflictAdvice, takeSnapshot } from '../../../src/ipam/snapshot.ts'
import type { Ip4 } from '../../../src/lib/ip4.ts'
import { formatPeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import type { SimPeer } from './peer.ts'
import { World } from './world.ts'

const MINUTE = 60_000
const SEEDS = 12

/** Two networks that each formed a ring, and then meet. */
function apart(seed: number, reclaim?: ReclaimTimes): { world: World; left: SimPeer[]; right: SimPeer[] } {
  const rng = seededRng(seed)
  const world = new World({
    code: { Allocator, PersistBarrier },
    rng,
    peers: 4 + rng.below(8),
    subnet: { addr: 0x0a20_0000 as Ip4, prefixLen: 24 },
    init: () => ({ kind: 'consensus', peers: 1 }),
    loss: 0.03,
    writeFaults: 0,
    persistLate: false,
    withoutConsent: false,
    unannounced: false,
    reclaim,
  })
  const half = world.peers.length >> 1
  const sides = { left: world.peers.slice(0, half), right: world.peers.slice(half) }
  world.split((peer) => (sides.left.includes(peer) ? 0 : 1))
  for (const side of [sides.left, sides.right]) {
    const [founder, ...others] = side
    if (founder === undefined) continue
    world.start(founder)
    world.allocate(founder)
    world.run(1000)
    for (const peer of others) world.start(peer)
  }
  // Everybody has heard of its side's ring before it is asked for an address, or it would make a third.
  world.run(2 * MINUTE)
  live(world, 2 * MINUTE)
  world.heal()
  live(world, 5 * MINUTE)
  return { world, ...sides }
}

function live(world: World, ms: number): void {
  for (const until = world.queue.now + ms; world.queue.now < until; ) {
    const peer = world.pick(world.running)
    if (peer !== undefined && world.rng.below(3) > 0) world.allocate(peer)
    else if (peer !== undefined) world.release(peer)
    world.run(world.rng.float() * 4000)
  }
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`rings that were seeded apart: both seeds are named with the remedy, each side goes on, a reset joins them (seed ${seed})`, () => {
    const { world, left, right } = apart(seed)
    for (const [side, other] of [
      [left, right],
      [right, left],
    ] as const) {
      assert.equal(new Set(side.map(({ allocator }) => JSON.stringify(allocator?.ring.seeds))).size, 1)
      world.containers.check(side, world.queue.now)
      for (const { allocator } of side) {
        assert.ok(allocator !== undefined)
        const advice = conflictAdvice(takeSnapshot(allocator, world.containers.subnet)).join('\n')
        const [mine, theirs] = [side[0], other[0]].map((peer) =>
          peer === undefined ? '' : formatPeerName(peer.name),
        )
        assert.match(
          advice,
          new RegExp(`seeded by different peers \\(received: \\[${theirs}.*ours: \\[${mine}`),
        )
        assert.match(advice, /weave reset/)
      }
    }

    const answers = world.history.answers
    for (const peer of right) world.reset(peer)
    for (const peer of right) world.start(peer)
    world.run(2 * MINUTE)
    for (const peer of right) world.allocate(peer)
    world.run(10 * MINUTE)
    assert.equal(world.history.answers, answers + right.length)
    world.check()
    world.containers.checkAtPeace(world.running, world.queue.now)
    // What both sides gave out while they were two networks is no violation of one.
    const since = world.history.violations.filter((text) => !/ given to /.test(text))
    assert.deepEqual(since, [])
  })
}

/** Where both sides use the same few addresses nothing can be kept: not so in every life. */
let keptInAll = 0

/** What the daemons say their containers hold. */
const heldBy = (peer: SimPeer): { ident: string; addr: Ip4 }[] =>
  [...(peer.allocator?.view.holdings.idents ?? [])].flatMap(([ident, { cidrs }]) =>
    cidrs.map(({ addr }) => ({ ident, addr })),
  )

for (let seed = 1; seed <= SEEDS; seed++) {
  const reclaim = seed % 2 === 0 ? { leaseTime: MINUTE, holdTime: 8 * MINUTE } : undefined
  test(`rings that were seeded apart: one side adopts the other's ring, what runs keeps its address or is named, nothing is given twice (seed ${seed}, leases ${reclaim !== undefined})`, () => {
    const { world, left, right } = apart(seed, reclaim)
    const leader = left[0]
    assert.ok(leader !== undefined)
    let adopted = 0
    let kept = 0
    let restarted = 0
    for (const peer of right) {
      const before = heldBy(peer)
      peer.request(
        (allocator, id, now) => allocator.adopt(id, leader.name, now),
        (answer) => {
          if (answer.kind === 'done') adopted++
        },
      )
      // Those that have not adopted yet, and those of the other side, go on meanwhile.
      live(world, 2 * MINUTE)
      const holdings = peer.allocator?.view.holdings
      for (const { ident, addr } of before) {
        if (!world.history.idents(peer.name).includes(ident)) continue
        if (holdings?.holderOf(addr) === ident) kept++
        else {
          // As the operator is told to.
          restarted++
          world.history.released(peer.name, ident)
        }
      }
    }
    assert.equal(adopted, right.length)
    assert.ok(kept + restarted > right.length, `${kept} kept, ${restarted} restarted`)
    keptInAll += kept

    const before = world.history.violations.length
    live(world, 5 * MINUTE)
    world.run(10 * MINUTE)
    world.check()
    world.containers.checkAtPeace(world.running, world.queue.now)
    assert.deepEqual(world.history.violations.slice(before), [])
    const all = world.running.flatMap(heldBy).map(({ addr }) => addr)
    assert.equal(new Set(all).size, all.length)
    for (const peer of world.running)
      for (const ident of world.history.idents(peer.name))
        assert.ok(
          heldBy(peer).some((held) => held.ident === ident),
          `${ident} is forgotten`,
        )
  })
}

test('most addresses that are free on the other side are kept', () =>
  assert.ok(keptInAll > SEEDS, `${keptInAll}`))
