import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Host } from '../../src/host/host.ts'
import { examineHost } from '../../src/host/probe/doctor.ts'
import type { Finding } from '../../src/host/probe/finding.ts'
import { parseCidr } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { Container, inOwnNamespaces, run } from './support/namespaces.ts'

const BRIDGE = { mac: parseMac('02:aa:bb:cc:dd:ee'), mtu: 1376 }

inOwnNamespaces(import.meta.filename, () => {
  let host: Host

  const examine = (): Promise<Finding[]> => examineHost({ bridge: 'weave', port: 6783 })

  const outcome = async (id: string): Promise<Finding['outcome']> => {
    const found = (await examine()).find((finding) => finding.id === id)
    return found?.outcome ?? assert.fail(`no finding ${id}`)
  }

  before(async () => {
    host = new Host({ log: silentLog })
    await host.ensureBridge(BRIDGE)
  })
  after(() => host.stop())

  test('trying the kernel changes nothing on the host', async () => {
    const before = run('ip', '-o', 'link') + run('nft', 'list', 'ruleset')
    const kernel = (await examine()).filter(({ group }) => group === 'kernel')
    assert.equal(run('ip', '-o', 'link') + run('nft', 'list', 'ruleset'), before)
    assert.ok(kernel.length >= 12)
    // These are what every other test here stands on.
    for (const id of ['veth', 'bridge', 'tap', 'nf-tables']) {
      assert.deepEqual(kernel.find((finding) => finding.id === id)?.outcome, { state: 'works' }, id)
    }
  })

  test('a firewall that drops our ports is found, and the advice it comes with mends it', async () => {
    run('iptables-nft', '-P', 'INPUT', 'DROP')
    for (const id of ['input-tcp-6783', 'input-udp-6783', 'input-udp-6784']) {
      const found = await outcome(id)
      assert.ok(found.state === 'wrong', id)
      assert.match(found.problem, /iptables-nft drops it \(policy of INPUT: DROP\)/)
      run(...found.advice.replace('allow it: ', '').split(' '))
      assert.deepEqual(await outcome(id), { state: 'works' })
    }
    run('iptables-nft', '-F', 'INPUT')
    run('iptables-nft', '-P', 'INPUT', 'ACCEPT')
  })

  test('a firewall of its own tables that drops by default is pointed out', async () => {
    run(
      'nft',
      'add table inet strict; add chain inet strict in { type filter hook input priority 0; policy drop; }',
    )
    const found = await outcome('nft-inet-strict-in')
    assert.ok(found.state === 'unknown' && found.reason.includes('UDP 6783 and 6784'))
    run('nft', 'delete', 'table', 'inet', 'strict')
  })

  test('forwarding over the bridge works once the firewall rules are in place', async () => {
    run('iptables-nft', '-P', 'FORWARD', 'DROP')
    assert.equal((await outcome('forward')).state, 'wrong')
    await host.ensureFirewall({ port: 6783 })
    assert.deepEqual(await outcome('forward'), { state: 'works' })
    run('iptables-nft', '-P', 'FORWARD', 'ACCEPT')
  })

  test('an MTU that does not fit into the underlay comes with one that does', async () => {
    run('ip', 'link', 'add', 'lan0', 'mtu', '1400', 'type', 'veth', 'peer', 'name', 'lan1', 'mtu', '1400')
    run('ip', 'addr', 'add', '192.168.7.1/24', 'dev', 'lan0')
    run('ip', 'link', 'set', 'lan0', 'up')
    run('ip', 'route', 'add', 'default', 'via', '192.168.7.254')
    const found = await outcome('mtu-lan0')
    assert.ok(found.state === 'wrong')
    assert.match(found.advice, /without WEAVE_MTU, .* or with WEAVE_MTU=1350$/)

    run('ip', 'link', 'add', 'wide0', 'mtu', '1500', 'type', 'veth', 'peer', 'name', 'wide1', 'mtu', '1500')
    run('ip', 'addr', 'add', '192.168.8.1/24', 'dev', 'wide0')
    run('ip', 'link', 'set', 'wide0', 'up')
    run('ip', 'route', 'add', '10.0.0.0/8', 'via', '192.168.8.254')
    assert.equal((await outcome('mtu-wide0')).state, 'works')
    // Peers may all be behind the other one.
    assert.equal((await outcome('mtu-lan0')).state, 'unknown')
    run('ip', 'link', 'del', 'wide0')

    await host.ensureBridge({ ...BRIDGE, mtu: 1350 })
    assert.equal((await outcome('mtu-lan0')).state, 'works')
    await host.ensureBridge(BRIDGE)
    run('ip', 'link', 'del', 'lan0')
  })

  test('doubled addresses, a bridge that is down and hairpin mode are found', async (t) => {
    const containers = [await Container.start(), await Container.start()]
    t.after(() => Promise.all(containers.map((one) => one.stop())))
    const mac = parseMac('02:00:00:00:00:01')
    for (const { netns, pid } of containers) {
      assert.equal((await outcome('macs')).state, 'works')
      await host.attach(netns, { id: String(pid), cidrs: [], mac })
    }
    const macs = await outcome('macs')
    assert.ok(macs.state === 'wrong')
    const ports = containers.map(({ pid }) => `vethwepl${String(pid).slice(0, 7)}`)
    assert.equal(macs.problem, `02:00:00:00:00:01 is used behind ${ports.join(' and ')}`)

    run('ip', 'link', 'set', 'weave', 'down')
    assert.equal((await outcome('bridge-state')).state, 'wrong')
    run('ip', 'link', 'set', 'weave', 'up')

    await host.ensureDatapathPair({ mtu: 1376 })
    assert.equal((await outcome('hairpin')).state, 'works')
    run('ip', 'link', 'set', 'vethwe-bridge', 'type', 'bridge_slave', 'hairpin', 'on')
    assert.equal((await outcome('hairpin')).state, 'wrong')
  })

  test('an exposed host that does not route is told so', async () => {
    await host.expose(parseCidr('10.32.0.1/12'), { masquerade: true })
    run('sysctl', '-qw', 'net.ipv4.ip_forward=0')
    const found = await outcome('ip-forward')
    assert.ok(found.state === 'wrong')
    run(...found.advice.split(' '))
    assert.equal((await outcome('ip-forward')).state, 'works')
  })
})
