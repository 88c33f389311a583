import { type PeerName, parsePeerName } from '../../src/lib/peer-name.ts'
import type { Rng } from '../../src/lib/rng.ts'
import { seededRng } from '../../src/lib/rng.ts'
import type { ProtocolVersion } from '../../src/mesh/introduction.ts'
import { Session } from '../../src/mesh/session.ts'
import type { SessionOptions } from '../../src/mesh/session-types.ts'
import { naclCrypto } from '../support/nacl-crypto.ts'
import { messages, plainConversations } from './corpus.ts'
import type { FuzzTarget } from './fuzz.ts'

const password = new TextEncoder().encode('correct horse battery staple')

function optionsOf(
  name: PeerName,
  outbound: boolean,
  version: ProtocolVersion,
  encrypted: boolean,
): SessionOptions {
  return {
    outbound,
    local: {
      name,
      nickname: 'fuzz',
      uid: 7n,
      connId: 9n,
      shortId: 3,
      trustsRemote: false,
      features: new Map([['Overlays', 'sleeve']]),
    },
    minVersion: 1,
    maxVersion: version,
    password: encrypted ? password : undefined,
    crypto: naclCrypto,
    keyPair: encrypted ? naclCrypto.keyPair() : undefined,
  }
}

const ours = parsePeerName('02:00:00:00:00:01')
const theirs = parsePeerName('02:00:00:00:00:02')

/** Feeds a session in random pieces, with time passing and the connection ending. */
function feed(rng: Rng, session: Session, bytes: Uint8Array): void {
  if (rng.below(20) === 0) session.closed()
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + rng.below(bytes.length - at)
    session.receive(bytes.subarray(at, at + length), at)
    at += length
  }
  session.advance(session.nextDeadline())
  session.send(4, bytes)
  session.closed(rng.below(2) === 0 ? 'EOF' : 'read: connection reset by peer')
}

/** What peers with a password begin with; the last one's public key is of low order. */
const introductions = [introductionOf(2), introductionOf(1), lowOrder(introductionOf(2))]

/** A live handshake and what follows, with a peer that says anything. */
function handshakes(version: ProtocolVersion): FuzzTarget {
  const rng = seededRng(version)
  return {
    name: `live handshake, version ${version}`,
    weight: 0.2,
    corpus: [...plainConversations(version), ...introductions],
    run(input) {
      const session = new Session(optionsOf(ours, true, version, false), 0)
      session.start()
      feed(rng, session, input)
    },
  }
}

/** Protocol 2 with a password: two sessions exchange keys, then one of them is fed what the other did not send. */
const encryptedHandshake: FuzzTarget = {
  name: 'live handshake, password',
  weight: 0.05,
  corpus: introductions,
  run(input) {
    const session = new Session(optionsOf(ours, false, 2, true), 0)
    session.start()
    session.receive(input, 0)
    session.closed()
  },
}

/** What a peer with a password sends up to and including its features; they do not open here, the key is another. */
function introductionOf(version: ProtocolVersion): Uint8Array {
  const peer = new Session(optionsOf(theirs, true, version, true), 0)
  const other = new Session(optionsOf(ours, false, version, true), 0)
  const sent: Uint8Array[] = []
  exchange(peer, other, (bytes) => sent.push(bytes))
  return new Uint8Array(Buffer.concat(sent))
}

/** The same with zeros for the public key, which is behind the header and the flag. */
function lowOrder(introduction: Uint8Array): Uint8Array {
  return introduction.map((byte, at) => (at >= 8 && at < 8 + 32 ? 0 : byte))
}

/** Runs two sessions against each other until both are silent. */
function exchange(a: Session, b: Session, fromA: (bytes: Uint8Array) => void): void {
  const toB = a.start()
  const toA = b.start()
  while (toA.length > 0 || toB.length > 0) {
    const forB = toB.splice(0)
    const forA = toA.splice(0)
    for (const output of forB) {
      if (output.kind !== 'write') continue
      fromA(output.bytes)
      toA.push(...b.receive(output.bytes, 0))
    }
    for (const output of forA) if (output.kind === 'write') toB.push(...a.receive(output.bytes, 0))
  }
}

/** A member of the mesh, password and all, that sends nonsense: the plain text is mutated, then sealed properly. */
function sealedNonsense(version: ProtocolVersion): FuzzTarget {
  return {
    name: `sealed messages of a member, version ${version}`,
    weight: 0.05,
    corpus: messages,
    run(input) {
      const peer = new Session(optionsOf(theirs, true, version, true), 0)
      const session = new Session(optionsOf(ours, false, version, true), 0)
      exchange(peer, session, () => undefined)
      const outputs = peer.send(input[0] ?? 0, input.subarray(1))
      for (const output of outputs) if (output.kind === 'write') session.receive(output.bytes, 1)
    },
  }
}

export const sessions: readonly FuzzTarget[] = [
  handshakes(1),
  handshakes(2),
  encryptedHandshake,
  sealedNonsense(1),
  sealedNonsense(2),
]
