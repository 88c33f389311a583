import assert from 'node:assert/strict'
import test from 'node:test'
import type { SimHost } from './sim-host.ts'
import { World } from './world.ts'

/** Three hosts in a line of knowledge, all with the Restart feature, connected and quiet. */
function settled(restartSec: number): { world: World; a: SimHost; b: SimHost; c: SimHost } {
  const world = new World(5)
  for (let i = 0; i < 3; i++) world.add({ restartSec })
  const [a, b, c] = world.hosts
  assert.ok(a && b && c)
  for (const host of world.hosts) {
    host.targets = world.hosts.filter((other) => other !== host).map(({ address }) => address)
    host.start()
  }
  world.run(15_000)
  return { world, a, b, c }
}

const leadsTo = (from: SimHost, to: SimHost): boolean => from.node.routes.established.unicast.has(to.name)

test('neighbours hold the routes of a peer that restarts, and take it back without losing them', () => {
  const { world, a, b, c } = settled(10)
  b.crash(false)
  for (let i = 0; i < 15; i++) {
    world.run(100)
    assert.ok(leadsTo(a, b) && leadsTo(c, b), `routes are gone ${(i + 1) * 100} ms after the loss`)
  }
  b.start()
  for (let i = 0; i < 30; i++) {
    world.run(100)
    assert.ok(
      a.node.peers.self.claims.get(b.name)?.established,
      `given up ${(i + 1) * 100} ms after the return`,
    )
  }
  world.run(5_000)
  assert.ok(leadsTo(a, b) && leadsTo(b, a) && leadsTo(c, b))
  assert.equal(a.node.snapshot().connections.filter(({ state }) => state === 'established').length, 2)
})

test('a peer that does not come back in time is let go', () => {
  const { world, a, b, c } = settled(10)
  b.crash(false)
  world.run(9_000)
  assert.ok(leadsTo(a, b))
  world.run(4_000)
  assert.ok(!leadsTo(a, b) && !leadsTo(c, b))
  assert.equal(a.node.peers.get(b.name), undefined)
})

test('without the feature a lost connection is gone at once', () => {
  const { world, a, b } = settled(0)
  b.crash(false)
  world.run(1_000)
  assert.ok(!leadsTo(a, b))
})
