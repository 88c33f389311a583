import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../test/support/eventually.ts'
import { LogLines } from '../../test/support/log-lines.ts'
import { TestMesh, type TestRouter } from '../../test/support/mesh-router.ts'
import { RawPeer } from '../../test/support/raw-peer.ts'
import { systemClock } from '../lib/clock.ts'
import { parsePeerName } from '../lib/peer-name.ts'
import { Claims } from './claims.ts'
import { encodeFeatures } from './features.ts'
import { encodeFrame } from './frame.ts'
import { encodeGossip, encodeGossipUnicast, Tag } from './message.ts'
import type { MeshOptions } from './node-types.ts'
import { encodeTopology } from './topology-payload.ts'

/*
 * Every text about a connection that users of the original look for in logs and in `weave status connections`, letter
 * by letter as protocol notes §3, §5, §9, §13 and §16 have it, caused over real sockets.
 */

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const weave = (...rest: number[]): Uint8Array => Uint8Array.of(...text('weave'), ...rest)
const STRANGER = { Name: '00:00:00:00:00:01', NickName: 'raw', UID: '11', ConnID: '12' }

const introduction = (changed: Readonly<Record<string, string | undefined>>): Uint8Array => {
  const features = Object.entries({ PeerNameFlavour: 'mac', ...STRANGER, Overlays: 'sleeve', ...changed })
  const present = features.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]))
  return Uint8Array.of(...weave(2, 2, 0), ...encodeFrame(encodeFeatures(new Map(present))))
}

interface Scene {
  readonly mesh: TestMesh
  readonly target: TestRouter
  /** Lets time pass for the target, in ms. */
  readonly skip: (ms: number) => Promise<void>
}

interface Case {
  readonly text: string | RegExp
  readonly options?: Partial<MeshOptions>
  readonly cause: (scene: Scene) => Promise<unknown>
}

/** Bytes from a stranger who dialled. */
const says =
  (...pieces: readonly Uint8Array[]) =>
  async ({ mesh, target }: Scene): Promise<unknown> => {
    const peer = await RawPeer.dial(target, mesh.address(7))
    for (const piece of pieces) peer.raw(piece)
    return peer
  }

/** The same, and nothing more. */
const hangsUpAfter =
  (piece: Uint8Array) =>
  async ({ mesh, target }: Scene): Promise<unknown> => {
    const peer = await RawPeer.dial(target, mesh.address(7))
    peer.socket.end(piece)
    return peer
  }

const secret = { password: text('right') }
const unicast = encodeGossipUnicast({
  channel: 'topology',
  source: parsePeerName('::1'),
  destination: parsePeerName('::c8'),
  payload: Uint8Array.of(1, 2, 255),
})

/** A neighbour of the old kind that claims to be connected with a peer named 00:00:00:00:00:05, found at `address`. */
function claimsOf(address: string): Uint8Array {
  const [one, five] = [parsePeerName('::1'), parsePeerName('::5')]
  const claim = { remote: five, address, outbound: true, established: true }
  const payload = encodeTopology([
    { name: one, nickname: 'raw', uid: 11n, version: 9n, shortId: 1, claims: Claims.of([claim]) },
    { name: five, nickname: 'five', uid: 5n, version: 9n, shortId: 5, claims: Claims.none },
  ])
  return encodeGossip({ channel: 'topology', source: one, payload })
}

