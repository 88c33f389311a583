import assert from 'node:assert/strict'
import test from 'node:test'
import type { SimHost, SimHostOptions } from './sim-host.ts'
import { World } from './world.ts'

const connectionsOf = (host: SimHost) => host.node.snapshot().connections

const peersOf = (host: SimHost): string[] =>
  connectionsOf(host)
    .flatMap((connection) => (connection.state === 'established' ? [connection.nickname] : []))
    .sort()

/** Started hosts, the first without targets and the others with the first. */
function star(
  count: number,
  options: (index: number) => Partial<SimHostOptions> = () => ({}),
): [World, SimHost[]] {
  const world = new World(3)
  for (let i = 0; i < count; i++) world.add(options(i))
  for (const [i, host] of world.hosts.entries()) {
    if (i > 0) host.targets = [world.hosts[0]?.address ?? '']
    host.start()
  }
  return [world, world.hosts]
}

test('who dials itself is told so, never again, and does not count for the quorum', () => {
  const [world, [host]] = star(1)
  assert.ok(host)
  host.connect([host.address])
  world.run(60_000)
  const [failed] = connectionsOf(host)
  assert.ok(failed?.state === 'failed')
  assert.equal(failed.error, 'cannot connect to ourself')
  assert.equal(failed.retryAt, undefined)
  assert.equal(host.node.initialPeers(), 0)
  assert.equal(host.node.snapshot().terminationCount, 0)
})

test('two hosts with one name are told both nicknames, and leave it at that', () => {
  const world = new World(1)
  const a = world.add()
  const b = world.add({ name: a.name })
  a.start()
  b.targets = [a.address]
  b.start()
  world.run(30_000)
  const [failed] = connectionsOf(b)
  assert.ok(failed?.state === 'failed')
  assert.match(failed.error, /^local "[0-9a-f:]+\(h2\)" and remote "[0-9a-f:]+\(h1\)" peer names collision$/)
  assert.equal(failed.retryAt, undefined)
})

test('a name that cannot be looked up is tried again, and found when it exists', () => {
  const [world, [a]] = star(1)
  assert.ok(a)
  a.connect(['h2'])
  world.run(1_000)
  const [failed] = connectionsOf(a)
  assert.ok(failed?.state === 'failed')
  assert.equal(failed.error, 'lookup h2: no such host')
  world.add().start()
  world.run(30_000)
  assert.deepEqual(peersOf(a), ['h2'])
})

test('forgetting a target leaves its connection alone, but does not restore it', () => {
  const [world, [a, b]] = star(2, () => ({ discovery: false }))
  assert.ok(a && b)
  world.run(5_000)
  b.act(() => b.node.forget([a.address], b.now()))
  world.run(5_000)
  assert.deepEqual(peersOf(b), ['h1'])
  a.crash(false)
  a.targets = []
  a.start()
  world.run(120_000)
  assert.deepEqual(peersOf(b), [])
})

test('at the limit a newcomer gets the place of a neighbour that has others', () => {
  const [world, hosts] = star(4, (i) => ({ connectionLimit: i === 0 ? 3 : 0 }))
  const [hub] = hosts
  assert.ok(hub)
  world.run(20_000)
  assert.equal(peersOf(hub).length, 3)
  const newcomer = world.add({ discovery: false })
  newcomer.targets = [hub.address]
  newcomer.start()
  world.run(60_000)
  assert.deepEqual(peersOf(newcomer).includes('h1'), true)
  assert.equal(peersOf(hub).length, 3)
  for (const host of world.hosts) assert.equal(host.node.peers.size, 5, host.options.nickname)
})

test('a full peer is left alone: nobody adds a connection to it only to lose it', () => {
  const [world, hosts] = star(6, (i) => ({ connectionLimit: i === 0 ? 0 : 3 }))
  world.run(120_000)
  const versions = hosts.map(({ node }) => node.peers.self.version)
  world.run(120_000)
  assert.deepEqual(
    hosts.map(({ node }) => node.peers.self.version),
    versions,
  )
})

test('a peer that takes nothing is given up, and does not hold up the others', () => {
  const [world, [a, b, c]] = star(3)
  assert.ok(a && b && c)
  world.run(15_000)
  world.network.change(a.address, b.address, { clogged: true })
  world.run(90_000)
  assert.deepEqual(peersOf(a).includes('h3'), true)
  assert.deepEqual(peersOf(a).includes('h2'), false)
  assert.ok(a.backlog < 1024 * 1024, `${a.backlog} bytes`)
  world.network.heal()
  world.run(120_000)
  assert.deepEqual(peersOf(a), ['h2', 'h3'])
})

test('both ends of a new pair do not dial at once: few handshakes are for nothing', () => {
  const [world, hosts] = star(12)
  world.run(20_000)
  const ended = hosts.reduce((sum, { node }) => sum + node.snapshot().terminationCount, 0)
  for (const host of hosts) assert.equal(peersOf(host).length, 11)
  assert.ok(ended <= 6, `${ended} connections ended`)
})

test('where handshakes take long the end whose turn it is not waits for as long as others come', () => {
  // Eight handshakes at a time, each of nearly three seconds: thirty take longer than any courtesy.
  const [world, hosts] = star(60)
  for (const a of hosts) for (const b of hosts) world.network.change(a.address, b.address, { delay: 480 })
  world.run(60_000)
  const ended = hosts.reduce((sum, { node }) => sum + node.snapshot().terminationCount, 0)
  for (const host of hosts) assert.equal(peersOf(host).length, 59)
  assert.ok(ended <= 12, `${ended} connections ended`)
})
