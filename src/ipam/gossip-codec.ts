import type { ValueOf } from '../gob/gob.ts'
import {
  decodeGob,
  encodeGob,
  entries,
  int64,
  map,
  optional,
  slice,
  string,
  struct,
  uint,
  uint64,
} from '../gob/gob.ts'
import { WireError } from '../lib/errors.ts'
import type { Range } from '../lib/ip4.ts'
import { type PeerName, peerName } from '../lib/peer-name.ts'
import type { Knowledge, NodeId, ProposalId } from './paxos.ts'
import type { Ring } from './ring.ts'

/*
 * Payloads on the channel `IPallocation` (ipam §9); each is a gob stream of its own:
 *
 *   gossip, broadcast       gob(gossipState)
 *   unicast                 kind u8 | 0: gob(Range), space request
 *                                   | 1: gob(gossipState), ring update
 *                                   | 2: gob(Range), space request denied
 *
 * A ring or a paxos map that is present, even empty, tells what the sender is; neither asks for a ring.
 */

/** A whole network has a few entries per peer: far above that somebody is after our memory. */
const LIMITS = { maxElements: 2_000_000 }

/** Versions and rounds near the end of their type could not be outranked any more. */
const HIGHEST_VERSION = 0xf000_0000
const HIGHEST_ROUND = 1n << 62n

const NodeIdSchema = struct('', { Name: uint(48), UID: uint64 })
const ProposalSchema = struct('ProposalID', { Round: uint64, Proposer: NodeIdSchema })
const AcceptedSchema = struct('AcceptedValue', { Value: slice(uint(48)), Origin: ProposalSchema })
const ClaimsSchema = struct('', {
  Promise: ProposalSchema,
  Accepted: ProposalSchema,
  AcceptedVal: AcceptedSchema,
})
const EntrySchema = struct('', { Token: uint(32), Peer: uint(48), Version: uint(32), Free: uint(32) })
const RingSchema = struct('Ring', {
  Start: uint(32),
  End: uint(32),
  Peer: uint(48),
  Entries: slice(EntrySchema),
  Seeds: slice(uint(48)),
})
const StateSchema = struct('gossipState', {
  Now: int64,
  Nicknames: optional(map(uint(48), string)),
  Paxos: optional(entries(NodeIdSchema, ClaimsSchema)),
  Ring: optional(RingSchema),
})
const RangeSchema = struct('Range', { Start: uint(32), End: uint(32) })

type WireNode = ValueOf<typeof NodeIdSchema>

export interface GossipState {
  /** Seconds since 1970; nobody looks at it any more, old peers expect it. */
  readonly nowSec: number
  readonly nicknames: ReadonlyMap<PeerName, string>
  readonly paxos: readonly Knowledge[] | undefined
  readonly ring: Ring | undefined
}

export type UnicastMessage =
  | { readonly kind: 'space-request' | 'space-denied'; readonly range: Range }
  | { readonly kind: 'ring-update'; readonly state: GossipState }

const KIND = { 'space-request': 0, 'ring-update': 1, 'space-denied': 2 } as const

export function encodeState(state: GossipState): Uint8Array {
  return encodeGob(StateSchema, {
    Now: BigInt(Math.floor(state.nowSec)),
    Nicknames: state.nicknames,
    Paxos: state.paxos?.map(toWireKnowledge),
    Ring: state.ring === undefined ? undefined : toWireRing(state.ring),
  })
}

export function decodeState(payload: Uint8Array): GossipState {
  const wire = decodeGob(StateSchema, payload, LIMITS)
  return {
    nowSec: Number(wire.Now),
    nicknames: new Map([...(wire.Nicknames ?? [])].map(([name, nickname]) => [peerName(name), nickname])),
    paxos: wire.Paxos?.map(([node, claims]) => ({
      node: fromWireNode(node),
      claims: {
        promise: fromWireProposal(claims.Promise),
        accepted: fromWireProposal(claims.Accepted),
        acceptedVal: {
          value: claims.AcceptedVal.Value.map(peerName),
          origin: fromWireProposal(claims.AcceptedVal.Origin),
        },
      },
    })),
    ring: wire.Ring === undefined ? undefined : fromWireRing(wire.Ring),
  }
}

