import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { eventually } from '../../test/support/eventually.ts'
import { fromHex } from '../../test/support/hex.ts'
import { LogLines } from '../../test/support/log-lines.ts'
import { TestMesh, type TestRouter } from '../../test/support/mesh-router.ts'
import { RawPeer } from '../../test/support/raw-peer.ts'
import { systemClock } from '../lib/clock.ts'
import { WireError } from '../lib/errors.ts'
import { parsePeerName } from '../lib/peer-name.ts'
import { encodeFeatures } from './features.ts'
import { encodeFrame, MAX_FRAME } from './frame.ts'
import { encodeGossip, encodeGossipUnicast, Tag } from './message.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const header = text('weave')
const bomb = fromHex('0eff89040102ff8a00010c010c000009ff8a00fb1000000000')
const stranger = parsePeerName('::1')
const features = {
  PeerNameFlavour: 'mac',
  Name: '00:00:00:00:00:01',
  NickName: 'raw',
  UID: '11',
  ConnID: '12',
  Overlays: 'sleeve',
}

/** A router under attack, and a friend that must not notice. */
async function besieged(
  mesh: TestMesh,
  password?: string,
): Promise<{ target: TestRouter; log: LogLines; unharmed: () => Promise<void> }> {
  const log = new LogLines()
  const options = password === undefined ? {} : { password: text(password) }
  const target = await mesh.start(200, options, { log })
  const friend = await mesh.start(201, options)
  await friend.router.connect([target.address])
  await eventually('the friend', () => friend.overlay.isFullMesh(1) && target.overlay.isFullMesh(1))
  const unharmed = async (): Promise<void> => {
    const known = target.router
      .status()
      .connections.map((c) => ('nickname' in c ? `${c.nickname} ${c.state}` : ''))
    assert.deepEqual(
      known.filter((connection) => connection.startsWith('peer201')),
      ['peer201 established'],
    )
    assert.equal(friend.router.status().terminationCount, 0)
    assert.deepEqual(
      log.lines.filter((line) => line.level === 'error'),
      [],
    )
  }
  return { target, log, unharmed }
}

const introduction = (changed: Readonly<Record<string, string>>): Uint8Array =>
  Uint8Array.of(
    ...header,
    2,
    2,
    0,
    ...encodeFrame(encodeFeatures(new Map(Object.entries({ ...features, ...changed })))),
  )

const handshakeFaults: readonly (readonly [string, Uint8Array, RegExp])[] = [
  [
    'another protocol',
    text('GET / HTTP/1.1\r\n\r\n'),
    /remote protocol header not recognised: \[71 69 84 32 47\]/,
  ],
  [
    'a version that does not exist',
    Uint8Array.of(...header, 3, 9),
    /remote version range \[3,9\] is incompatible/,
  ],
  ['an unknown encryption flag', Uint8Array.of(...header, 1, 2, 7), /Bad encryption flag 7/],
  [
    'features that are no gob',
    Uint8Array.of(...header, 2, 2, 0, ...encodeFrame(fromHex('ffffffff'))),
    /gob: /,
  ],
  ['no features at all', Uint8Array.of(...header, 2, 2, 0, ...encodeFrame(fromHex(''))), /gob: EOF/],
  [
    'a gob bomb as features',
    Uint8Array.of(...header, 2, 2, 0, ...encodeFrame(bomb)),
    /gob: 68719476736 elements/,
  ],
  ['a gob bomb in version 1', Uint8Array.of(...header, 1, 1, ...bomb), /gob: 68719476736 elements/],
  [
    'an oversized introduction',
    Uint8Array.of(...header, 2, 2, 0, 0xff, 0xff, 0xff, 0xff),
    /exceeds maximum size: 4294967295/,
  ],
  ['a name that is none', introduction({ Name: 'x' }), /invalid peer name format: "x"/],
  ['another flavour of names', introduction({ PeerNameFlavour: 'hash' }), /Peer name flavour mismatch/],
  ['a connection id that is no number', introduction({ ConnID: '0x1' }), /strconv\.ParseUint: parsing "0x1"/],
]

for (const [what, sent, reason] of handshakeFaults) {
  test(`${what} ends the handshake with a reason and harms nobody`, async () => {
    await using mesh = new TestMesh()
    const { target, log, unharmed } = await besieged(mesh)
    await using peer = await RawPeer.dial(target, mesh.address(7))
    peer.raw(sent)
    await peer.untilClosed()
    await eventually('the reason in the log', () => log.reasons().some((line) => reason.test(line)))
    await unharmed()
  })
}

