import { decodeGob, slice, string, uint } from '../../../src/gob/gob.ts'
import {
  decodeRing,
  decodeState,
  decodeUnicast,
  encodeRing,
  encodeState,
  encodeUnicast,
  type GossipState,
} from '../../../src/ipam/gossip-codec.ts'
import type { Owned } from '../../../src/ipam/holdings.ts'
import type { Knowledge, NodeId, ProposalId } from '../../../src/ipam/paxos.ts'
import { decodeOwned, decodeWeaveData } from '../../../src/ipam/weave-data.ts'
import { formatCidr, formatIp4 } from '../../../src/lib/ip4.ts'
import { formatPeerName, peerName } from '../../../src/lib/peer-name.ts'
import type { Observation } from '../case.ts'
import { fromRing } from './values.ts'

interface Item {
  readonly meaning: string
  readonly decoded: unknown
  readonly payload: string
  readonly db_key?: string
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

/** Each payload decodes to what was recorded, and again after we have encoded it ourselves. */
export function* gobPayloads(vector: { readonly items: readonly Item[] }): Generator<Observation> {
  let state: unknown
  for (const item of vector.items) {
    const bytes = bytesOf(item.payload)
    const [once, twice] = item.db_key === undefined ? decodeItem(bytes) : decodeStored(item, bytes)
    // The ring update repeats the state before it, which is not written down again.
    const expected = item.decoded ?? state
    if (item.meaning === 'after a grant') state = item.decoded
    yield { case: item.meaning, expected: sorted(expected), actual: sorted(once) }
    yield { case: `${item.meaning}, encoded by us`, expected: sorted(expected), actual: sorted(twice) }
  }
}

function decodeItem(bytes: Uint8Array): [unknown, unknown] {
  // A unicast starts with its kind; a gob stream never with a length below 3.
  if ((bytes[0] ?? 0) > 2) {
    const state = decodeState(bytes)
    return [fromState(state), fromState(decodeState(encodeState(state)))]
  }
  const message = decodeUnicast(bytes)
  if (message === undefined) return [undefined, undefined]
  return [fromUnicast(message), fromUnicast(decodeUnicast(encodeUnicast(message)))]
}

function fromUnicast(message: ReturnType<typeof decodeUnicast>): unknown {
  if (message === undefined) return undefined
  if (message.kind === 'ring-update') return fromState(message.state)
  return {
    Start: formatIp4(message.range.start),
    End: formatIp4(message.range.end),
    kind: message.kind === 'space-request' ? 0 : 2,
  }
}

function decodeStored(item: Item, bytes: Uint8Array): [unknown, unknown] {
  switch (item.db_key) {
    case 'peername': {
      const name = formatPeerName(peerName(decodeGob(uint(48), bytes)))
      return [name, name]
    }
    case 'ring':
      return [fromRing(decodeRing(bytes)), fromRing(decodeRing(encodeRing(decodeRing(bytes))))]
    case 'ownedAddresses': {
      const owned = fromOwned(decodeOwned(bytes))
      return [owned, owned]
    }
    default: {
      const peers = decodeGob(slice(string), bytes)
      return [peers, peers]
    }
  }
}

const fromOwned = (owned: ReadonlyMap<string, Owned>): unknown =>
  Object.fromEntries(
    [...owned].map(([ident, { isContainer, cidrs }]) => [
      ident,
      { Cidrs: cidrs.map(formatCidr), IsContainer: isContainer },
    ]),
  )

const fromState = (state: GossipState): unknown => ({
  Nicknames: Object.fromEntries([...state.nicknames].map(([name, nick]) => [formatPeerName(name), nick])),
  Now: state.nowSec,
  Paxos: state.paxos === undefined ? null : state.paxos.map(fromKnowledge),
  Ring: state.ring === undefined ? null : fromRing(state.ring),
})

const fromNode = (prefix: string, node: NodeId): Record<string, string> => ({
  [`${prefix}Name`]: formatPeerName(node.name),
  [`${prefix}UID`]: String(node.uid),
})

export const fromProposal = (proposal: ProposalId): unknown =>
  proposal.round === 0n ? null : { Round: Number(proposal.round), ...fromNode('Proposer', proposal.proposer) }

export const fromKnowledge = ({ node, claims }: Knowledge): unknown => ({
  ...fromNode('Node', node),
  Promise: fromProposal(claims.promise),
  Accepted: fromProposal(claims.accepted),
  AcceptedOrigin: fromProposal(claims.acceptedVal.origin),
  AcceptedValue: claims.acceptedVal.value.map(formatPeerName),
})

/** Maps have no order on the wire: electors are compared by name. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('Paxos' in value) || !Array.isArray(value.Paxos))
    return value
  const nodes = (value.Paxos as { NodeName: string; NodeUID: string }[]).toSorted((a, b) =>
    `${a.NodeName}/${a.NodeUID}` < `${b.NodeName}/${b.NodeUID}` ? -1 : 1,
  )
  return { ...value, Paxos: nodes }
}

interface Captured {
  readonly kind: string
  readonly t_ms: number
  readonly self: string
  readonly decoded: Readonly<Record<string, unknown>>
  readonly payload: string
}

/** What three real peers sent to each other. */
export function* gossipCaptured(vector: { readonly messages: readonly Captured[] }): Generator<Observation> {
  for (const [index, { kind, self, t_ms, decoded, payload }] of vector.messages.entries()) {
    const [once, twice] = decodeItem(bytesOf(payload))
    const name = `${index}: ${kind} by ${self} at ${t_ms}`
    // The kind of a unicast is written down elsewhere.
    yield { case: name, expected: sorted(decoded), actual: sorted(withoutKind(once)) }
    yield { case: `${name}, encoded by us`, expected: sorted(decoded), actual: sorted(withoutKind(twice)) }
  }
}

function withoutKind(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return value
  const { kind: _, ...rest } = value
  return rest
}

interface BoltVector {
  readonly file_hex: string
  readonly decoded: {
    readonly peername: string
    readonly directPeers: unknown
    readonly ring: unknown
    readonly ownedAddresses: unknown
  }
}

/** The data file of a real peer. */
export function* boltdb({ file_hex, decoded }: BoltVector): Generator<Observation> {
  const data = decodeWeaveData(bytesOf(file_hex))
  yield {
    case: 'peer name',
    expected: decoded.peername,
    actual: data.peerName === undefined ? null : formatPeerName(data.peerName),
  }
  yield { case: 'ring', expected: decoded.ring, actual: data.ring === undefined ? null : fromRing(data.ring) }
  yield { case: 'owned addresses', expected: decoded.ownedAddresses, actual: fromOwned(data.owned) }
  yield { case: 'direct peers', expected: decoded.directPeers ?? [], actual: data.directPeers }
}
