import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BareNet } from '../support/bare-net.ts'
import { captured, ping, transfer, unique } from '../support/traffic.ts'

describe('three hosts in a line', () => {
  let net: BareNet
  before(async () => {
    net = await BareNet.up({ hosts: 3, prefix: unique(), chain: true })
  })
  after(() => net[Symbol.asyncDispose]())

  test('the one in the middle relays unicast', async () => {
    assert.equal(ping(net, 1, [net.address(3)]).received, 3)
    assert.ok(await transfer(net, 1, 3, 10))
    const { counters } = await net.status(2)
    assert.ok(counters.framesRelayed > 1000)
  })

  test('a broadcast reaches all, each once', async () => {
    for (const index of [2, 3]) {
      net.exec(net.container(index), 'sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_broadcasts=0')
    }
    // `ping` ends with the first answer to its last request.
    assert.match(ping(net, 1, ['-b', '10.47.255.255'], 3).output, /3 received, \+2 duplicates/)
  })

  test('the relay answers for packets that are too large for its next hop', async () => {
    net.exec(net.host(2), 'ip', 'route', 'add', `${net.underlay(3)}/32`, 'dev', 'eth0', 'mtu', 'lock', '1200')
    const { output } = ping(net, 1, ['-M', 'do', '-s', '1300', net.address(3)], 10)
    assert.match(output, /mtu = 1138/)
  })
})

describe('a full mesh of three', () => {
  let net: BareNet
  before(async () => {
    net = await BareNet.up({ hosts: 3, prefix: unique() })
  })
  after(() => net[Symbol.asyncDispose]())

  test('a container that moved to another host is reachable at once', () => {
    const mac = '02:00:00:00:aa:01'
    const place = (index: number): void => {
      const ns = net.container(index)
      net.exec(ns, 'ip', 'link', 'set', 'ethwe', 'address', mac)
      net.exec(ns, 'ip', 'addr', 'add', '10.32.0.77/12', 'dev', 'ethwe')
      net.exec(ns, 'sysctl', '-qw', 'net.ipv4.conf.ethwe.arp_notify=1')
    }
    place(2)
    assert.equal(ping(net, 1, ['10.32.0.77']).received, 3)
    net.exec(net.container(2), 'ip', 'link', 'set', 'ethwe', 'down')
    place(3)
    // Its first frame announces it: one broadcast ping from the new place.
    ping(net, 3, ['-I', '10.32.0.77', net.address(1)], 1)
    assert.equal(ping(net, 1, ['10.32.0.77']).received, 3)
  })

  test('unicast to a known address goes to one host only', async () => {
    assert.equal(ping(net, 1, [net.address(3)]).received, 3)
    const before = await net.status(2)
    ping(net, 1, [net.address(3)], 20)
    const after = await net.status(2)
    assert.ok(after.counters.framesInjected - before.counters.framesInjected < 10)
  })

  test('spanning tree frames of the bridge stay at home', async () => {
    const { counters } = await net.status(1)
    net.exec(net.container(1), 'perl', '-e', STP)
    await net.counted(1, 'dropStp', counters.dropStp + 1)
  })
})

/** A bridge drops frames to the STP group unless it forwards the group: here it is told to. */
const STP = `
  socket(my $s, 17, 3, 0) or die "socket: $!";
  open(my $f, '<', '/sys/class/net/ethwe/ifindex') or die; my $index = <$f>;
  send($s, pack('H*', '0180c2000000' . '020000000001' . '0026' . '00' x 46), 0,
    pack('S n i S C C a8', 17, 3, $index, 0, 0, 6, '')) or die "send: $!"`

describe('an IPv6 underlay', () => {
  let net: BareNet
  before(async () => {
    net = await BareNet.up({ hosts: 2, prefix: unique(), ip6: true })
  })
  after(() => net[Symbol.asyncDispose]())

  test('carries everything, with an MTU 20 bytes smaller', async () => {
    assert.equal((await net.status(1)).attributes['2']?.mtu, 1418)
    assert.equal(ping(net, 1, [net.address(2)]).received, 3)
    assert.ok(await transfer(net, 1, 2, 10))
  })
})

