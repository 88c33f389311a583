import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Host } from '../../src/host/host.ts'
import { formatCidr, parseCidr } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { Container, inOwnNamespaces, run } from './support/namespaces.ts'

const BRIDGE_MAC = parseMac('02:aa:bb:cc:dd:ee')

inOwnNamespaces(import.meta.filename, () => {
  let host: Host
  let one: Container
  let two: Container

  before(async () => {
    host = new Host({ log: silentLog })
    await host.ensureBridge({ mac: BRIDGE_MAC, mtu: 1376 })
    one = await Container.start()
    two = await Container.start()
  })
  after(async () => {
    await one.stop()
    await two.stop()
    await host.stop()
  })

  test('the bridge has the MAC of the peer name, the MTU, and is up', async () => {
    const [link] = JSON.parse(run('ip', '-j', 'link', 'show', 'weave')) as [Record<string, unknown>]
    assert.equal(link['address'], '02:aa:bb:cc:dd:ee')
    assert.equal(link['mtu'], 1376)
    assert.equal((link['flags'] as string[]).includes('UP'), true)
    assert.equal(await host.bridgeType(), 'bridge')
    assert.equal(run('cat', '/proc/sys/net/ipv4/neigh/weave/base_reachable_time').trim(), '5')
  })

  test('two attached namespaces ping each other', async () => {
    const mac = parseMac('02:00:00:00:00:01')
    const first = await host.attach(one.netns, {
      id: String(one.pid),
      cidrs: [parseCidr('10.32.0.1/12')],
      mac,
    })
    await host.attach(two.netns, { id: String(two.pid), cidrs: [parseCidr('10.32.0.2/12')] })

    assert.deepEqual(
      { ...first, added: first.added.map(formatCidr) },
      { ifname: 'ethwe', mac, mtu: 1376, created: true, added: ['10.32.0.1/12'] },
    )
    assert.equal(one.run('ip', 'route', 'show', '224.0.0.0/4').trim(), '224.0.0.0/4 dev ethwe scope link')
    one.run('ping', '-c1', '-W2', '10.32.0.2')
  })
})
