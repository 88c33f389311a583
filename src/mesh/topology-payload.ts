import { bool, bytes, GobDecoder, GobEncoder, slice, string, struct, uint, uint64 } from '../gob/gob.ts'
import { type PeerName, peerNameFromBytes, peerNameToBytes } from '../lib/peer-name.ts'
import { type Claim, Claims } from './claims.ts'
import type { PeerDescription } from './peer.ts'

/*
 * Topology gossip: one gob stream (mesh §10.1), per peer
 *
 *   peerSummary | []connectionSummary
 */
const PeerSummary = struct('peerSummary', {
  NameByte: bytes,
  NickName: string,
  UID: uint64,
  Version: uint64,
  ShortID: uint(16),
  HasShortID: bool,
})

const ConnectionSummaries = slice(
  struct('connectionSummary', {
    NameByte: bytes,
    RemoteTCPAddr: string,
    Outbound: bool,
    Established: bool,
  }),
)

/** One payload; nothing for nobody. */
export function encodeTopology(peers: Iterable<PeerDescription>): Uint8Array {
  const stream = new GobEncoder()
  const blocks: Uint8Array[] = []
  for (const peer of peers) {
    // Types are described before the first peer; from there on a peer always gives the same bytes.
    const kept = blocks.length === 0 ? undefined : keptBlock(peer)
    if (kept !== undefined) {
      blocks.push(kept)
      continue
    }
    writePeer(stream, peer)
    const block = stream.take()
    if (blocks.length > 0) BLOCKS.set(peer.claims, { peer: { ...peer }, block })
    blocks.push(block)
  }
  return concatenate(blocks)
}

/** What was encoded for peers that still are as they were: every neighbour of the old kind gets all of them, often. */
const BLOCKS = new WeakMap<Claims, { readonly peer: PeerDescription; readonly block: Uint8Array }>()

function keptBlock(peer: PeerDescription): Uint8Array | undefined {
  const kept = BLOCKS.get(peer.claims)
  return kept !== undefined && isSame(kept.peer, peer) ? kept.block : undefined
}

const isSame = (a: PeerDescription, b: PeerDescription): boolean =>
  a.version === b.version &&
  a.uid === b.uid &&
  a.shortId === b.shortId &&
  a.nickname === b.nickname &&
  a.name === b.name

function concatenate(blocks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const block of blocks) {
    whole.set(block, at)
    at += block.length
  }
  return whole
}

/** What the decoder may allocate: claims of one peer are bounded by this, peers by the caller's table. */
const LIMITS = { maxElements: 100_000 }

/**
 * All peers of one payload; throws `WireError`, and then nothing of it counts. A summary without its connections at
 * the very end is dropped, as old peers do. Of whom `known` gives just that version, nothing is decoded anew.
 */
export function decodeTopology(
  payload: Uint8Array,
  known: (name: PeerName) => PeerDescription | undefined = () => undefined,
): PeerDescription[] {
  const stream = new GobDecoder(payload, LIMITS)
  const peers: PeerDescription[] = []
  for (let summary = stream.next(PeerSummary); summary !== undefined; summary = stream.next(PeerSummary)) {
    const name = peerNameFromBytes(summary.NameByte)
    const had = known(name)
    if (had !== undefined && saysTheSame(summary, had)) {
      if (!stream.skip()) break
      peers.push({ ...had })
      continue
    }
    const connections = stream.next(ConnectionSummaries)
    if (connections === undefined) break
    peers.push({
      name,
      nickname: summary.NickName,
      uid: summary.UID,
      version: summary.Version,
      shortId: summary.HasShortID ? summary.ShortID : undefined,
      claims: Claims.of(connections.map(claimOf)),
    })
  }
  return peers
}

/** One incarnation has one description for each version; only its short id may be learnt late. */
const saysTheSame = (
  summary: { readonly UID: bigint; readonly Version: bigint; readonly HasShortID: boolean },
  had: PeerDescription,
): boolean =>
  summary.UID === had.uid &&
  summary.Version === had.version &&
  summary.HasShortID === (had.shortId !== undefined)

/** Old peers refuse messages above 10 MiB and hold the whole of one; ours stay far below. */
const MAX_PAYLOAD = 256 * 1024
/** An upper estimate of one claim on the wire: name, address and flags with their field headers. */
const CLAIM_BYTES = 40

/** As many payloads as it takes to keep each small; a single peer is never divided. */
export function encodeTopologyParts(peers: Iterable<PeerDescription>): Uint8Array[] {
  const parts: Uint8Array[] = []
  let part: PeerDescription[] = []
  let size = 0
  for (const peer of peers) {
    const estimate = 64 + peer.nickname.length + peer.claims.size * CLAIM_BYTES
    if (part.length > 0 && size + estimate > MAX_PAYLOAD) {
      parts.push(encodeTopology(part))
      part = []
      size = 0
    }
    part.push(peer)
    size += estimate
  }
  if (part.length > 0) parts.push(encodeTopology(part))
  return parts
}

function writePeer(stream: GobEncoder, peer: PeerDescription): void {
  stream.write(PeerSummary, {
    NameByte: peerNameToBytes(peer.name),
    NickName: peer.nickname,
    UID: peer.uid,
    Version: peer.version,
    ShortID: peer.shortId ?? 0,
    HasShortID: peer.shortId !== undefined,
  })
  stream.write(
    ConnectionSummaries,
    [...peer.claims].map((claim) => ({
      NameByte: peerNameToBytes(claim.remote),
      RemoteTCPAddr: claim.address,
      Outbound: claim.outbound,
      Established: claim.established,
    })),
  )
}

const claimOf = (summary: {
  readonly NameByte: Uint8Array
  readonly RemoteTCPAddr: string
  readonly Outbound: boolean
  readonly Established: boolean
}): Claim => ({
  remote: peerNameFromBytes(summary.NameByte) as PeerName,
  address: summary.RemoteTCPAddr,
  outbound: summary.Outbound,
  established: summary.Established,
})
