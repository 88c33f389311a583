import assert from 'node:assert/strict'
import test from 'node:test'
import { World } from './world.ts'

test('a star of five grows into a full mesh that everybody knows', () => {
  const world = new World(1)
  for (let i = 0; i < 5; i++) world.add()
  const [hub, ...others] = world.hosts
  assert.ok(hub)
  hub.start()
  for (const host of others) {
    host.targets = [hub.address]
    host.start()
  }
  world.run(20_000)
  for (const host of world.hosts) {
    assert.equal(host.node.peers.size, 5)
    for (const peer of host.node.peers) {
      assert.equal(
        [...peer.claims].filter(({ established }) => established).length,
        4,
        `${host.options.nickname} on ${peer.nickname}\n${world.history}`,
      )
    }
  }
})
