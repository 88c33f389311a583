import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '../../test/support/hex.ts'
import { converse, Endpoint, introduced, sessionOptions } from '../../test/support/session-pair.ts'
import { MAX_FRAME } from './frame.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const header = text('weave')

for (const secret of [undefined, 's3cret']) {
  for (const version of [1, 2] as const) {
    const how = `version ${version}, ${secret === undefined ? 'in clear' : 'with a password'}`

    test(`two peers are introduced and exchange messages (${how})`, () => {
      const given = secret === undefined ? {} : { secret }
      const dialler = new Endpoint(sessionOptions({ outbound: true, maxVersion: version, ...given }))
      const acceptor = new Endpoint(sessionOptions({ outbound: false, ...given }))
      converse(dialler, acceptor)

      assert.equal(dialler.remote?.version, version)
      assert.equal(dialler.remote?.nickname, 'acceptor')
      assert.equal(acceptor.remote?.nickname, 'dialler')
      assert.equal(dialler.remote?.connUid, 0xffn)
      assert.equal(acceptor.remote?.connUid, 0xffn)
      assert.deepEqual(dialler.remote?.overlays, version === 2 ? ['fastdp', 'sleeve'] : undefined)
      assert.equal(dialler.remote?.sessionKey === undefined, secret === undefined)
      assert.deepEqual(dialler.remote?.sessionKey, acceptor.remote?.sessionKey)

      dialler.take(dialler.session.send(4, text('to the acceptor')))
      acceptor.take(acceptor.session.send(7, text('to the dialler')))
      converse(dialler, acceptor)
      assert.deepEqual(acceptor.messages, [{ kind: 'message', tag: 4, payload: text('to the acceptor') }])
      assert.deepEqual(dialler.messages, [{ kind: 'message', tag: 7, payload: text('to the dialler') }])
    })
  }
}

test('features that only later versions know reach the node', () => {
  const features = new Map([
    ['Overlays', 'sleeve'],
    ['TopologyDeltas', '1'],
  ])
  const dialler = new Endpoint(sessionOptions({ outbound: true, features }))
  const acceptor = new Endpoint(sessionOptions())
  converse(dialler, acceptor)
  assert.equal(acceptor.remote?.features.get('TopologyDeltas'), '1')
})

test('a header, a flag, features and messages that arrive in one piece are all taken', () => {
  const dialler = new Endpoint(sessionOptions({ outbound: true }))
  const acceptor = new Endpoint(sessionOptions())
  const all: Uint8Array[] = []
  for (let round = 0; round < 3; round++) {
    for (const bytes of acceptor.written.splice(0)) dialler.receive(bytes)
    all.push(...dialler.written)
    for (const bytes of dialler.written.splice(0)) acceptor.receive(bytes)
  }
  dialler.take(dialler.session.send(5, text('x')))
  const late = new Endpoint(sessionOptions())
  late.receive(new Uint8Array(Buffer.concat([...all, ...dialler.written])))
  assert.equal(late.remote?.nickname, 'dialler')
  assert.equal(late.messages.length, 1)
})

const refusals: readonly (readonly [string, Uint8Array, string])[] = [
  ['another protocol', text('GET / HTTP/1.1\r\n'), 'remote protocol header not recognised: [71 69 84 32 47]'],
  [
    'version 1 where only 2 is spoken',
    Uint8Array.of(...header, 1, 1),
    'remote version range [1,1] is incompatible with ours [2,2]',
  ],
  [
    'a version range that makes no sense',
    Uint8Array.of(...header, 3, 2),
    'remote version range [3,2] is incompatible with ours [2,2]',
  ],
  ['an unknown flag', Uint8Array.of(...header, 1, 2, 9), 'Bad encryption flag 9'],
  [
    'encryption without a password of ours',
    Uint8Array.of(...header, 1, 2, 1),
    'no password specificed, but peer requested an encrypted connection',
  ],
  [
    'an introduction that is too large',
    Uint8Array.of(...header, 2, 2, 0, 0, 1, 0, 1),
    'incoming message exceeds maximum size: 65537 > 65536',
  ],
  [
    'a count of 2^36 in the feature map',
    Uint8Array.of(
      ...header,
      2,
      2,
      0,
      0,
      0,
      0,
      25,
      ...fromHex('0eff89040102ff8a00010c010c000009ff8a00fb1000000000'),
    ),
    'gob: 68719476736 elements in 0 bytes',
  ],
]

