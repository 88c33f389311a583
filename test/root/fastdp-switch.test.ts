import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, beforeEach, test } from 'node:test'
import { CONFIG_DIRECT, CONFIG_GUARD, COUNTERS, type ControlFrame } from '../../src/native/bpf/layout.ts'
import { KernelSwitch } from '../../src/native/bpf/switch.ts'
import { inOwnNamespaces } from './support/namespaces.ts'
import { BEHIND_FAST, FAST, frame, ifindex, received, SELF, SLEEVE, SwitchBed } from './support/switch-bed.ts'

const HERE = '02:00:00:00:00:01'
const HERE2 = '02:00:00:00:00:02'
const THERE = '02:00:00:00:00:11'
const SLOW = '02:00:00:00:00:12'
const NOWHERE = '02:00:00:00:00:99'
const ALL = 'ff:ff:ff:ff:ff:ff'
const IPV4 = 0x0800
/** Verdicts: on to the bridge, dropped, sent elsewhere. */
const OK = 0
const SHOT = 2
const REDIRECT = 7
/** Stands for a container's port where a program runs without a device. */
const LOOPBACK = 1
const bytes = (mac: string): Uint8Array => Uint8Array.from(Buffer.from(mac.replaceAll(':', ''), 'hex'))

inOwnNamespaces(import.meta.filename, () => {
  let bed: SwitchBed

  before(async () => {
    bed = await SwitchBed.up(CONFIG_GUARD)
  })
  beforeEach(() => {
    bed.configure(CONFIG_GUARD, 1000)
    for (const mac of [HERE, HERE2, THERE, SLOW, NOWHERE]) {
      bed.kernel.removeLocal(bytes(mac))
      bed.kernel.forgetRemote(bytes(mac))
    }
    bed.kernel.setTree(SELF, [FAST, SLEEVE])
    bed.kernel.setTree(FAST, [SLEEVE])
    bed.kernel.setTree(SLEEVE, [FAST])
    bed.moved()
  })
  after(() => bed.down())

  test('signals that arrive meanwhile do not keep the programs from loading', async () => {
    const noise = spawn('sh', ['-c', 'while kill -CHLD $PPID; do :; done'])
    await once(noise, 'spawn')
    try {
      for (let i = 0; i < 5; i++) KernelSwitch.load().close()
    } finally {
      noise.kill()
      await once(noise, 'exit')
    }
  })

  test('a frame for a MAC that nobody has seen goes to every neighbour on our tree', () => {
    bed.fromBridge(frame(NOWHERE, HERE, IPV4))
    assert.deepEqual(bed.moved(), { flooded: 1, punted: 1 })
    bed.fromBridge(frame(ALL, HERE, IPV4))
    assert.deepEqual(bed.moved(), { flooded: 1, punted: 1 })
  })

  test('a frame for a MAC behind a VXLAN neighbour goes there alone, and the reply into the bridge', () => {
    bed.fromBridge(frame(ALL, HERE, IPV4))
    bed.fromVxlan(FAST, SELF, frame(HERE, THERE, IPV4))
    bed.moved()
    const before = received('vethwe-bridge')
    bed.fromVxlan(FAST, SELF, frame(HERE, THERE, IPV4))
    assert.deepEqual(bed.moved(), { received: 1 })
    assert.equal(received('vethwe-bridge'), before + 1)
    bed.fromBridge(frame(THERE, HERE, IPV4))
    assert.deepEqual(bed.moved(), { sent: 1 })
  })

  test('on the wire it is the VXLAN that old peers speak', async () => {
    bed.fromBridge(frame(ALL, HERE, IPV4))
    bed.fromVxlan(FAST, SELF, frame(HERE, THERE, IPV4))
    const dump = spawn(
      'nsenter',
      [
        '-t',
        `${bed.remote.pid}`,
        '-n',
        'tcpdump',
        '-nnxi',
        'u0',
        '-c1',
        '--immediate-mode',
        'udp',
        'dst',
        'port',
        '6784',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    await once(dump.stderr, 'data')
    bed.fromBridge(frame(THERE, HERE, IPV4))
    let text = ''
    for await (const chunk of dump.stdout) text += String(chunk)
    const hex = [...text.matchAll(/0x[0-9a-f]+: {2}([0-9a-f ]+)/g)]
      .map((line) => line[1]?.replaceAll(' ', ''))
      .join('')
    assert.equal(hex.slice(2, 4), '00', 'TOS 0')
    assert.equal(Number.parseInt(hex.slice(12, 16), 16), 0x4000, "don't fragment")
    assert.equal(hex.slice(16, 20), '4011', 'TTL 64, UDP')
    assert.equal(hex.slice(44, 48), (6784).toString(16), 'port')
    assert.equal(hex.slice(52, 56), '0000', 'no UDP checksum')
    // Destination short id, then source short id: 202 101.
    assert.equal(hex.slice(56, 72), '0800000020210100')
    assert.equal(hex.slice(72, 96), '020000000011020000000001')
  })

  test('a frame for a sleeve peer goes to the engine, tagged, and theirs come back through it', () => {
    bed.fromEngine(SLEEVE, SELF, frame(ALL, SLOW, IPV4))
    assert.deepEqual(bed.moved(), { unpunted: 1, flooded: 1 })
    bed.fromBridge(frame(SLOW, HERE, IPV4))
    assert.deepEqual(bed.moved(), { punted: 1 })
  })

  test('a frame passing through keeps its ends and takes the next hop', () => {
    bed.fromVxlan(FAST, BEHIND_FAST, frame(NOWHERE, THERE, IPV4))
    assert.deepEqual(bed.moved(), { relayed: 1 })
    bed.fromVxlan(FAST, SLEEVE, frame(NOWHERE, THERE, IPV4))
    assert.deepEqual(bed.moved(), { punted: 1 })
    bed.fromEngine(SLEEVE, BEHIND_FAST, frame(NOWHERE, SLOW, IPV4))
    assert.deepEqual(bed.moved(), { relayed: 1 })
  })

  test('a broadcast from a neighbour is delivered and passed on along its tree', () => {
    const before = received('vethwe-bridge')
    bed.fromVxlan(FAST, SELF, frame(ALL, THERE, IPV4))
    assert.deepEqual(bed.moved(), { received: 1, punted: 1 })
    assert.equal(received('vethwe-bridge'), before + 1)
  })

  test('a container that moves here is known at once, but for a moment of hold-down', () => {
    bed.fromVxlan(FAST, SELF, frame(ALL, THERE, IPV4))
    bed.moved()
    bed.fromBridge(frame(ALL, THERE, IPV4))
    assert.deepEqual(bed.moved(), { drop_held: 1 })
    bed.configure(CONFIG_GUARD, 1003)
    bed.fromBridge(frame(ALL, THERE, IPV4))
    assert.deepEqual(bed.moved(), { flooded: 1, punted: 1 })
  })

  test('a container that moves away is followed by its first frame from there', () => {
    bed.fromBridge(frame(ALL, HERE, IPV4))
    bed.fromVxlan(FAST, SELF, frame(ALL, HERE, IPV4))
    bed.moved()
    bed.fromBridge(frame(HERE, HERE2, IPV4))
    assert.deepEqual(bed.moved(), { sent: 1 })
  })

  test('a container that the daemon registered is not taken away by a forged frame from elsewhere', () => {
    bed.kernel.addLocal(bytes(HERE), 0, 1000)
    bed.fromVxlan(FAST, SELF, frame(ALL, HERE, IPV4))
    bed.moved()
    bed.fromBridge(frame(HERE, HERE2, IPV4))
    assert.deepEqual(bed.moved(), { drop_local: 1 })
  })

  test('a flood of forged MACs does not push out the registered ones', () => {
    bed.kernel.addLocal(bytes(HERE), 0, 1000)
    const forged = Array.from({ length: 9000 }, (_, i) => 0x060000000000 + i)
    bed.runFromBridge(forged.map((mac) => frame(HERE, mac.toString(16).padStart(12, '0'), IPV4)))
    const moved = bed.moved()
    assert.equal(moved.drop_local, 9000, 'the frames themselves are for a local container')
    assert.ok((moved.drop_table_full ?? 0) > 0)
    bed.fromVxlan(FAST, SELF, frame(HERE, THERE, IPV4))
    assert.deepEqual(bed.moved(), { received: 1 }, 'delivered, not flooded: the MAC is known')
    for (const { mac, peer, fixed } of bed.kernel.macs()) {
      if (peer === undefined && !fixed) bed.kernel.removeLocal(mac)
    }
  })

  test('VXLAN in clear is taken from neighbours that may send it, and from nobody else', () => {
    bed.kernel.removeSource(Uint8Array.of(10, 98, 0, 2))
    bed.fromVxlan(FAST, SELF, frame(ALL, THERE, IPV4))
    assert.deepEqual(bed.moved(), { drop_stranger: 1 })
    bed.kernel.addSource(Uint8Array.of(10, 98, 0, 2))
  })

  test('heartbeats that no daemon reads are dropped and counted when there is no more room for them', () => {
    const beat = frame('00:00:00:00:00:00', '00:00:00:00:00:00', 0, '00'.repeat(100))
    bed.fromVxlan(FAST, SELF, beat, 3000)
    const moved = bed.moved()
    assert.equal((moved.control ?? 0) + (moved.drop_error ?? 0), 3000)
    assert.ok((moved.drop_error ?? 0) > 0)
  })

  test('what is exchanged with a peer is counted in packets and bytes', () => {
    const before = bed.kernel.traffic(FAST)
    bed.fromVxlan(FAST, SELF, frame(ALL, THERE, IPV4))
    bed.fromBridge(frame(THERE, HERE, IPV4, '00'.repeat(86)))
    const now = bed.kernel.traffic(FAST)
    assert.deepEqual(
      [
        now.packetsReceived - before.packetsReceived,
        now.bytesReceived - before.bytesReceived,
        now.packetsSent - before.packetsSent,
        now.bytesSent - before.bytesSent,
      ],
      [1, 60, 1, 100],
    )
  })

  test('heartbeats reach the daemon with the ids, the address and the length', async () => {
    const arrived = new Promise<ControlFrame>((resolve) => {
      // Those of the test before wait to be read.
      bed.kernel.onEvent(
        (event) => event.kind === 'control' && event.frame.head[14] === 1 && resolve(event.frame),
      )
    })
    bed.fromVxlan(
      FAST,
      SELF,
      frame('00:00:00:00:00:00', '00:00:00:00:00:00', 0, `0102030405060708${'00'.repeat(92)}`),
    )
    assert.deepEqual(bed.moved(), { control: 1 })
    const control = await arrived
    assert.deepEqual([control.source, control.destination, control.length], [FAST, SELF, 114])
    assert.deepEqual([...control.address], [10, 98, 0, 2])
    assert.equal(Buffer.from(control.head.subarray(14, 22)).toString('hex'), '0102030405060708')
  })

  test('each thing that must not pass is dropped and counted by its reason', () => {
    const udp = (from: number, to: number): string =>
      `4500001c000000004011000000000000ffffffff${from.toString(16).padStart(4, '0')}${to.toString(16).padStart(4, '0')}${'00'.repeat(22)}`
    const ip6 = (next: string, rest: string): string =>
      `6000000000003aff${'00'.repeat(32)}`.replace(/^(.{12})../, `$1${next}`) + rest.padEnd(64, '0')
    const cases: readonly [string, () => void, object][] = [
      ['spanning tree', () => bed.fromBridge(frame('01:80:c2:00:00:00', HERE, 0x0026)), { drop_stp: 1 }],
      [
        'router advertisement',
        () => bed.fromBridge(frame('33:33:00:00:00:01', HERE, 0x86dd, ip6('3a', '86000000'))),
        { drop_guard_ra: 1 },
      ],
      [
        'one behind an extension header',
        () => bed.fromBridge(frame('33:33:00:00:00:01', HERE, 0x86dd, ip6('00', '3a0000000000000086000000'))),
        { drop_guard_ra: 1 },
      ],
      ['DHCP offer', () => bed.fromBridge(frame(ALL, HERE, IPV4, udp(67, 68))), { drop_guard_dhcp: 1 }],
      [
        'DHCPv6 answer',
        () => bed.fromBridge(frame(ALL, HERE, 0x86dd, ip6('11', '02230222'))),
        { drop_guard_dhcp: 1 },
      ],
      ['our own frame come back', () => bed.fromVxlan(SELF, SELF, frame(ALL, THERE, IPV4)), { drop_own: 1 }],
      [
        'for a peer without a route',
        () => bed.fromVxlan(FAST, 0x999, frame(ALL, THERE, IPV4)),
        { drop_no_route: 1 },
      ],
      [
        'a frame of the engine without tags',
        () => bed.fromEngineRaw(frame(ALL, SLOW, IPV4)),
        { drop_malformed: 1 },
      ],
    ]
    for (const [what, send, moved] of cases) {
      send()
      assert.deepEqual(bed.moved(), moved, what)
    }
  })

  test('without the engine, frames for sleeve peers are dropped and counted', () => {
    bed.fromEngine(SLEEVE, SELF, frame(ALL, SLOW, IPV4))
    bed.configure(CONFIG_GUARD, 1000, 'none')
    bed.moved()
    bed.fromBridge(frame(SLOW, HERE, IPV4))
    assert.deepEqual(bed.moved(), { drop_no_tap: 1 })
  })

  test('a DHCP request and a neighbour advertisement pass', () => {
    const request = `4500001c0000000040110000000000000affffff00440043${'00'.repeat(22)}`
    bed.fromBridge(frame(ALL, HERE, IPV4, request))
    assert.deepEqual(bed.moved(), { flooded: 1, punted: 1 })
    bed.fromBridge(
      frame(
        '33:33:00:00:00:01',
        HERE,
        0x86dd,
        `6000000000003aff${'00'.repeat(32)}88000000${'00'.repeat(20)}`,
      ),
    )
    assert.deepEqual(bed.moved(), { flooded: 1, punted: 1 })
  })

  test('a frame too large for the path of its hop goes to the engine, which fragments or refuses it', () => {
    bed.fromVxlan(FAST, SELF, frame(ALL, THERE, IPV4))
    bed.moved()
    bed.fromBridge(frame(THERE, HERE, IPV4, '00'.repeat(1376)))
    assert.deepEqual(bed.moved(), { sent: 1 })
    bed.fromBridge(frame(THERE, HERE, IPV4, '00'.repeat(1377)))
    assert.deepEqual(bed.moved(), { punted: 1 })
  })

  test('a container’s known unicast takes the short way, all else goes to the bridge', () => {
    bed.fromVxlan(FAST, SELF, frame(ALL, THERE, IPV4))
    bed.kernel.addLocal(bytes(HERE), LOOPBACK, 1000)
    bed.kernel.addLocal(bytes(HERE2), ifindex('port0'), 1000)
    bed.moved()
    const cases: readonly [string, number, Uint8Array, number, object][] = [
      ['to a neighbour', CONFIG_DIRECT, frame(THERE, HERE, IPV4), REDIRECT, { sent: 1 }],
      ['to a container of this host', CONFIG_DIRECT, frame(HERE2, HERE, IPV4), REDIRECT, { direct: 1 }],
      [
        'too large for the path',
        CONFIG_DIRECT,
        frame(THERE, HERE, IPV4, '00'.repeat(1377)),
        REDIRECT,
        { punted: 1 },
      ],
      ['the way is closed', 0, frame(THERE, HERE, IPV4), OK, {}],
      ['a broadcast', CONFIG_DIRECT, frame(ALL, HERE, IPV4), OK, {}],
      ['a MAC that nobody has seen', CONFIG_DIRECT, frame(NOWHERE, HERE, IPV4), OK, {}],
      ['a source that belongs to another port', CONFIG_DIRECT, frame(THERE, HERE2, IPV4), OK, {}],
      ['a source that is not registered', CONFIG_DIRECT, frame(THERE, NOWHERE, IPV4), OK, {}],
      ['to itself', CONFIG_DIRECT, frame(HERE, HERE, IPV4), OK, {}],
    ]
    for (const [what, flags, sent, verdict, moved] of cases) {
      bed.configure(CONFIG_GUARD | flags, 1000)
      assert.equal(bed.fromContainer(sent), verdict, what)
      assert.deepEqual(bed.moved(), moved, what)
    }
  })

  test('a frame from a neighbour goes into the container without touching the bridge while the way is open', () => {
    bed.kernel.addLocal(bytes(HERE), ifindex('port0'), 1000)
    const inside = (): number =>
      Number(bed.remote.run('cat', '/proc/net/dev').match(/inside: *\d+ +(\d+)/)?.[1])
    for (const [flags, short] of [
      [CONFIG_DIRECT, 1],
      [0, 0],
    ] as const) {
      bed.configure(CONFIG_GUARD | flags, 1000)
      const before = { inside: inside(), bridge: received('vethwe-bridge') }
      bed.fromVxlan(FAST, SELF, frame(HERE, THERE, IPV4))
      assert.deepEqual(bed.moved(), { received: 1 })
      assert.deepEqual(
        { inside: inside() - before.inside, bridge: received('vethwe-bridge') - before.bridge },
        { inside: short, bridge: 1 - short },
      )
    }
  })

  test('a container that plays router or DHCP server is stopped before its neighbours on the host hear it', () => {
    bed.kernel.addLocal(bytes(HERE), LOOPBACK, 1000)
    const offer = `4500001c000000004011000000000000ffffffff00430044${'00'.repeat(22)}`
    const advertisement = `6000000000003aff${'00'.repeat(32)}86000000${'00'.repeat(20)}`
    for (const source of [HERE, NOWHERE]) {
      assert.equal(bed.fromContainer(frame(ALL, source, IPV4, offer)), SHOT)
      assert.equal(bed.fromContainer(frame('33:33:00:00:00:01', source, 0x86dd, advertisement)), SHOT)
      assert.deepEqual(bed.moved(), { drop_guard_ra: 1, drop_guard_dhcp: 1 })
    }
    bed.configure(CONFIG_DIRECT, 1000)
    assert.equal(bed.fromContainer(frame(ALL, HERE, IPV4, offer)), OK, 'unless it is switched off')
  })

  test('every reason to drop a frame was met by one of these tests', () => {
    const reasons = COUNTERS.filter((name) => name.startsWith('drop_'))
    assert.deepEqual(
      reasons.filter((name) => !bed.met.has(name)),
      [],
    )
  })
})