const gobString = (value: string): Uint8Array =>
  Uint8Array.of(3 + value.length, 12, 0, value.length, ...text(value))

const fatalMessages: readonly (readonly [string, number, Uint8Array, RegExp])[] = [
  ['a gossip header that is no gob', Tag.gossip, fromHex('ff'), /gob: /],
  ['an empty gossip header', Tag.gossip, fromHex(''), /gob: EOF/],
  ['a gossip header without a payload', Tag.gossip, gobString('topology'), /gob: EOF/],
  ['an empty unicast header', Tag.gossipUnicast, fromHex(''), /gob: EOF/],
  [
    'a broadcast header cut short',
    Tag.gossipBroadcast,
    gobString('topology').subarray(0, 5),
    /gob: unexpected EOF/,
  ],
  [
    'a topology payload that is none',
    Tag.gossip,
    encodeGossip({ channel: 'topology', source: stranger, payload: fromHex('01') }),
    /gob: /,
  ],
  [
    'a gob bomb as topology',
    Tag.gossip,
    encodeGossip({ channel: 'topology', source: stranger, payload: bomb }),
    /gob: /,
  ],
  [
    'a topology unicast',
    Tag.gossipUnicast,
    encodeGossipUnicast({
      channel: 'topology',
      source: stranger,
      destination: parsePeerName('::c8'),
      payload: fromHex('0102'),
    }),
    /unexpected topology gossip unicast/,
  ],
]

for (const [what, tag, payload, reason] of fatalMessages) {
  test(`${what} costs its sender the connection and nobody else anything`, async () => {
    await using mesh = new TestMesh()
    const { target, log, unharmed } = await besieged(mesh)
    await using peer = await RawPeer.introduced(target, mesh.address(7))
    peer.send(tag, payload)
    await peer.untilClosed()
    await eventually('the reason in the log', () => log.reasons().some((line) => reason.test(line)))
    await unharmed()
  })
}

test('what original peers survive or die of is survived: the connection stays', async () => {
  await using mesh = new TestMesh()
  const { target, unharmed } = await besieged(mesh)
  await using peer = await RawPeer.introduced(target, mesh.address(7))
  peer.raw(fromHex('00000000'))
  peer.send(Tag.heartbeat, text('content'))
  peer.send(99, text('a tag of the future'))
  for (const payload of ['', '00', 'ff', 'ff01']) peer.send(Tag.overlayControl, fromHex(payload))
  const source = stranger
  const nobody = parsePeerName('::de:ad')
  peer.send(
    Tag.gossipUnicast,
    encodeGossipUnicast({ channel: 'x', source, destination: nobody, payload: text('lost') }),
  )
  peer.send(Tag.gossipBroadcast, encodeGossip({ channel: 'y', source: nobody, payload: text('from nobody') }))
  peer.send(Tag.gossip, encodeGossip({ channel: 'unknown', source, payload: text('kept') }))
  await eventually('all to have arrived', () =>
    target.router.status().channels.some((channel) => channel.name === 'unknown' && channel.surrogate),
  )
  assert.equal(peer.closed, false)
  await unharmed()
})

test('an error of a channel owner tears down the connection that the payload came from', async () => {
  await using mesh = new TestMesh()
  const { target, log, unharmed } = await besieged(mesh)
  const conflict = (): never => {
    throw new WireError('IP allocation was seeded by different peers')
  }
  target.router.channel('IPallocation', {
    onUnicast: conflict,
    onBroadcast: conflict,
    onGossip: conflict,
    complete: () => undefined,
  })
  await using peer = await RawPeer.introduced(target, mesh.address(7))
  peer.send(
    Tag.gossip,
    encodeGossip({ channel: 'IPallocation', source: stranger, payload: text('other seeds') }),
  )
  await peer.untilClosed()
  await eventually('the reason', () => log.reasons().includes('IP allocation was seeded by different peers'))
  await unharmed()
})

test('a fault of ours in a channel costs one connection, not the process', async () => {
  await using mesh = new TestMesh()
  const log = new LogLines()
  const target = await mesh.start(200, {}, { log })
  const fault = (): never => {
    throw new TypeError('a bug')
  }
  target.router.channel('buggy', {
    onUnicast: fault,
    onBroadcast: fault,
    onGossip: fault,
    complete: () => undefined,
  })
  await using peer = await RawPeer.introduced(target, mesh.address(7))
  peer.send(Tag.gossip, encodeGossip({ channel: 'buggy', source: stranger, payload: text('x') }))
  await peer.untilClosed()
  const faults = log.lines.filter((line) => line.level === 'error').map((line) => line.fields)
  assert.deepEqual(
    faults.map(({ reason, error }) => [reason, error instanceof TypeError]),
    [['internal error: a bug', true]],
  )
  await using again = await RawPeer.introduced(target, mesh.address(8), {})
  assert.equal(again.closed, false)
})

