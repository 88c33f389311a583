import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, type Lab } from './lab.ts'
import { addressOf, cables, launched, names, owned, pings, run } from './plugin-hosts.ts'

let lab: Lab

before(async () => {
  lab = await launched({ hosts: 2 })
})
after(() => lab?.down())

test('docker run --net=weave on two hosts: unique addresses, MTU, multicast route, ping both ways', async () => {
  await run(lab, 1, 'c1', '--net=weave')
  await run(lab, 2, 'c2', '--net=weave')
  const [first, second] = [await addressOf(lab, 1, 'c1'), await addressOf(lab, 2, 'c2')]
  assert.notEqual(first, second)
  await eventually('c1 has the MTU of the network', async () => {
    const mtu = await lab.weave(1, 'report', '-f', '{{.Router.OverlayDiagnostics.mtu.Containers}}')
    const device = await lab.docker(1, 'exec', 'c1', 'ip', 'addr', 'show', 'ethwe0')
    return Number(mtu) >= 1376 && device.includes(`mtu ${mtu.trim()} `)
  })
  assert.match(await lab.docker(1, 'exec', 'c1', 'ip', 'route'), /224\.0\.0\.0\/4 dev ethwe0 scope link/)
  await eventually('c1 reaches c2', () => pings(lab, 1, 'c1', second))
  assert.equal(await pings(lab, 2, 'c2', first), true)
})

test('containers find each other across hosts by name', async () => {
  const address = await addressOf(lab, 2, 'c2')
  await eventually('c2 is named on host 1', async () => (await names(lab, 1)).includes(`c2 ${address}`))
  await eventually('weaveDNS answers', async () => {
    return (await lab.tryWeave(1, 'dns-lookup', 'c2')).stdout.trim() === address
  })
})

test('--ip is honoured once: not twice on a host, not on another host, and again when it is free', async () => {
  await run(lab, 1, 'fixed', '--net=weave', '--ip', '10.33.0.5')
  assert.equal(await addressOf(lab, 1, 'fixed'), '10.33.0.5')
  const flags = ['run', '--rm', '--net=weave', '--ip', '10.33.0.5', 'busybox', 'true']
  const here = await lab.tryDocker(1, ...flags)
  assert.notEqual(here.status, 0)
  assert.match(here.stderr, /address 10\.33\.0\.5 is already in use/)
  const there = await lab.tryDocker(2, ...flags)
  assert.notEqual(there.status, 0)
  assert.match(there.stderr, /10\.33\.0\.5\/12 is owned by other peer .*host1/)

  await lab.docker(1, 'rm', '-f', 'fixed')
  await lab.docker(2, ...flags)
})

test('--mac-address is honoured', async () => {
  await run(lab, 1, 'mac', '--net=weave', '--mac-address', '02:11:22:33:44:55')
  assert.match(await lab.docker(1, 'exec', 'mac', 'ip', 'link', 'show', 'ethwe0'), /02:11:22:33:44:55/)
  const ps = await lab.weave(1, 'ps', 'mac')
  assert.match(ps, /^mac 02:11:22:33:44:55 10\.\d+\.\d+\.\d+\/12$/)
  await lab.docker(1, 'rm', '-f', 'mac')
})

test('a running container is connected and disconnected, with names and route', async () => {
  await run(lab, 1, 'late')
  await lab.docker(1, 'network', 'connect', '--alias', 'tardy', 'weave', 'late')
  const address = await addressOf(lab, 1, 'late')
  assert.equal(await pings(lab, 1, 'c1', address), true)
  assert.match(await lab.docker(1, 'exec', 'late', 'ip', 'route'), /224\.0\.0\.0\/4 dev ethwe0/)
  await eventually('its names are known', async () => {
    const known = await names(lab, 2)
    return known.includes(`late ${address}`) && known.includes(`tardy ${address}`)
  })

  await lab.docker(1, 'network', 'disconnect', 'weave', 'late')
  await eventually('its names are gone', async () => !(await names(lab, 2)).join().includes(address))
  assert.equal((await owned(lab, 1)).has(address), false)
  await lab.docker(1, 'network', 'connect', '--ip', '10.33.0.99', 'weave', 'late')
  assert.match(await lab.docker(1, 'exec', 'late', 'ip', '-o', 'addr'), /ethwe1\s+inet 10\.33\.0\.99\/12/)
  await lab.docker(1, 'rm', '-f', 'late')
})

