import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Host } from '../../src/host/host.ts'
import { parseCidr } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { hostLinks, show } from './support/links.ts'
import { inOwnNamespaces, run } from './support/namespaces.ts'

inOwnNamespaces(import.meta.filename, () => {
  let host: Host

  before(async () => {
    host = new Host({ log: silentLog })
    await host.ensureBridge({ mac: parseMac('02:aa:bb:cc:dd:ee'), mtu: 1376 })
  })
  after(() => host.stop())

  test('the bridge has the MAC of the peer name, the MTU, and is up', async () => {
    const link = show('weave')
    assert.equal(link.address, '02:aa:bb:cc:dd:ee')
    assert.equal(link.mtu, 1376)
    assert.ok(link.flags.includes('UP'))
    assert.equal(await host.bridgeType(), 'bridge')
    assert.equal(run('cat', '/proc/sys/net/ipv4/neigh/weave/base_reachable_time').trim(), '5')
    assert.equal(run('cat', '/proc/sys/net/ipv6/conf/weave/accept_ra').trim(), '0')
  })

  test('overlaps with routes of the host are named, default routes and ignored devices do not count', async () => {
    run('ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1')
    run('ip', 'addr', 'add', '192.168.7.1/24', 'dev', 'lan0')
    run('ip', 'link', 'set', 'lan0', 'up')
    run('ip', 'route', 'add', 'default', 'dev', 'lan0')
    assert.equal(
      await host.overlap(parseCidr('192.168.0.0/16')),
      'Network 192.168.0.0/16 overlaps with existing route 192.168.7.0/24 on host',
    )
    assert.equal(
      await host.overlap(parseCidr('192.168.7.9/30')),
      'Address 192.168.7.9/30 overlaps with existing route 192.168.7.0/24 on host',
    )
    assert.equal(await host.overlap(parseCidr('192.168.0.0/16'), ['lan0']), undefined)
    assert.equal(await host.overlap(parseCidr('10.128.0.0/16')), undefined)
    assert.deepEqual(await host.interfaceAddress('lan0'), parseCidr('192.168.7.1/24'))
    run('ip', 'link', 'del', 'lan0')
  })

  test('the devices of the fast datapath are made once and adopted after', async () => {
    const pair = await host.ensureDatapathPair({ mtu: 1376 })
    assert.deepEqual(await host.ensureDatapathPair({ mtu: 1400 }), pair)
    assert.equal(show('vethwe-bridge').master, 'weave')
    assert.equal(show('vethwe-datapath').mtu, 1400)
    const vxlan = await host.ensureVxlan({ port: 6784, mtu: 1410 })
    assert.equal(await host.ensureVxlan({ port: 6784, mtu: 1410 }), vxlan)
    assert.match(run('ip', '-d', 'link', 'show', 'vxlan-6784'), /vxlan external .* dstport 6784/)

    await host.removeDatapath({ port: 6784 })
    await host.removeDatapath({ port: 6784 })
    assert.ok(!hostLinks().some((name) => name.startsWith('vethwe-') || name.startsWith('vxlan')))
  })
})