export function encodeUnicast(message: UnicastMessage): Uint8Array {
  const body =
    message.kind === 'ring-update'
      ? encodeState(message.state)
      : encodeGob(RangeSchema, { Start: message.range.start, End: toWireEnd(message.range.end) })
  const payload = new Uint8Array(1 + body.length)
  payload[0] = KIND[message.kind]
  payload.set(body, 1)
  return payload
}

/** Undefined for a kind that we do not know: a later version's message, to be passed over. */
export function decodeUnicast(payload: Uint8Array): UnicastMessage | undefined {
  const kind = payload[0]
  if (kind === undefined) throw new WireError('empty unicast on channel IPallocation')
  const body = payload.subarray(1)
  if (kind === KIND['ring-update']) return { kind: 'ring-update', state: decodeState(body) }
  if (kind === KIND['space-request']) return { kind: 'space-request', range: decodeRange(body) }
  if (kind === KIND['space-denied']) return { kind: 'space-denied', range: decodeRange(body) }
  return undefined
}

/** A ring as old peers keep it in their data file. */
export const encodeRing = (ring: Ring): Uint8Array => encodeGob(RingSchema, toWireRing(ring))
export const decodeRing = (payload: Uint8Array): Ring => fromWireRing(decodeGob(RingSchema, payload, LIMITS))

function decodeRange(payload: Uint8Array): Range {
  const wire = decodeGob(RangeSchema, payload)
  const range = { start: wire.Start, end: fromWireEnd(wire.End) }
  if (range.end <= range.start) throw new WireError('space request for an empty range')
  return range
}

/** The 32-bit end of a range up to 255.255.255.255 is 0. Old peers refuse to start with such a range. */
const toWireEnd = (end: number): number => (end === 2 ** 32 ? 0 : end)
const fromWireEnd = (end: number): number => (end === 0 ? 2 ** 32 : end)

const toWireRing = (ring: Ring): ValueOf<typeof RingSchema> => ({
  Start: ring.start,
  End: toWireEnd(ring.end),
  Peer: ring.peer,
  Entries: ring.entries.map((entry) => ({
    Token: entry.token,
    Peer: entry.peer,
    Version: entry.version,
    Free: entry.free,
  })),
  Seeds: ring.seeds,
})

function fromWireRing(wire: ValueOf<typeof RingSchema>): Ring {
  const ring: Ring = {
    start: wire.Start,
    end: fromWireEnd(wire.End),
    peer: peerName(wire.Peer),
    entries: wire.Entries.map((entry) => ({
      token: entry.Token,
      peer: peerName(entry.Peer),
      version: entry.Version,
      free: entry.Free,
    })),
    seeds: wire.Seeds.map(peerName),
  }
  if (ring.end <= ring.start) throw new WireError('ring of an empty range')
  if (ring.entries.some((entry) => entry.version > HIGHEST_VERSION))
    throw new WireError('ring entry with a version that leaves no room for another change')
  return ring
}

const toWireNode = (node: NodeId): WireNode => ({ Name: node.name, UID: node.uid })
const fromWireNode = (wire: WireNode): NodeId => ({
  name: peerName(wire.Name),
  uid: wire.UID,
})

const toWireKnowledge = ({ node, claims }: Knowledge): [WireNode, ValueOf<typeof ClaimsSchema>] => [
  toWireNode(node),
  {
    Promise: toWireProposal(claims.promise),
    Accepted: toWireProposal(claims.accepted),
    AcceptedVal: { Value: claims.acceptedVal.value, Origin: toWireProposal(claims.acceptedVal.origin) },
  },
]

const toWireProposal = (proposal: ProposalId): ValueOf<typeof ProposalSchema> => ({
  Round: proposal.round,
  Proposer: toWireNode(proposal.proposer),
})

function fromWireProposal(wire: ValueOf<typeof ProposalSchema>): ProposalId {
  if (wire.Round > HIGHEST_ROUND) throw new WireError('paxos round that leaves no room for another')
  return { round: wire.Round, proposer: fromWireNode(wire.Proposer) }
}