for (const [what, sent, reason] of refusals) {
  test(`${what} is refused with its reason`, () => {
    const session = new Endpoint(sessionOptions({ minVersion: 2 }))
    session.receive(sent)
    assert.equal(session.failure, reason)
  })
}

test('a header that never comes, is cut short, or loses its connection has its own text', () => {
  const silent = new Endpoint(sessionOptions())
  assert.equal(silent.session.nextDeadline(), 10_000)
  assert.deepEqual(silent.session.advance(9_999), [])
  silent.take(silent.session.advance(10_000))
  assert.equal(silent.failure, 'failed to receive remote protocol header: i/o timeout')

  const closed = new Endpoint(sessionOptions())
  closed.take(closed.session.closed())
  assert.equal(closed.failure, 'failed to receive remote protocol header: EOF')

  const cut = new Endpoint(sessionOptions())
  cut.receive(text('wea'))
  cut.take(cut.session.closed())
  assert.equal(
    cut.failure,
    'received incomplete remote protocol header (3 octets instead of 7): [119 101 97]; error: unexpected EOF',
  )
})

test('after the header there are 60 seconds for the rest', () => {
  const session = new Endpoint(sessionOptions())
  session.receive(Uint8Array.of(...header, 1, 2), 5_000)
  assert.equal(session.session.nextDeadline(), 65_000)
  session.receive(Uint8Array.of(0), 60_000)
  session.take(session.session.advance(65_000))
  assert.equal(session.failure, 'i/o timeout')
})

test('heartbeats go out every 30 seconds, one after a pause, and keep the other side awake', () => {
  const { dialler, acceptor } = introduced()
  for (const now of [30_000, 60_000, 90_000, 145_000]) {
    dialler.take(dialler.session.advance(now))
    assert.equal(dialler.written.length, 1)
    for (const bytes of dialler.written.splice(0)) acceptor.receive(bytes, now)
    acceptor.session.advance(now)
    dialler.receive(fromHex('00000001 00'), now)
  }
  assert.deepEqual(acceptor.messages, [])
  assert.equal(acceptor.failure, undefined)
})

test('a peer that says nothing for 60 seconds is given up', () => {
  const { dialler } = introduced()
  dialler.take(dialler.session.advance(60_000))
  assert.equal(dialler.failure, 'i/o timeout')
  assert.equal(dialler.session.nextDeadline(), Number.POSITIVE_INFINITY)
})

test('bytes that do not complete a message do not count as life', () => {
  const { dialler } = introduced()
  dialler.receive(fromHex('00000010 04'), 50_000)
  dialler.take(dialler.session.advance(60_000))
  assert.equal(dialler.failure, 'i/o timeout')
})

test('different passwords are noticed at the first frame, on both sides', () => {
  const dialler = new Endpoint(sessionOptions({ outbound: true, secret: 'one' }))
  const acceptor = new Endpoint(sessionOptions({ secret: 'other' }))
  converse(dialler, acceptor)
  assert.equal(dialler.failure, 'Unable to decrypt TCP msg')
  assert.equal(acceptor.failure, 'Unable to decrypt TCP msg')
  assert.equal(dialler.remote, undefined)
})

test('a peer that closes instead of introducing itself may have another password, and the reason says so', () => {
  const dialler = new Endpoint(sessionOptions({ outbound: true, secret: 'one' }))
  const acceptor = new Endpoint(sessionOptions({ secret: 'other' }))
  for (let round = 0; round < 2; round++)
    for (const bytes of acceptor.written.splice(0)) dialler.receive(bytes)
  for (const bytes of dialler.written.splice(0, 1)) acceptor.receive(bytes)
  for (const bytes of acceptor.written.splice(0)) dialler.receive(bytes)
  dialler.take(dialler.session.closed('read: connection reset by peer'))
  assert.equal(dialler.failure, 'read: connection reset by peer (do the passwords differ?)')
})

