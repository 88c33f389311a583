import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BareNet } from '../support/bare-net.ts'
import { burst, captured, echo, ping, sendFrame, transfer, unique } from '../support/traffic.ts'

const KEY = '5a'.repeat(32)

for (const [label, sealing] of [
  ['in clear', {}],
  ['sealed for old peers', { key: KEY }],
  ['sealed with AES and a new key every 50 ms', { key: KEY, ciphers: ['aes-256-gcm'], rekeyEvery: 50 }],
  ['sealed with ChaCha20', { key: KEY, ciphers: ['chacha20-poly1305'] }],
] as const) {
  describe(`sleeve between two hosts, ${label}`, () => {
    let net: BareNet
    before(async () => {
      net = await BareNet.up({ hosts: 2, prefix: unique(), ...sealing })
    })
    after(() => net[Symbol.asyncDispose]())

    test('the MTU found is that of old peers on a 1500 underlay', async () => {
      const { attributes } = await net.status(1)
      assert.equal(attributes['2']?.mtu, 'key' in sealing ? 1414 : 1438)
    })

    test('status names the cipher and the age of its key', async () => {
      const { cipher, keyAgeSec } = (await net.status(1)).attributes['2'] ?? {}
      const expected = 'ciphers' in sealing ? sealing.ciphers[0] : 'key' in sealing ? 'secretbox' : undefined
      assert.equal(cipher, expected)
      assert.equal(typeof keyAgeSec, expected === undefined ? 'undefined' : 'number')
    })

    test('ping without loss', () => {
      assert.equal(ping(net, 1, [net.address(2)]).received, 3)
    })

    test('ping over IPv6', () => {
      assert.equal(ping(net, 1, ['-6', 'fd00:32::2']).received, 3)
    })

    test('TCP both ways arrives byte for byte, and in super-frames', async () => {
      const before = await net.status(2)
      assert.ok(await transfer(net, 1, 2, 40))
      assert.ok(await transfer(net, 2, 1, 10))
      const { counters } = await net.status(2)
      const joined = counters.coalesced - before.counters.coalesced
      assert.ok(joined > 10_000, `${joined} segments were joined`)
    })

    test('TCP over IPv6', async () => {
      assert.ok(await transfer(net, 1, 2, 10, 'fd00:32::2'))
    })

    test('UDP datagrams of any size', async () => {
      assert.ok(await echo(net, 1, 2, [0, 1, 100, 1347, 1348, 1349, 4000, 30_000]))
    })

    test('bursts of UDP datagrams arrive in order and unchanged, and in super-frames', async () => {
      const before = await net.status(2)
      const sizes = Array.from({ length: 300 }, (_, index) => (index % 50 === 49 ? 20 : 64))
      assert.ok(await burst(net, 1, 2, sizes))
      assert.ok(await burst(net, 1, 2, sizes, 'fd00:32::2'))
      const { counters } = await net.status(2)
      const joined = counters.coalesced - before.counters.coalesced
      assert.ok(joined > 0, 'no datagram was joined')
    })

    test('broadcast reaches the other host', () => {
      net.exec(net.container(2), 'sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_broadcasts=0')
      assert.ok(ping(net, 1, ['-b', '10.47.255.255']).received > 0)
    })

    test('multicast reaches the other host', () => {
      net.exec(net.container(2), 'sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_broadcasts=0')
      assert.ok(ping(net, 1, ['-I', 'ethwe', '224.0.0.1']).received > 0)
      assert.ok(ping(net, 1, ['-6', 'ff02::1%ethwe']).received > 0)
    })

    test('frames with a VLAN tag arrive as they were', async () => {
      const frame = `ffffffffffff02000000000181000005 88b5 ${'a5'.repeat(60)}`.replaceAll(' ', '')
      const seen = await captured(net, net.container(2), 'ethwe', 'vlan 5', () => {
        sendFrame(net, net.container(1), 'ethwe', frame)
      })
      assert.equal(seen, frame)
    })

    test('an IPv4 packet that needs fragments', () => {
      assert.equal(ping(net, 1, ['-M', 'dont', '-s', '9000', net.address(2)]).received, 3)
    })

    test('no datagram was lost to sealing', async () => {
      const { counters } = await net.status(2)
      assert.equal(counters.dropUndecryptable + counters.dropReplayed, 0)
      if ('rekeyEvery' in sealing) assert.ok(counters.rekeys > 5, `${counters.rekeys} keys`)
    })
  })
}