describe('sealed sleeve', () => {
  let net: BareNet
  before(async () => {
    net = await BareNet.up({ hosts: 2, prefix: unique(), key: 'c3'.repeat(32) })
  })
  after(() => net[Symbol.asyncDispose]())

  test('nothing of the traffic is readable on the underlay', async () => {
    const datagram = await captured(net, net.switchNs, 'h1', 'udp port 6783 and ip[2:2] = 514', () => {
      assert.equal(ping(net, 1, ['-s', '400', '-p', 'feedface', net.address(2)]).received, 3)
    })
    assert.ok(datagram.length > 800)
    assert.ok(!datagram.includes('feedface'))
  })

  test('a replayed datagram is dropped', async () => {
    const datagram = await captured(
      net,
      net.switchNs,
      'h1',
      'src host 10.99.0.1 and udp dst port 6783 and ip[2:2] = 170',
      () => {
        ping(net, 1, [net.address(2)])
      },
    )
    const payload = datagram.slice(2 * (14 + 20 + 8))
    const { counters } = await net.status(2)
    net.sendDatagrams(net.host(1), 2, [payload, payload])
    await net.counted(2, 'dropReplayed', counters.dropReplayed + 2)
  })

  test('datagrams that overtake each other are taken, each once', async () => {
    assert.equal(ping(net, 1, [net.address(2)]).received, 3)
    const hold = 'add table ip hold; add chain ip hold in { type filter hook input priority 0; }'
    net.exec(net.host(2), 'nft', `${hold}; add rule ip hold in udp dport 6783 ip length 170 drop`)
    const held: string[] = []
    for (let i = 0; i < 3; i++) {
      const filter = 'src host 10.99.0.1 and udp dst port 6783 and ip[2:2] = 170'
      const datagram = await captured(net, net.switchNs, 'h1', filter, () => {
        assert.equal(ping(net, 1, ['-W', '0.1', net.address(2)], 1).received, 0)
      })
      held.push(datagram.slice(2 * (14 + 20 + 8)))
    }
    net.exec(net.host(2), 'nft', 'delete table ip hold')

    const { counters: before } = await net.status(2)
    net.sendDatagrams(net.host(1), 2, held.toReversed())
    await net.counted(2, 'framesInjected', before.framesInjected + 3)
    const { counters } = await net.status(2)
    assert.equal(counters.dropReplayed, before.dropReplayed)
    assert.equal(counters.dropUndecryptable, before.dropUndecryptable)
    net.sendDatagrams(net.host(1), 2, held)
    await net.counted(2, 'dropReplayed', before.dropReplayed + 3)
  })

  test('forged and cut datagrams are dropped, and the connection lives', async () => {
    const { counters } = await net.status(2)
    const name = '000000000001'
    net.sendDatagrams(net.host(1), 2, [
      name,
      `${name}8000000000000000`,
      name + 'ff'.repeat(24),
      name + '11'.repeat(200),
    ])
    await net.counted(2, 'dropUndecryptable', counters.dropUndecryptable + 2)
    assert.equal(ping(net, 1, [net.address(2)]).received, 3)
  })
})

describe('sleeve in clear and what strangers send', () => {
  let net: BareNet
  before(async () => {
    net = await BareNet.up({ hosts: 2, prefix: unique() })
  })
  after(() => net[Symbol.asyncDispose]())

  test('senders without a connection are ignored', async () => {
    net.sendDatagrams(net.host(1), 2, ['0000000000ff'.padEnd(200, '0')])
    await net.counted(2, 'dropUnknownSender', 1)
  })

  test('garbage is counted and does no harm', async () => {
    const name = '000000000001'
    const { counters } = await net.status(2)
    net.sendDatagrams(net.host(1), 2, [
      '',
      '0102',
      `${name}ff`,
      `${name}000000000001000000000002ffff`,
      `${name}0000000000010000000000020003aabbcc`,
      name + 'a7'.repeat(1300),
    ])
    await net.counted(2, 'dropMalformedDatagram', counters.dropMalformedDatagram + 4)
    assert.equal(ping(net, 1, [net.address(2)]).received, 3)
  })

  test('a frame that claims to come from the receiver itself is dropped', async () => {
    const own = `000000000001000000000002000000000002000e${'02'.repeat(14)}`
    net.sendDatagrams(net.host(1), 2, [own])
    await net.counted(2, 'dropOwnFrame', 1)
  })
})

describe('the packet engine and its device', () => {
  test('a port in use is refused with its number', async () => {
    await using net = await BareNet.up({ hosts: 2, prefix: unique() })
    const script = `
      const socket = require('node:dgram').createSocket('udp4')
      socket.on('error', (error) => console.log(error.code))
      socket.bind(6783)`
    assert.match(net.exec(net.host(1), process.execPath, '-e', script), /EADDRINUSE/)
  })

  test('a TAP that somebody deletes comes back, and connections are made anew', async () => {
    await using net = await BareNet.up({ hosts: 2, prefix: unique() })
    net.exec(net.host(1), 'ip', 'link', 'delete', 'weave-sleeve')
    await net.waitFor(1, (line) => line.kind === 'failed')
    await net.waitFor(1, (line) => line.kind === 'attached' && line.times === 2)
  })
})