test('a password on one side only is refused on both, in either version', () => {
  for (const maxVersion of [1, 2] as const) {
    const dialler = new Endpoint(sessionOptions({ outbound: true, secret: 'one', maxVersion }))
    const acceptor = new Endpoint(sessionOptions())
    converse(dialler, acceptor)
    assert.equal(dialler.failure, 'password specified, but peer requested an unencrypted connection')
    assert.equal(acceptor.failure, 'no password specificed, but peer requested an encrypted connection')
  }
})

test('a man in the middle who strips the newer version gets no connection where 2 is the minimum', () => {
  const dialler = new Endpoint(sessionOptions({ outbound: true, secret: 's', minVersion: 2 }))
  const acceptor = new Endpoint(sessionOptions({ secret: 's', minVersion: 2 }))
  const downgraded = Uint8Array.of(...header, 1, 1)
  dialler.receive(downgraded)
  acceptor.receive(downgraded)
  assert.match(dialler.failure ?? '', /incompatible/)
  assert.match(acceptor.failure ?? '', /incompatible/)
})

test('a man in the middle cannot make two connections use one key by public keys of low order', () => {
  for (const lowOrder of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31))]) {
    const session = new Endpoint(sessionOptions({ secret: 's' }))
    session.receive(Uint8Array.of(...header, 2, 2, 1, ...lowOrder))
    assert.equal(session.failure, 'peer sent a public key of low order')
  }
})

const attacks: readonly (readonly [string, (frames: Uint8Array[]) => Uint8Array[]])[] = [
  ['replayed', ([first = fromHex('')]) => [first, first]],
  ['reordered', (frames) => frames.toReversed()],
  ['left out', (frames) => frames.slice(1)],
  ['changed by one bit', ([first = fromHex('')]) => [first.with(first.length - 1, (first.at(-1) ?? 0) ^ 1)]],
  [
    'cut and framed anew',
    ([first = fromHex('')]) => [Uint8Array.of(0, 0, 0, first.length - 5, ...first.subarray(4, -1))],
  ],
]

for (const [what, attack] of attacks) {
  test(`sealed frames that are ${what} end the connection`, () => {
    const { dialler, acceptor } = introduced('s3cret')
    for (const word of ['one', 'two']) dialler.take(dialler.session.send(4, text(word)))
    for (const frame of attack(dialler.written)) acceptor.receive(frame)
    assert.equal(acceptor.failure, 'Unable to decrypt TCP msg')
  })
}

test('a frame sent back to its sender does not open', () => {
  const { dialler } = introduced('s3cret')
  dialler.take(dialler.session.send(4, text('mirror')))
  for (const frame of dialler.written) dialler.receive(frame)
  assert.equal(dialler.failure, 'Unable to decrypt TCP msg')
})

test('the largest message passes, one byte more is refused at either end', () => {
  const { dialler, acceptor } = introduced()
  dialler.take(dialler.session.send(4, new Uint8Array(MAX_FRAME - 1)))
  converse(dialler, acceptor)
  assert.equal(acceptor.messages[0]?.payload.length, MAX_FRAME - 1)

  assert.deepEqual(dialler.session.send(4, new Uint8Array(MAX_FRAME)), [
    { kind: 'too-large', reason: 'outgoing message exceeds maximum size: 10485761 > 10485760' },
  ])
  assert.equal(dialler.failure, undefined)
  acceptor.receive(fromHex('00a00001'))
  assert.equal(acceptor.failure, 'incoming message exceeds maximum size: 10485761 > 10485760')
})

test('blank messages, heartbeats with content and unknown tags do no harm', () => {
  const { dialler } = introduced()
  dialler.receive(fromHex('00000000 00000002 0001 00000001 63'))
  assert.equal(dialler.failure, undefined)
  assert.deepEqual(dialler.messages, [{ kind: 'message', tag: 0x63, payload: fromHex('') }])
})

test('a failed session does and says nothing more', () => {
  const { dialler } = introduced()
  dialler.take(dialler.session.closed('read: connection reset by peer'))
  assert.equal(dialler.failure, 'read: connection reset by peer')
  for (const outputs of [
    dialler.session.closed(),
    dialler.session.receive(fromHex('00000001 04'), 1),
    dialler.session.send(4, text('x')),
    dialler.session.advance(1e9),
    dialler.session.start(),
  ]) {
    assert.deepEqual(outputs, [])
  }
})
