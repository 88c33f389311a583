import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Host } from '../../src/host/host.ts'
import { legacyMulticast } from '../../src/host/multicast-legacy.ts'
import { Netns } from '../../src/host/netns.ts'
import { formatCidr, parseCidr } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { hostLinks, show } from './support/links.ts'
import { Container, inOwnNamespaces, run } from './support/namespaces.ts'

const BRIDGE_MAC = parseMac('02:aa:bb:cc:dd:ee')
const SPEC = { mac: BRIDGE_MAC, mtu: 1376 }

const rules = (container: Container): string[] =>
  container.run('iptables-nft', '-S', 'INPUT').trim().split('\n').slice(1)

inOwnNamespaces(import.meta.filename, () => {
  let host: Host
  let containers: Container[] = []

  async function container(): Promise<Container> {
    const started = await Container.start()
    containers.push(started)
    return started
  }

  before(async () => {
    host = new Host({ log: silentLog })
    await host.ensureBridge(SPEC)
  })
  after(async () => {
    await Promise.all(containers.map((one) => one.stop()))
    containers = []
    await host.stop()
  })

  test('two attached namespaces ping each other, each with the interface that the overlay promises', async () => {
    const one = await container()
    const two = await container()
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
    one.run('ping', '-c1', '-W2', '10.32.0.2')
    assert.equal(one.run('ip', 'route', 'show', '224.0.0.0/4').trim(), '224.0.0.0/4 dev ethwe scope link')
    assert.equal(one.run('cat', '/proc/sys/net/ipv4/neigh/ethwe/base_reachable_time').trim(), '5')
    assert.equal(one.run('cat', '/proc/sys/net/ipv4/neigh/ethwe/ucast_solicit').trim(), '1')
    assert.equal(one.run('cat', '/proc/sys/net/ipv6/conf/ethwe/accept_ra').trim(), '0')
    assert.deepEqual(rules(one), [
      '-A INPUT -s 10.32.0.0/12 -d 224.0.0.0/4 -i ethwe -j ACCEPT',
      '-A INPUT -d 224.0.0.0/4 -i ethwe -j DROP',
    ])
    const port = show(`vethwepl${String(one.pid).slice(0, 7)}`)
    assert.equal(port.master, 'weave')
    assert.equal(run('cat', `/sys/class/net/${port.ifname}/brport/hairpin_mode`).trim(), '1')
    assert.equal(run('cat', `/proc/sys/net/ipv6/conf/${port.ifname}/accept_ra`).trim(), '0')
  })

  test('attaching again adds only what is new, and finishes what an interrupted attach left', async () => {
    const one = await container()
    const id = String(one.pid)
    await host.attach(one.netns, { id, cidrs: [parseCidr('10.40.0.1/24')], multicastRoute: false })
    assert.equal(one.run('ip', 'route', 'show', '224.0.0.0/4'), '')
    const port = `vethwepl${id.slice(0, 7)}`
    run('ip', 'link', 'set', port, 'nomaster', 'down')

    const again = await host.attach(one.netns, {
      id,
      cidrs: [parseCidr('10.40.0.1/24'), parseCidr('10.41.0.1/16')],
    })
    assert.equal(again.created, false)
    assert.deepEqual(again.added.map(formatCidr), ['10.41.0.1/16'])
    assert.equal(show(port).master, 'weave')
    assert.ok(show(port).flags.includes('UP'))
    assert.deepEqual(rules(one), [
      '-A INPUT -s 10.41.0.0/16 -d 224.0.0.0/4 -i ethwe -j ACCEPT',
      '-A INPUT -s 10.40.0.0/24 -d 224.0.0.0/4 -i ethwe -j ACCEPT',
      '-A INPUT -d 224.0.0.0/4 -i ethwe -j DROP',
    ])
  })

  test('detaching takes addresses and their rules, with the last one the interface and its port', async () => {
    const one = await container()
    const id = String(one.pid)
    const before = hostLinks()
    const cidrs = ['10.50.0.1/24', '10.50.0.2/24', '10.51.0.1/24'].map(parseCidr)
    await host.attach(one.netns, { id, cidrs })

    const first = await host.detach(one.netns, { cidrs: cidrs.slice(0, 1) })
    assert.deepEqual(first, { removed: cidrs.slice(0, 1), interfaceRemoved: false })
    assert.equal(rules(one).length, 3, 'the subnet is still in use by the second address')
    await host.detach(one.netns, { cidrs: cidrs.slice(1, 2) })
    assert.deepEqual(rules(one), [
      '-A INPUT -s 10.51.0.0/24 -d 224.0.0.0/4 -i ethwe -j ACCEPT',
      '-A INPUT -d 224.0.0.0/4 -i ethwe -j DROP',
    ])

    const last = await host.detach(one.netns, { cidrs })
    assert.equal(last.interfaceRemoved, true)
    assert.deepEqual(rules(one), [])
    assert.deepEqual(hostLinks(), before)
    assert.deepEqual(await host.detach(one.netns, { cidrs }), { removed: [], interfaceRemoved: false })
  })

  test('rules that iptables wrote are recognised, and a stranger’s are left alone', async () => {
    const one = await container()
    one.run('iptables-nft', '-A', 'INPUT', '-i', 'ethwe', '-d', '224.0.0.0/4', '-j', 'DROP')
    one.run(
      'iptables-nft',
      '-I',
      'INPUT',
      '-i',
      'ethwe',
      '-s',
      '10.60.0.0/20',
      '-d',
      '224.0.0.0/4',
      '-j',
      'ACCEPT',
    )
    one.run('iptables-nft', '-A', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT')
    const before = rules(one)
    const cidrs = [parseCidr('10.60.1.1/20')]
    await host.attach(one.netns, { id: String(one.pid), cidrs })
    assert.deepEqual(rules(one), before)
    await host.detach(one.netns, { cidrs })
    assert.deepEqual(rules(one), before.slice(2))
  })

  test('multicast from another subnet is dropped, from the own one it arrives', async () => {
    const one = await container()
    const two = await container()
    await host.attach(one.netns, { id: String(one.pid), cidrs: [parseCidr('10.70.0.1/24')] })
    await host.attach(two.netns, { id: String(two.pid), cidrs: [parseCidr('10.71.0.1/24')] })
    const dropped = (): number => {
      const line = one
        .run('iptables-nft', '-L', 'INPUT', '-nvx')
        .split('\n')
        .find((text) => text.includes('DROP'))
      return Number(line?.trim().split(/\s+/)[0])
    }
    two.succeeds('ping', '-c1', '-W1', '-I', 'ethwe', '224.0.0.1')
    assert.equal(dropped(), 1)

    await host.attach(two.netns, { id: String(two.pid), cidrs: [parseCidr('10.70.0.2/24')] })
    two.succeeds('ping', '-c1', '-W1', '-I', '10.70.0.2', '224.0.0.1')
    assert.equal(dropped(), 1)
  })

  test('the host’s own namespace, a vanished one and a missing bridge are refused in words', async () => {
    const cidrs = [parseCidr('10.32.0.9/12')]
    await assert.rejects(host.attach('/proc/self/ns/net', { id: 'x', cidrs }), {
      message:
        'Container is running in the host network namespace, and therefore cannot be\n' +
        'connected to weave - perhaps the container was started with --net=host',
    })
    await assert.rejects(host.attach('/proc/999999999/ns/net', { id: 'x', cidrs }), { code: 'no-namespace' })

    const elsewhere = new Host({ log: silentLog }, { bridge: 'nowhere' })
    const one = await container()
    await assert.rejects(elsewhere.attach(one.netns, { id: 'x', cidrs }), {
      message: 'bridge "nowhere" not present; did you launch weave?',
    })
    await elsewhere.stop()
  })

  test('an id that another container’s interface has is refused, nothing is left behind', async () => {
    const one = await container()
    const two = await container()
    await host.attach(one.netns, { id: 'abcdefgh1', cidrs: [parseCidr('10.80.0.1/24')] })
    const before = hostLinks()
    await assert.rejects(host.attach(two.netns, { id: 'abcdefgh2', cidrs: [parseCidr('10.80.0.2/24')] }), {
      code: 'interface-clash',
      message: /^could not create veth pair vethweplabcdefg-vethwepgabcdefg: /,
    })
    assert.deepEqual(hostLinks(), before)
  })

  test('an attach that fails half-way leaves neither interface nor addresses', async () => {
    const one = await container()
    const before = hostLinks()
    const good = parseCidr('10.81.0.1/24')
    const bad = { ...good, addr: parseCidr('10.81.0.2/24').addr, prefixLen: 33 }
    const id = String(one.pid)
    await assert.rejects(host.attach(one.netns, { id, cidrs: [good, bad] }), {
      message: /^cannot add 10\.81\.0\.2\/33 to ethwe: /,
    })
    assert.deepEqual(hostLinks(), before)
    assert.equal(one.succeeds('ip', 'link', 'show', 'ethwe'), false)

    await host.attach(one.netns, { id, cidrs: [parseCidr('10.82.0.1/24')] })
    await assert.rejects(host.attach(one.netns, { id, cidrs: [good, bad] }))
    assert.deepEqual(
      (await host.addresses(one.netns)).map(({ cidrs }) => cidrs.map(formatCidr)),
      [['10.82.0.1/24']],
    )
  })

  test('a container that asks for it has checksums made before its packets leave', async () => {
    const one = await container()
    const request = { id: String(one.pid), cidrs: [parseCidr('10.83.0.1/24')] }
    await host.attach(one.netns, { ...request, keepTxOn: false, hairpin: false })
    assert.match(one.run('ethtool', '-k', 'ethwe'), /^tx-checksumming: off$/m)
    const port = `vethwepl${request.id.slice(0, 7)}`
    assert.equal(run('cat', `/sys/class/net/${port}/brport/hairpin_mode`).trim(), '0')
  })

  test('where the kernel has no nf_tables, iptables-legacy keeps multicast of other subnets out', async () => {
    const one = await container()
    const ns = Netns.open(one.netns)
    const legacy = legacyMulticast(ns)
    const shown = (): string[] => one.run('iptables-legacy', '-S', 'INPUT').trim().split('\n').slice(1)
    const subnets = ['10.84.0.0/24', '10.85.0.0/16'].map(parseCidr)

    await legacy.guard('ethwe', subnets)
    await legacy.guard('ethwe', subnets)
    one.run('iptables-legacy', '-A', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT')
    assert.deepEqual(shown(), [
      '-A INPUT -s 10.85.0.0/16 -d 224.0.0.0/4 -i ethwe -j ACCEPT',
      '-A INPUT -s 10.84.0.0/24 -d 224.0.0.0/4 -i ethwe -j ACCEPT',
      '-A INPUT -d 224.0.0.0/4 -i ethwe -j DROP',
      '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
    ])
    await legacy.forget('ethwe', subnets.slice(0, 1), false)
    assert.deepEqual(shown()[0], '-A INPUT -s 10.84.0.0/24 -d 224.0.0.0/4 -i ethwe -j ACCEPT')
    await legacy.forget('ethwe', [], true)
    assert.deepEqual(shown(), ['-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'])
    ns.close()
  })

  test('what a namespace has on the bridge is found, by both ends naming each other', async () => {
    const one = await container()
    await host.attach(one.netns, { id: String(one.pid), cidrs: [parseCidr('10.90.0.1/24')] })
    const pair = await host.createEndpoint('0123456789abcdef', { mac: parseMac('02:00:00:00:00:77') })
    run('ip', 'link', 'set', pair.guest, 'netns', String(one.pid))
    one.run('ip', 'link', 'set', pair.guest, 'name', 'ethwe0')
    one.run('ip', 'addr', 'add', '10.91.0.1/24', 'dev', 'ethwe0')
    one.run('ip', 'link', 'set', 'ethwe0', 'up')
    one.run('ip', 'link', 'add', 'dummy-a', 'type', 'veth', 'peer', 'name', 'dummy-b')

    const found = await host.addresses(one.netns)
    assert.deepEqual(
      found.map(({ ifname, cidrs, port }) => [ifname, cidrs.map(formatCidr), port]),
      [
        ['ethwe', ['10.90.0.1/24'], `vethwepl${String(one.pid).slice(0, 7)}`],
        ['ethwe0', ['10.91.0.1/24'], 'vethwl012345678'],
      ],
    )
    await host.announce(one.netns)
    assert.equal(one.run('cat', '/proc/sys/net/ipv4/neigh/ethwe0/base_reachable_time').trim(), '5')
    assert.deepEqual(await host.addresses('/proc/self/ns/net'), [])
    await host.deleteEndpoint('0123456789abcdef')
  })

  test('a stranger’s namespace is not taken for a container’s because its links have the same indexes', async () => {
    const [ours, stranger, behind] = [await container(), await container(), await container()]
    await host.attach(ours.netns, { id: String(ours.pid), cidrs: [parseCidr('10.90.0.7/24')] })
    const link = (): string => ours.run('ip', '-o', 'link', 'show', 'ethwe')
    const [, near, far] = /^(\d+): ethwe@if(\d+):/.exec(link()) ?? []
    const line = `link add ethwe index ${near} type veth peer name far index ${far} netns ${behind.pid}`
    stranger.run('ip', ...line.split(' '))
    stranger.run('ip', 'addr', 'add', '10.90.0.8/24', 'dev', 'ethwe')
    assert.deepEqual(await host.addresses(stranger.netns), [])
    const { mtu } = SPEC
    assert.deepEqual(await host.followMtu(stranger.netns, { from: mtu, to: 1400 }), [])
    assert.deepEqual(await host.followMtu(ours.netns, { from: mtu, to: 1400 }), ['ethwe'])
    assert.match(link(), / mtu 1400 /)
    assert.deepEqual(
      await host.followMtu(ours.netns, { from: mtu, to: 1300 }),
      [],
      'it has another one by now',
    )
  })

  test('an endpoint is made once, has the MAC and MTU asked for, and goes without a trace', async () => {
    const before = hostLinks()
    const mac = parseMac('02:00:00:00:00:05')
    const made = await host.createEndpoint('fedcba9876543210', { mac, mtu: 1200 })
    assert.deepEqual(made, { host: 'vethwlfedcba987', guest: 'vethwgfedcba987', mac })
    assert.deepEqual(await host.createEndpoint('fedcba9876543210', { mac, mtu: 1200 }), made)
    assert.equal(show(made.guest).address, '02:00:00:00:00:05')
    assert.equal(show(made.guest).mtu, 1200)
    assert.equal(show(made.host).master, 'weave')

    await host.deleteEndpoint('fedcba9876543210')
    await host.deleteEndpoint('fedcba9876543210')
    run('ip', 'link', 'add', 'vethwlfedcb', 'type', 'veth', 'peer', 'name', 'vethwgfedcb')
    await host.deleteEndpoint('fedcba9876543210')
    assert.deepEqual(hostLinks(), before)
  })

  test('a second Host adopts the bridge, its ports and its addresses without touching traffic', async () => {
    const one = await container()
    await host.attach(one.netns, { id: String(one.pid), cidrs: [parseCidr('10.33.0.1/24')] })
    await host.expose(parseCidr('10.33.0.2/24'), { masquerade: false })
    const index = run('cat', '/sys/class/net/weave/ifindex')

    const second = new Host({ log: silentLog })
    await second.ensureBridge(SPEC)
    assert.equal(run('cat', '/sys/class/net/weave/ifindex'), index)
    assert.deepEqual(await second.exposed(), [{ cidr: parseCidr('10.33.0.2/24'), masquerade: false }])
    run('ping', '-c1', '-W2', '10.33.0.1')
    assert.equal(await second.hide(parseCidr('10.33.0.2/24')), true)
    assert.equal(await second.hide(parseCidr('10.33.0.2/24')), false)
    await second.stop()
  })

  test('a bridge that somebody removes comes back with its ports and addresses', async () => {
    const one = await container()
    let restored: () => void = () => undefined
    const done = new Promise<void>((resolve) => {
      restored = resolve
    })
    const watcher = new Host(
      { log: silentLog },
      { onEvent: (e) => e.kind === 'bridge-restored' && restored() },
    )
    await watcher.ensureBridge(SPEC)
    run('ip', 'tuntap', 'add', 'weave-tap', 'mode', 'tap')
    await watcher.ensureBridgePort('weave-tap')
    await watcher.expose(parseCidr('10.34.0.2/24'), { masquerade: true })
    await watcher.attach(one.netns, { id: String(one.pid), cidrs: [parseCidr('10.34.0.1/24')] })
    await watcher.start()
    run('ip', 'link', 'del', 'weave')
    await done

    run('ping', '-c1', '-W2', '10.34.0.1')
    assert.equal(show('weave-tap').master, 'weave')
    await watcher.hide(parseCidr('10.34.0.2/24'))
    await watcher.stop()
    run('ip', 'link', 'del', 'weave-tap')
  })
})