test('a restarted container is on the network again', async () => {
  await run(lab, 1, 'again', '--net=weave', '--ip', '10.33.0.7')
  await lab.docker(1, 'restart', '-t', '0', 'again')
  assert.equal(await pings(lab, 1, 'again', await addressOf(lab, 1, 'c1')), true)
  assert.equal(await addressOf(lab, 1, 'again'), '10.33.0.7')
  await lab.docker(1, 'rm', '-f', 'again')
})

test('networks of the user: subnet, range, MTU, internal, and no multicast route unless asked for', async () => {
  const create = ['network', 'create', '-d', 'weavemesh', '--ipam-driver', 'weavemesh']
  const subnet = ['--subnet', '10.41.0.0/16', '--ip-range', '10.41.128.0/24', '--gateway', '10.41.0.1']
  await lab.docker(1, ...create, ...subnet, '-o', 'com.docker.network.driver.mtu=1300', 'sub')
  await run(lab, 1, 'part', '--net=sub')
  assert.match(await addressOf(lab, 1, 'part', 'sub'), /^10\.41\.128\./)
  assert.match(await lab.docker(1, 'exec', 'part', 'ip', 'link', 'show', 'ethwe0'), /mtu 1300 /)
  assert.doesNotMatch(await lab.docker(1, 'exec', 'part', 'ip', 'route'), /224\.0\.0\.0/)

  await lab.docker(1, ...create, '--internal', '-o', 'works.weave.multicast=true', 'inner')
  const routes = await lab.docker(1, 'run', '--rm', '--net=inner', 'busybox', 'ip', 'route')
  assert.doesNotMatch(routes, /default/)
  assert.match(routes, /224\.0\.0\.0\/4 dev ethwe0/)

  await lab.docker(1, 'rm', '-f', 'part')
  await lab.docker(1, 'network', 'rm', 'sub', 'inner')
  assert.deepEqual(
    [...(await owned(lab, 1)).keys()].filter((ident) => ident.startsWith('10.41.')),
    [],
  )
})

const refusals: [string, string[], RegExp][] = [
  ['an option value that is none', ['-o', 'works.weave.multicast=maybe'], /unrecognized value "maybe"/],
  ['IPv6', ['--ipv6', '--subnet', '10.42.0.0/16', '--subnet', 'fd00:1::/64'], /no IPv6 addresses/],
]
for (const [what, flags, message] of refusals) {
  test(`a network with ${what} is refused at once, and leaves nothing`, async () => {
    const before = await owned(lab, 1)
    const create = ['network', 'create', '-d', 'weavemesh', '--ipam-driver', 'weavemesh', ...flags, 'refused']
    const outcome = await lab.tryDocker(1, ...create)
    assert.notEqual(outcome.status, 0)
    assert.match(outcome.stderr, message)
    assert.deepEqual(await owned(lab, 1), before)
  })
}

test('with an exposed bridge a network without subnet is refused instead of asked for without end', async () => {
  await lab.weave(1, 'expose')
  const create = ['network', 'create', '-d', 'weavemesh', '--ipam-driver', 'weavemesh']
  const outcome = await lab.tryDocker(1, ...create, 'unnamed')
  assert.notEqual(outcome.status, 0)
  assert.match(outcome.stderr, /--subnet 10\.32\.0\.0\/12/)
  await lab.docker(1, ...create, '--subnet', '10.32.0.0/12', 'named')
  await lab.docker(1, 'network', 'rm', 'named')
  await lab.weave(1, 'hide')
})

test('docker network prune takes the default network, and it comes back', async () => {
  await lab.docker(2, 'rm', '-f', 'c2')
  await lab.docker(2, 'network', 'prune', '-f')
  await eventually('the network is back', async () => {
    return (await lab.tryDocker(2, 'network', 'inspect', 'weave')).status === 0
  })
  await lab.docker(2, 'run', '--rm', '--net=weave', 'busybox', 'true')
})

test('when all containers are gone, nothing of them is left', async () => {
  await lab.docker(1, 'rm', '-f', 'c1')
  for (const host of [1, 2]) {
    assert.deepEqual([...(await owned(lab, host)).keys()], [])
    assert.deepEqual(await cables(lab, host), [])
    assert.deepEqual(await names(lab, host), [])
  }
})
