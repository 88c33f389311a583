import assert from 'node:assert/strict'
import test from 'node:test'
import type { SimHost } from './sim-host.ts'
import { World } from './world.ts'

const MINUTE = 60_000

/** Three hosts that found each other by the first, and that nobody is told the address of any more. */
function trio(): { world: World; hub: SimHost; others: SimHost[] } {
  const world = new World(7)
  const hub = world.add()
  const others = [world.add(), world.add()]
  hub.start()
  for (const host of others) {
    host.targets = [hub.address]
    host.start()
  }
  world.run(20_000)
  // Whom the user named would be tried for ever anyhow.
  for (const host of others) host.node.forget([hub.address], host.now())
  world.run(1_000)
  return { world, hub, others }
}

function cut(world: World, host: SimHost, isCut: boolean): void {
  for (const other of world.hosts) {
    if (other !== host) world.network.change(host.address, other.address, { cut: isCut })
  }
}

const known = (host: SimHost): number => host.node.peers.size

test('a host that was cut off until all forgot it, and that nobody was told of, is found again', () => {
  const { world, hub, others } = trio()
  cut(world, hub, true)
  world.run(10 * MINUTE)
  assert.deepEqual([hub, ...others].map(known), [1, 2, 2])
  cut(world, hub, false)
  world.run(10 * MINUTE)
  assert.deepEqual([hub, ...others].map(known), [3, 3, 3], String(world.history))
})

test('whoever else listens at the address of a former neighbour is not taken in', () => {
  const { world, hub, others } = trio()
  cut(world, hub, true)
  world.run(10 * MINUTE)
  hub.crash(true)
  const stranger = world.add({ address: hub.address })
  stranger.start()
  for (const host of others) world.network.change(host.address, hub.address, { cut: false })
  world.run(10 * MINUTE)
  assert.deepEqual([stranger, ...others].map(known), [1, 2, 2], String(world.history))
})

test('a former neighbour that the user wants forgotten is not tried again', () => {
  const { world, hub, others } = trio()
  cut(world, hub, true)
  world.run(10 * MINUTE)
  for (const host of others) host.node.forget([hub.address], host.now())
  for (const host of others) hub.node.forget([host.address], hub.now())
  cut(world, hub, false)
  world.run(20 * MINUTE)
  assert.deepEqual([hub, ...others].map(known), [1, 2, 2])
})
