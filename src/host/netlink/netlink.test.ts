import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WireError } from '../../lib/errors.ts'
import { type Ip4, parseCidr } from '../../lib/ip4.ts'
import { parseMac } from '../../lib/mac.ts'
import { addAddress, decodeAddress } from './address.ts'
import { decodeAttributes, encodeAttributes, nested, string, u32 } from './attributes.ts'
import { changeLink, createLink, createVeth, decodeLink, deleteLink } from './link.ts'
import { decodeMessages, encodeMessage, type Request, verdictOf } from './message.ts'
import { counted, decodeRule, describeRule, fromInterface, inNetwork, VERDICT } from './nftables.ts'
import { addLinkRoute, decodeRoute } from './route.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
const SEQUENCE = 0x6b0112a8

// What the ip and iptables programs of Debian 12 send for the same, recorded at their sendmsg calls.
const recorded: readonly [name: string, request: Request, message: string][] = [
  [
    'ip link add vethwepl1 mtu 1376 type veth peer name vethwepg1 mtu 1376',
    createVeth({ mtu: 1376, ifname: 'vethwepl1' }, { mtu: 1376, ifname: 'vethwepg1' }),
    // ip leaves out the NUL after the kind: those four bytes, and the lengths around them, are ours.
    `7800000010000506a812016b000000000000000000000000000000000000000008000400600500000e000300766574687765706c3100000040001200
     090001007665746800000000300002002c0001000000000000000000000000000000000008000400600500000e000300766574687765706731000000`,
  ],
  [
    'ip addr add 10.32.0.1/12 dev (3)',
    addAddress(3, parseCidr('10.32.0.1/12')),
    '2800000014000506a812016b00000000020c000003000000080002000a200001080001000a200001',
  ],
  [
    'ip link set (3) master (4) up',
    changeLink(3, { master: 4, up: true }),
    '2800000010000500a812016b000000000000000003000000010000000100000008000a0004000000',
  ],
  [
    'ip route add 224.0.0.0/4 dev (4) scope link',
    addLinkRoute(parseCidr('224.0.0.0/4'), 4),
    '2c00000018000506a812016b0000000002040000fe03fd010000000008000100e00000000800040004000000',
  ],
  ['ip link del (3)', deleteLink(3), '2000000011000500a812016b0000000000000000030000000000000000000000'],
]

for (const [name, request, message] of recorded) {
  test(`${name}: the same bytes`, () => {
    assert.equal(hex(encodeMessage(request, SEQUENCE)), hex(bytes(message)))
  })
}

test('a multicast rule that iptables-nft wrote and ours mean the same', () => {
  const written = `
    3c020000060a010c0400000000000000020000000b00010066696c74657200000a000200494e505554000000fc01048024000180090001006d657461
    0000000014000280080002000000000608000100000000013000018008000100636d70002400028008000100000000010800020000000000100003
    800a0001006574687765000000340001800c0001007061796c6f6164002400028008000100000000010800020000000001080003000000000c0800
    040000000004440001800c0001006269747769736500340002800800010000000001080002000000000108000300000000040c00048008000100ff
    f000000c00058008000100000000002c00018008000100636d700020000280080001000000000108000200000000000c000380080001000a200000
    340001800c0001007061796c6f6164002400028008000100000000010800020000000001080003000000001008000400000000044400 01800c0001
    006269747769736500340002800800010000000001080002000000000108000300000000040c00048008000100f00000000c000580080001000000
    00002c00018008000100636d700020000280080001000000000108000200000000000c00038008000100e00000002c0001800c000100636f756e74
    6572001c0002800c00010000000000000000000c0002000000000000000000300001800e000100696d6d6564696174650000001c00028008000100
    00000000100002800c000280080001000000000114000580080001000000000008000200000000 00`
  const [message] = decodeMessages(bytes(written))
  assert.ok(message)
  // The request has no handle yet: the kernel adds it in what it lists.
  const handle = bytes('0c00030000000000 00000007')
  const rule = decodeRule({ ...message, body: Buffer.concat([message.body, handle]) }, 'filter', 'INPUT')
  const ours = [
    ...fromInterface('ethwe'),
    ...inNetwork('source', parseCidr('10.32.0.0/12')),
    ...inNetwork('destination', parseCidr('224.0.0.0/4')),
    ...counted(VERDICT.ACCEPT),
  ]
  assert.equal(rule?.handle, 7n)
  assert.equal(describeRule(rule?.expressions ?? []), describeRule(ours))
})