const cases: Readonly<Record<string, Case>> = {
  'nothing before the end': {
    text: 'failed to receive remote protocol header: EOF',
    cause: hangsUpAfter(text('')),
  },
  'a header cut short': {
    text: 'received incomplete remote protocol header (3 octets instead of 7): [119 101 97]; error: unexpected EOF',
    cause: hangsUpAfter(text('wea')),
  },
  'a header that never comes': {
    text: /^failed to receive remote protocol header: read tcp 127\.[\d.]+:\d+->127\.[\d.]+:\d+: i\/o timeout$/,
    cause: async (scene) => {
      await RawPeer.dial(scene.target, scene.mesh.address(7))
      await eventually('the connection', () => scene.target.router.counters().accepted === 1)
      await scene.skip(10_001)
    },
  },
  'another protocol': {
    text: 'remote protocol header not recognised: [71 69 84 32 47]',
    cause: says(text('GET / HTTP/1.1\r\n\r\n')),
  },
  'no version in common': {
    text: 'remote version range [1,1] is incompatible with ours [2,2]',
    options: { minVersion: 2 },
    cause: says(weave(1, 1)),
  },
  'no password of the other side': {
    text: 'password specified, but peer requested an unencrypted connection',
    options: secret,
    cause: says(introduction({})),
  },
  'a password of the other side only': {
    text: 'no password specificed, but peer requested an encrypted connection',
    cause: says(weave(2, 2, 1), new Uint8Array(32).fill(7)),
  },
  'a flag that does not exist': { text: 'Bad encryption flag 9', cause: says(weave(2, 2, 9)) },
  'another password': {
    text: 'Unable to decrypt TCP msg',
    options: secret,
    cause: async ({ mesh, target }) => {
      const peer = await RawPeer.dial(target, mesh.address(7), { secret: 'wrong' })
      peer.flush()
    },
  },
  'another flavour of names': {
    text: "Peer name flavour mismatch (ours: 'mac', theirs: 'hash')",
    cause: says(introduction({ PeerNameFlavour: 'hash' })),
  },
  'a feature left out': {
    text: 'field NickName is missing',
    cause: says(introduction({ NickName: undefined })),
  },
  'a name that is none': { text: 'invalid peer name format: "x"', cause: says(introduction({ Name: 'x' })) },
  'a number that is none': {
    text: 'strconv.ParseUint: parsing "0x1": invalid syntax',
    cause: says(introduction({ UID: '0x1' })),
  },
  'a short id of more than 12 bits': {
    text: 'strconv.ParseUint: parsing "4096": value out of range',
    cause: says(introduction({ ShortID: '4096' })),
  },
  'trust that is neither true nor false': {
    text: 'strconv.ParseBool: parsing "perhaps": invalid syntax',
    cause: says(introduction({ Trusted: 'perhaps' })),
  },
  'a frame that is too large': {
    text: 'incoming message exceeds maximum size: 10485761 > 10485760',
    cause: async ({ mesh, target }) => {
      const peer = await RawPeer.introduced(target, mesh.address(7))
      peer.raw(Uint8Array.of(0, 0xa0, 0, 1))
    },
  },
  'a minute of silence': {
    text: /^read tcp 127\.[\d.]+:\d+->127\.[\d.]+:\d+: i\/o timeout$/,
    cause: async (scene) => {
      await RawPeer.introduced(scene.target, scene.mesh.address(7))
      await eventually('the connection', () => scene.target.router.status().connections.length === 1)
      await scene.skip(60_001)
    },
  },
  'a close': {
    text: 'EOF',
    cause: async ({ mesh, target }) => {
      const peer = await RawPeer.introduced(target, mesh.address(7))
      await eventually('the connection', () => target.router.status().connections.length === 1)
      peer.socket.end()
    },
  },
  'a reset': {
    text: /^read tcp 127\.[\d.]+:\d+->127\.[\d.]+:\d+: read: connection reset by peer$/,
    cause: async ({ mesh, target }) => {
      const peer = await RawPeer.introduced(target, mesh.address(7))
      await eventually('the connection', () => target.router.status().connections.length === 1)
      peer.socket.resetAndDestroy()
    },
  },
  'nobody listening': {
    text: /^dial tcp 127\.[\d.]+:0->127\.[\d.]+:\d+: connect: connection refused$/,
    cause: ({ mesh, target }) => target.router.connect([mesh.address(9)]),
  },
  'our own address': {
    text: 'cannot connect to ourself',
    cause: ({ target }) => target.router.connect([target.address]),
  },
  'our own name': {
    text: 'local "00:00:00:00:00:c8(peer200)" and remote "00:00:00:00:00:c8(raw)" peer names collision',
    cause: says(introduction({ Name: '00:00:00:00:00:c8' })),
  },
  'a second connection': {
    text: 'Multiple connections to 00:00:00:00:00:01(dialler) added to 00:00:00:00:00:c8(peer200)',
    cause: async ({ mesh, target }) => {
      await RawPeer.introduced(target, mesh.address(7))
      const second = await RawPeer.dial(target, mesh.address(7))
      second.flush()
    },
  },
  'no room': {
    text: 'Connection limit reached (1)',
    options: { connectionLimit: 1 },
    cause: async ({ mesh, target }) => {
      const friend = await mesh.start(201)
      await friend.router.connect([target.address])
      await eventually('the friend', () => target.overlay.isFullMesh(1))
      await RawPeer.introduced(target, mesh.address(7))
    },
  },
  'somebody else at an address that was told of': {
    text: /^Found unknown remote name: 00:00:00:00:00:09 at 127\.[\d.]+:\d+$/,
    cause: async ({ mesh, target }) => {
      const other = await mesh.start(9)
      const peer = await RawPeer.introduced(target, mesh.address(7))
      peer.send(Tag.gossip, claimsOf(`${other.address}:${other.port}`))
    },
  },
  'topology by unicast': {
    text: 'unexpected topology gossip unicast: [1 2 255]',
    cause: async ({ mesh, target }) => {
      const peer = await RawPeer.introduced(target, mesh.address(7))
      peer.send(Tag.gossipUnicast, unicast)
    },
  },
}

for (const [what, { text: expected, options, cause }] of Object.entries(cases)) {
  test(`${what} is called what it has always been called`, async () => {
    await using mesh = new TestMesh()
    const log = new LogLines()
    let ahead = 0
    const clock = { now: () => systemClock.now() + ahead, wall: systemClock.wall }
    const target = await mesh.start(200, options, { log, clock })
    const skip = async (ms: number): Promise<void> => {
      ahead += ms
      await target.router.connect([])
    }
    await cause({ mesh, target, skip })

    const reasons = (): string[] => [
      ...log.reasons(),
      ...target.router.status().connections.flatMap((c) => ('error' in c ? [c.error] : [])),
    ]
    const isExpected = (reason: string): boolean =>
      typeof expected === 'string' ? reason === expected : expected.test(reason)
    // A timer that was set before time was skipped still takes its 10 s, the longest that a header is waited for.
    await eventually(`${expected}, of ${reasons().join(' | ')}`, () => reasons().some(isExpected))
  })
}

const targets: readonly (readonly [string, string])[] = [
  ['', 'invalid peer name "", should be host[:port]'],
  ['10.0.0.1:-1', 'invalid peer name "10.0.0.1:-1", should be host[:port]'],
  ['10.0.0.1:99999', 'address 99999: invalid port'],
  ['10.0.0.1/24', 'lookup 10.0.0.1/24: no such host'],
  ['10.0.0', 'lookup 10.0.0: no such host'],
]

for (const [target, expected] of targets) {
  test(`connecting to ${JSON.stringify(target)} is refused as ever`, async () => {
    await using mesh = new TestMesh()
    const one = await mesh.start(1)
    assert.deepEqual(await one.router.connect([target]), [expected])
  })
}
