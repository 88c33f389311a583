import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BareNet } from '../support/bare-net.ts'
import { captured, ping, transfer, unique } from '../support/traffic.ts'

/** Containers whose MTU is larger than what the path between the hosts takes. */
describe('sleeve with packets that do not fit the path', () => {
  let net: BareNet
  before(async () => {
    net = await BareNet.up({ hosts: 2, prefix: unique(), containerMtu: 1500 })
  })
  after(() => net[Symbol.asyncDispose]())

  const mtuAbove = (mtu: number) => (line: { readonly kind: string; readonly mtu?: number }) =>
    line.kind === 'mtu' && line.mtu === mtu

  test('a packet with DF gets ICMP "fragmentation needed" with the MTU', () => {
    assert.match(ping(net, 1, ['-M', 'do', '-s', '1472', net.address(2)], 1).output, /mtu = 1438/)
    assert.equal(ping(net, 1, ['-M', 'do', '-s', '1410', net.address(2)]).received, 3)
  })

  test('the answer to a packet with DF passes the sender on a later try', () => {
    // The kernel remembers the MTU: its own check refuses now, with EMSGSIZE instead of ICMP.
    assert.match(ping(net, 1, ['-M', 'do', '-s', '1472', net.address(2)], 1).output, /mtu ?=? ?1438/)
  })

  test('an IPv6 packet gets "packet too big"', () => {
    assert.match(ping(net, 1, ['-6', '-M', 'do', '-s', '1452', 'fd00:32::2'], 1).output, /mtu=1438/)
    // The first answer meets the same limit on its way back.
    ping(net, 1, ['-6', '-s', '1452', 'fd00:32::2'], 1)
    assert.equal(ping(net, 1, ['-6', '-s', '1452', 'fd00:32::2']).received, 3)
  })

  test('TCP adapts', async () => {
    assert.ok(await transfer(net, 1, 2, 10))
  })

  test('without DF large packets pass as fragments of the underlay', async () => {
    const fragment = await captured(net, net.switchNs, 'h1', 'udp and ip[6] & 0x20 != 0', () => {
      assert.equal(ping(net, 1, ['-M', 'dont', '-s', '1472', net.address(2)]).received, 3)
    })
    assert.notEqual(fragment, '')
  })

  test('a smaller underlay is noticed and its MTU is used', async () => {
    net.exec(net.host(1), 'ip', 'link', 'set', 'eth0', 'mtu', '1300')
    const refused = ping(net, 1, ['-M', 'do', '-s', '1410', net.address(2)], 10)
    assert.match(refused.output, /mtu = 1238/)
    await net.waitFor(1, mtuAbove(1238))
    assert.equal(ping(net, 1, ['-M', 'do', '-s', '1210', net.address(2)]).received, 3)
  })
})

describe('sleeve over an underlay that loses fragments', () => {
  let net: BareNet
  before(async () => {
    net = await BareNet.up({
      hosts: 2,
      prefix: unique(),
      containerMtu: 1500,
      beforeStart: (exec, host) => {
        // Before reassembly, as a firewall on the way would.
        exec(host, 'nft', 'add', 'table', 'netdev', 'lossy')
        exec(host, 'nft', 'add chain netdev lossy in { type filter hook ingress device eth0 priority 0; }')
        exec(host, 'nft', 'add rule netdev lossy in ip frag-off & 0x3fff != 0 drop')
      },
    })
  })
  after(() => net[Symbol.asyncDispose]())

  test('frames are cut in user space instead', async () => {
    assert.equal(ping(net, 1, ['-M', 'dont', '-s', '1472', net.address(2)]).received, 3)
    const { counters } = await net.status(1)
    assert.ok(counters.fragmented >= 3)
  })
})

describe('a host whose containers take smaller packets than the path', () => {
  let net: BareNet
  before(async () => {
    net = await BareNet.up({ hosts: 2, prefix: unique(), containerMtu: 1438, localMtu: 1376 })
    net.exec(net.host(2), 'ip', 'link', 'set', 'veth0', 'mtu', '1376')
    net.exec(net.container(2), 'ip', 'link', 'set', 'ethwe', 'mtu', '1376')
  })
  after(() => net[Symbol.asyncDispose]())

  test('what is too large is fragmented or refused, and never vanishes', () => {
    assert.equal(ping(net, 1, ['-M', 'dont', '-s', '1400', net.address(2)]).received, 3)
    assert.match(ping(net, 1, ['-M', 'do', '-s', '1400', net.address(2)], 1).output, /mtu = 1376/)
  })
})
