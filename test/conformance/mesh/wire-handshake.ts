import { ByteQueue } from '../../../src/lib/byte-queue.ts'
import { messageOf, WireError } from '../../../src/lib/errors.ts'
import { parsePeerName } from '../../../src/lib/peer-name.ts'
import type { Framing } from '../../../src/mesh/framing.ts'
import { Handshake, type Introduced } from '../../../src/mesh/handshake.ts'
import type { LocalIntroduction, ProtocolVersion } from '../../../src/mesh/introduction.ts'
import type { SessionOptions } from '../../../src/mesh/session-types.ts'
import { loadSodium } from '../../../src/native/sodium.ts'
import { fromHex, toHex } from '../../support/hex.ts'
import type { Observation } from '../case.ts'

type FeatureRecord = Readonly<Record<string, string>>

interface Side {
  /** Everything that this side wrote. */
  readonly bytes: string
  readonly writes: readonly string[]
  readonly featuresGiven: FeatureRecord
  readonly featuresReceived?: FeatureRecord
  readonly messagesReceived?: readonly string[]
  readonly minVersion: ProtocolVersion
  readonly maxVersion: ProtocolVersion
  readonly negotiatedVersion?: number
  readonly password: string
  readonly privateKey?: string
  readonly publicKey?: string
  readonly sessionKey?: string
  readonly error?: string
  readonly receiveError?: string
}

interface Handshakes {
  readonly cases: readonly { readonly note: string; readonly inbound: Side; readonly outbound: Side }[]
}

/** A close by the other side, which a recording cannot reproduce: what matters is that no peer came of it. */
const CONNECTION_LOST = /EOF|connection reset/

/** Ours in the place of either side, fed what the other side wrote: all at once, and byte by byte. */
export function* handshakes(vector: Handshakes): Generator<Observation> {
  for (const c of vector.cases) {
    for (const role of ['outbound', 'inbound'] as const) {
      const [own, other] = role === 'outbound' ? [c.outbound, c.inbound] : [c.inbound, c.outbound]
      const remote = fromHex(other.bytes)
      for (const pieces of [[remote], [...remote].map((byte) => Uint8Array.of(byte))]) {
        const label = `${c.note}, ${role}, ${pieces.length === 1 ? 'at once' : 'byte by byte'}`
        yield* compare(label, own, other, converse(optionsOf(own, role === 'outbound'), pieces))
      }
    }
  }
}

function* compare(label: string, own: Side, other: Side, got: Conversation): Generator<Observation> {
  if (own.error !== undefined) {
    const lost = CONNECTION_LOST.test(own.error)
    yield {
      case: `${label}: refused`,
      expected: lost || own.error,
      actual: lost ? got.error !== '' : got.error,
    }
    return
  }
  const { introduced } = got
  const actual = introduced && {
    version: introduced.remote.version,
    features: Object.fromEntries(introduced.remote.features),
    sessionKey: introduced.remote.sessionKey && toHex(introduced.remote.sessionKey),
  }
  const expected = {
    version: own.negotiatedVersion,
    features: own.featuresReceived,
    sessionKey: own.sessionKey,
  }
  yield { case: `${label}: introduced`, expected, actual }
  yield { case: `${label}: received`, expected: own.messagesReceived, actual: got.messages }
  yield { case: `${label}: ended`, expected: own.receiveError ?? '', actual: got.error }

  // Header, flag and key byte for byte; the order of a feature map is anybody's.
  const preamble = introduced?.remote.version === 2 ? 2 : 1
  yield {
    case: `${label}: preamble`,
    expected: own.writes.slice(0, preamble),
    actual: got.writes.slice(0, preamble),
  }
  const sent = other.messagesReceived ?? []
  yield {
    case: `${label}: sent`,
    expected: sent.length === 0 ? [] : own.writes.slice(-sent.length),
    actual: sent.map((message) => introduced && toHex(introduced.framing.encode(fromHex(message)))),
  }
}

/** What came of one introduction and the messages after it. */
export interface Conversation {
  readonly writes: readonly string[]
  readonly introduced: Introduced | undefined
  readonly messages: readonly string[]
  /** Empty when nothing went wrong. */
  readonly error: string
}

/** Runs our side of a conversation against recorded bytes. */
export function converse(options: SessionOptions, pieces: readonly Uint8Array[]): Conversation {
  const queue = new ByteQueue()
  const handshake = new Handshake(options, queue)
  const writes = [toHex(handshake.start())]
  const messages: string[] = []
  let introduced: Introduced | undefined
  try {
    for (const piece of pieces) {
      queue.push(piece)
      introduced ??= introduce(handshake, writes)
      if (introduced !== undefined) messages.push(...received(introduced.framing))
    }
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown
    return { writes, introduced, messages, error: messageOf(thrown) }
  }
  return { writes, introduced, messages, error: introduced === undefined ? handshake.interrupted('EOF') : '' }
}

function introduce(handshake: Handshake, writes: string[]): Introduced | undefined {
  for (let result = handshake.proceed(); result !== undefined; result = handshake.proceed()) {
    if (!(result instanceof Uint8Array)) return result
    writes.push(toHex(result))
  }
  return undefined
}

function* received(framing: Framing): Generator<string> {
  for (let message = framing.next(); message !== undefined; message = framing.next()) yield toHex(message)
}

function optionsOf(side: Side, outbound: boolean): SessionOptions {
  const { password, privateKey, publicKey } = side
  return {
    outbound,
    local: localOf(side.featuresGiven),
    minVersion: side.minVersion,
    maxVersion: side.maxVersion,
    password: password === '' ? undefined : new TextEncoder().encode(password),
    crypto: loadSodium(),
    keyPair:
      privateKey === undefined || publicKey === undefined
        ? undefined
        : { privateKey: fromHex(privateKey), publicKey: fromHex(publicKey) },
  }
}

/** What a peer with these features is configured with. */
export function localOf(features: FeatureRecord): LocalIntroduction {
  const given = new Map(Object.entries(features))
  const shortId = given.get('ShortID')
  const overlays = given.get('Overlays')
  return {
    name: parsePeerName(given.get('Name') ?? ''),
    nickname: given.get('NickName') ?? '',
    uid: BigInt(given.get('UID') ?? ''),
    connId: BigInt(given.get('ConnID') ?? ''),
    shortId: shortId === undefined ? undefined : Number(shortId),
    trustsRemote: given.get('Trusted') === 'true',
    features: new Map(overlays === undefined ? [] : [['Overlays', overlays]]),
  }
}