test('networks of whole bytes are compared without a mask, as iptables-nft does; all of IPv4 not at all', () => {
  const names = (prefix: string): (string | undefined)[] =>
    inNetwork('source', parseCidr(prefix)).map(({ name }) => name)
  assert.deepEqual(names('10.40.0.0/24'), ['payload', 'cmp'])
  assert.deepEqual(names('10.32.0.0/12'), ['payload', 'bitwise', 'cmp'])
  assert.deepEqual(names('10.32.0.1/32'), ['payload', 'cmp'])
  assert.deepEqual(names('0.0.0.0/0'), [])
})

test('a link, an address and a route come back as they were sent', () => {
  const reply = (request: Request) => decodeMessages(encodeMessage(request, 1))[0] ?? assert.fail()
  const mac = parseMac('02:00:00:00:00:01')
  const link = decodeLink(reply(createLink('bridge', { ifname: 'weave', mtu: 1376, address: mac, up: true })))
  assert.deepEqual(link, {
    index: 0,
    name: 'weave',
    up: true,
    mtu: 1376,
    mac,
    kind: 'bridge',
    master: 0,
    peer: undefined,
    peerNetnsId: undefined,
    hairpin: false,
    ethernet: false,
    forwarding: false,
  })
  assert.equal(decodeLink(reply(changeLink(3, { hairpin: true })))?.hairpin, true)
  const cidr = parseCidr('10.32.0.1/12')
  assert.deepEqual(decodeAddress(reply(addAddress(5, cidr, 'weave:nomasq'))), {
    ifindex: 5,
    cidr,
    label: 'weave:nomasq',
  })
  assert.deepEqual(decodeRoute(reply(addLinkRoute(parseCidr('224.0.0.0/4'), 4))), {
    destination: { addr: 0xe000_0000 as Ip4, prefixLen: 4 },
    ifindex: 4,
    gateway: undefined,
  })
})

test('the kernel’s verdict: success, an error with words, the end of a dump', () => {
  const [success, failure] = decodeMessages(
    bytes(`
      2400000002000001a812016b00000000 00000000 2800000014000506a812016b00000000
      3c00000002000003a812016b00000000 eeffffff 2800000014000506a812016b00000000 15000100 736179732074686520 6b65726e656c2e00 000000`),
  )
  assert.ok(success && failure)
  assert.deepEqual(verdictOf(success), { errno: 0, reason: undefined })
  assert.deepEqual(verdictOf(failure), { errno: 18, reason: 'says the kernel.' })
  const done = decodeMessages(bytes('1400000003000200a812016b00000000 00000000'))[0]
  assert.deepEqual(done && verdictOf(done), { errno: 0, reason: undefined })
})

test('attributes survive a round trip, whatever their lengths', () => {
  const schema = { name: string(1), number: u32(2), inner: nested(3, { name: string(7) }) }
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9.-]{0,40}$/), fc.nat(0xffff_ffff), (name, number) => {
      const values = { name, number, inner: { name } }
      assert.deepEqual(decodeAttributes(schema, encodeAttributes(schema, values)), values)
    }),
  )
})

test('no bytes whatever do more than throw a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(16, 20, 24, 2, 3), (garbage, type) => {
      const reply = { type, flags: 0x300, sequence: 1, body: garbage }
      for (const decode of [decodeLink, decodeAddress, decodeRoute, verdictOf]) {
        try {
          decode(reply)
        } catch (error) {
          assert.ok(error instanceof WireError, String(error))
        }
      }
      try {
        decodeMessages(garbage)
      } catch (error) {
        assert.ok(error instanceof WireError)
      }
    }),
  )
})
