import { messageOf, WireError } from '../../../src/lib/errors.ts'
import { formatPeerName, type PeerName, parsePeerName, peerNameToBytes } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { type Claim, Claims } from '../../../src/mesh/claims.ts'
import type { Peer, PeerDescription } from '../../../src/mesh/peer.ts'
import { Peers } from '../../../src/mesh/peers.ts'
import { decodeTopology, encodeTopology } from '../../../src/mesh/topology-payload.ts'
import type { Observation, Runners } from '../case.ts'

interface PeerVector {
  readonly name: string
  readonly nickName: string
  readonly uid: string
  readonly version: string
  readonly shortID: number
  readonly hasShortID: boolean
  readonly connections: readonly {
    readonly name: string
    readonly remoteTCPAddr: string
    readonly outbound: boolean
    readonly established: boolean
  }[]
}

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

function* payloads(vector: {
  readonly cases: readonly {
    readonly note: string
    readonly payload: string
    readonly peers: readonly PeerVector[]
  }[]
}): Generator<Observation> {
  for (const { note, payload, peers } of vector.cases) {
    const decoded = decodeTopology(fromHex(payload))
    const expected = peers.map(normal)
    yield { case: note, expected, actual: decoded.map(toVector) }
    // Type ids and order are the encoder's own: ours is right if it reads back the same.
    yield {
      case: `${note}, encoded by us`,
      expected,
      actual: decodeTopology(encodeTopology(decoded)).map(toVector),
    }
  }
}

function* variants(vector: {
  readonly cases: readonly {
    readonly note: string
    readonly ok: boolean
    readonly payload: string
    readonly decodedBeforeError: readonly (Omit<PeerVector, 'name' | 'connections'> & {
      readonly nameByte: string
      readonly connections: readonly { readonly nameByte: string }[]
    })[]
  }[]
}): Generator<Observation> {
  for (const { note, ok, payload, decodedBeforeError } of vector.cases) {
    const expected = ok
      ? decodedBeforeError.map((peer) => ({ ...peer, shortID: peer.hasShortID ? peer.shortID : 0 }))
      : 'refused'
    yield { case: note, expected, actual: decodeOrRefuse(payload, (peers) => peers.map(withNameBytes)) }
  }
}

function* fuzz(vector: {
  readonly cases: readonly { readonly bytes: string; readonly ok: boolean; readonly n: number }[]
}): Generator<Observation> {
  let agreed = 0
  for (const { bytes, ok } of vector.cases) {
    if ((decodeOrRefuse(bytes, () => 'taken') === 'taken') === ok) agreed++
  }
  yield {
    case: 'verdicts',
    advisory: `${agreed} of ${vector.cases.length} verdicts agree with the original's`,
  }
}

/** A `WireError` is the only way to refuse; anything else stops the run. */
function decodeOrRefuse<T>(hex: string, show: (peers: PeerDescription[]) => T): T | 'refused' {
  try {
    return show(decodeTopology(fromHex(hex)))
  } catch (thrown) {
    if (thrown instanceof WireError) return 'refused'
    throw new Error(`not a WireError: ${messageOf(thrown)}`, { cause: thrown })
  }
}

interface ApplyStep {
  readonly note: string
  readonly payload: string
  readonly improved: readonly string[]
  readonly received: readonly string[]
  readonly ourVersionAfter: string
  readonly ourShortIDReassigned: boolean
  readonly peersAfter: readonly PeerVector[]
  readonly thenGarbageCollectRemoves: readonly string[]
}

function* apply(vector: {
  readonly cases: readonly {
    readonly note: string
    readonly ourself: {
      readonly name: string
      readonly nickName: string
      readonly shortID: number
      readonly uid: string
    }
    readonly directConnections: readonly string[]
    readonly steps: readonly ApplyStep[]
  }[]
}): Generator<Observation> {
  for (const { note, ourself, directConnections, steps } of vector.cases) {
    const peers = tableOf(ourself, directConnections.map(parsePeerName), steps[0])
    for (const step of steps) {
      const shortIdBefore = peers.self.shortId
      const { improved, received } = peers.apply(decodeTopology(fromHex(step.payload)))
      const actual = {
        improved: [...improved.keys()].map(formatPeerName).sort(),
        received: received.map(formatPeerName).sort(),
        ourVersionAfter: String(peers.self.version),
        ourShortIDReassigned: peers.self.shortId !== shortIdBefore,
        peersAfter: byName([...peers].map(toVector)),
        thenGarbageCollectRemoves: peers
          .collect()
          .map(({ name }) => formatPeerName(name))
          .sort(),
      }
      const expected = {
        improved: [...step.improved].sort(),
        received: [...step.received].sort(),
        ourVersionAfter: step.ourVersionAfter,
        ourShortIDReassigned: step.ourShortIDReassigned,
        peersAfter: byName(step.peersAfter.map(normal)),
        thenGarbageCollectRemoves: [...step.thenGarbageCollectRemoves].sort(),
      }
      yield { case: `${note}: ${step.note}`, expected, actual }
    }
  }
}

/** Ourself with one outbound established connection to each direct peer, which is known by name only. */
function tableOf(
  us: { readonly name: string; readonly nickName: string; readonly shortID: number; readonly uid: string },
  direct: readonly PeerName[],
  first: ApplyStep | undefined,
): Peers {
  const self = {
    name: parsePeerName(us.name),
    nickname: us.nickName,
    uid: BigInt(us.uid),
    shortId: us.shortID,
  }
  const peers = new Peers(self, seededRng(1))
  const own = first?.peersAfter.find(({ name }) => name === us.name)?.connections ?? []
  for (const name of direct)
    peers.retain({ name, nickname: `h-${formatPeerName(name).slice(-2)}`, uid: 0n, shortId: undefined }, true)
  peers.changeOwnClaims(Claims.of(own.map(claimOf)))
  return peers
}

const claimOf = (connection: PeerVector['connections'][number]): Claim => ({
  remote: parsePeerName(connection.name),
  address: connection.remoteTCPAddr,
  outbound: connection.outbound,
  established: connection.established,
})

const toVector = (peer: PeerDescription | Peer): PeerVector => ({
  name: formatPeerName(peer.name),
  nickName: peer.nickname,
  uid: String(peer.uid),
  version: String(peer.version),
  shortID: peer.shortId ?? 0,
  hasShortID: peer.shortId !== undefined,
  connections: [...peer.claims].map((claim) => ({
    name: formatPeerName(claim.remote),
    remoteTCPAddr: claim.address,
    outbound: claim.outbound,
    established: claim.established,
  })),
})

function withNameBytes(peer: PeerDescription) {
  const { name, connections, ...rest } = toVector(peer)
  const hex = (text: string) => Buffer.from(peerNameToBytes(parsePeerName(text))).toString('hex')
  return {
    ...rest,
    nameByte: hex(name),
    connections: connections.map(({ name: remote, ...claim }) => ({ ...claim, nameByte: hex(remote) })),
  }
}

/** Claims have no order; a short id without `hasShortID` says nothing. */
const normal = (peer: PeerVector): PeerVector => ({
  ...peer,
  shortID: peer.hasShortID ? peer.shortID : 0,
  connections: byName(peer.connections),
})

const byName = <T extends { readonly name: string }>(list: readonly T[]): T[] =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : 1))

export const topologyRunners: Runners = {
  'mesh/topology-payloads.json': payloads,
  'mesh/topology-variants.json': variants,
  'mesh/topology-fuzz.json': fuzz,
  'mesh/topology-apply.json': apply,
}