test('a message of 10 MiB passes and one byte more ends the connection', async () => {
  await using mesh = new TestMesh()
  const { target, log, unharmed } = await besieged(mesh)
  await using peer = await RawPeer.introduced(target, mesh.address(7))
  const overhead = encodeGossip({
    channel: 'large',
    source: stranger,
    payload: new Uint8Array(MAX_FRAME - 100),
  }).length
  const largest = MAX_FRAME - 100 + (MAX_FRAME - 1 - overhead)
  peer.send(
    Tag.gossip,
    encodeGossip({ channel: 'large', source: stranger, payload: new Uint8Array(largest) }),
  )
  await eventually('the message', () =>
    target.router
      .status()
      .channels.some((channel) => channel.name === 'large' && channel.bytesIn === largest),
  )
  peer.raw(fromHex('00a00001'))
  await peer.untilClosed()
  await eventually('the reason', () =>
    log.reasons().includes('incoming message exceeds maximum size: 10485761 > 10485760'),
  )
  await unharmed()
})

for (const [what, frames] of [
  ['replayed', (one: Uint8Array, _two: Uint8Array) => [one, one]],
  ['reordered', (one: Uint8Array, two: Uint8Array) => [two, one]],
] as const) {
  test(`sealed frames that are ${what} end the connection`, async () => {
    await using mesh = new TestMesh()
    const { target, log, unharmed } = await besieged(mesh, 's3cret')
    await using peer = await RawPeer.introduced(target, mesh.address(7), { secret: 's3cret' })
    for (const word of ['one', 'two']) {
      const payload = encodeGossip({ channel: 'c', source: stranger, payload: text(word) })
      peer.endpoint.take(peer.endpoint.session.send(Tag.gossip, payload))
    }
    const [one, two] = peer.endpoint.written.splice(0)
    assert.ok(one && two)
    for (const frame of frames(one, two)) peer.raw(frame)
    await peer.untilClosed()
    await eventually('the reason', () => log.reasons().includes('Unable to decrypt TCP msg'))
    await unharmed()
  })
}

test('a downgrade to version 1, another password and no password are refused', async () => {
  await using mesh = new TestMesh()
  const log = new LogLines()
  const target = await mesh.start(200, { minVersion: 2, password: text('right') }, { log })
  for (const options of [{ secret: 'right', maxVersion: 1 as const }, { secret: 'wrong' }, {}]) {
    await using peer = await RawPeer.dial(target, mesh.address(7), options)
    peer.flush()
    await peer.untilClosed()
    assert.equal(peer.endpoint.remote, undefined)
  }
  await eventually('three reasons', () => log.reasons().length === 3)
  assert.match(log.reasons().join('\n'), /\[1,1\] is incompatible with ours \[2,2\]/)
  assert.match(log.reasons().join('\n'), /Unable to decrypt TCP msg/)
  assert.match(log.reasons().join('\n'), /password specified, but peer requested an unencrypted connection/)
})

test('a source that opens connections and says nothing does not keep others out', async () => {
  await using mesh = new TestMesh()
  const { target, unharmed } = await besieged(mesh)
  const silent = Array.from({ length: 100 }, () =>
    connect({ host: target.address, port: target.port, localAddress: mesh.address(7) }).on(
      'error',
      () => undefined,
    ),
  )
  await eventually('some to be refused', () => target.router.counters().refused > 0)
  await using newcomer = await RawPeer.introduced(target, mesh.address(8))
  assert.equal(newcomer.closed, false)
  await unharmed()
  for (const socket of silent) socket.destroy()
})

test('a half-open connection is noticed after 60 seconds of silence', async () => {
  await using mesh = new TestMesh()
  const log = new LogLines()
  let ahead = 0
  const clock = { now: () => systemClock.now() + ahead, wall: systemClock.wall }
  const target = await mesh.start(200, {}, { log, clock })
  await using peer = await RawPeer.introduced(target, mesh.address(7))
  await eventually('the connection', () => target.router.status().connections.length === 1)
  ahead = 59_000
  await target.router.connect([])
  assert.equal(target.router.status().connections.length, 1)
  ahead = 61_000
  await target.router.connect([])
  await peer.untilClosed()
  assert.match(log.reasons().join('\n'), /^read tcp [\d.:]+->[\d.:]+: i\/o timeout$/)
})
