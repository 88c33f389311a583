import { decodeNameGossip, encodeNameGossip } from '../../../src/dns/gossip-codec.ts'
import { bool, decodeGob, encodeGob, int, map, slice, string, struct, uint } from '../../../src/gob/gob.ts'
import {
  decodeRing,
  decodeState,
  decodeUnicast,
  encodeRing,
  encodeState,
  encodeUnicast,
  type GossipState,
} from '../../../src/ipam/gossip-codec.ts'
import type { ProposalId } from '../../../src/ipam/paxos.ts'
import type { Ring } from '../../../src/ipam/ring.ts'
import { messageOf, WireError } from '../../../src/lib/errors.ts'
import { formatIp4 } from '../../../src/lib/ip4.ts'
import { formatPeerName, type PeerName } from '../../../src/lib/peer-name.ts'
import { fromHex } from '../../support/hex.ts'
import type { Observation } from '../case.ts'

interface IpamPayloads {
  readonly gossipState: readonly { readonly note: string; readonly gob: string; readonly decoded: unknown }[]
  readonly ranges: readonly {
    readonly start: number
    readonly end: number
    readonly spaceRequestMessage: string
    readonly spaceRequestDeniedMessage: string
  }[]
  readonly database: readonly { readonly key: string; readonly note: string; readonly gob: string }[]
}

export function* ipamPayloads(vector: IpamPayloads): Generator<Observation> {
  for (const c of vector.gossipState) {
    const state = decodeState(fromHex(c.gob))
    yield { case: `${c.note}: decoded`, expected: c.decoded, actual: showState(state) }
    const again = decodeState(encodeState(state))
    yield { case: `${c.note}: encoded`, expected: c.decoded, actual: showState(again) }
  }
  for (const c of vector.ranges) {
    // On the wire 0 is the end of a range that goes up to the last address of all.
    const range = { start: c.start, end: c.end === 0 ? 2 ** 32 : c.end }
    for (const [kind, message] of [
      ['space-request', c.spaceRequestMessage],
      ['space-denied', c.spaceRequestDeniedMessage],
    ] as const) {
      const label = `${kind} ${c.start}-${c.end}`
      const decoded = attempt(() => decodeUnicast(fromHex(message)))
      yield { case: `${label}: decoded`, expected: { kind, range }, actual: decoded }
      const again = attempt(() => decodeUnicast(encodeUnicast({ kind, range })))
      yield { case: `${label}: encoded`, expected: { kind, range }, actual: again }
    }
  }
  for (const [index, c] of vector.database.entries()) {
    yield {
      case: `database ${c.key} #${index}`,
      expected: DATABASE[index],
      actual: databaseValue(c.key, fromHex(c.gob)),
    }
  }
}

const Cidr = struct('CIDR', { Addr: uint(32), PrefixLen: int(8) })
const Owned = map(string, struct('owned', { IsContainer: bool, Cidrs: slice(Cidr) }))

/** Values of the original's data file, which an upgraded host starts from. */
function databaseValue(key: string, gob: Uint8Array): unknown {
  switch (key) {
    case 'peername':
      return formatPeerName(decodeGob(uint(48), gob) as PeerName)
    case 'ring':
      return showRing(decodeRing(encodeRing(decodeRing(gob))))
    case 'directPeers':
      return decodeGob(slice(string), encodeGob(slice(string), decodeGob(slice(string), gob)))
    default:
      return Object.fromEntries(decodeGob(Owned, encodeGob(Owned, decodeGob(Owned, gob))))
  }
}

/** What the values are, in the order of the file. */
const DATABASE: readonly unknown[] = [
  '02:00:00:00:01:01',
  {
    start: '10.32.0.0',
    end: '10.48.0.0',
    peer: '02:00:00:00:01:01',
    entries: [
      { token: '10.32.0.0', tokenUint: 169869312, peer: '02:00:00:00:01:01', version: 0, free: 524288 },
      { token: '10.40.0.0', tokenUint: 170393600, peer: '02:00:00:00:01:02', version: 0, free: 262144 },
      { token: '10.44.0.0', tokenUint: 170655744, peer: '02:00:00:00:01:03', version: 0, free: 262144 },
    ],
    seeds: ['02:00:00:00:01:01', '02:00:00:00:01:02', '02:00:00:00:01:03'],
  },
  ['10.0.0.1', 'host2:6783'],
  [],
  [],
  { c1: { IsContainer: true, Cidrs: [{ Addr: 0x0a200001, PrefixLen: 12 }] } },
]

interface NamePayloads {
  readonly cases: readonly {
    readonly note: string
    readonly gob: string
    readonly decoded: { readonly timestamp: number; readonly entries: readonly unknown[] }
  }[]
}

export function* namePayloads(vector: NamePayloads): Generator<Observation> {
  for (const c of vector.cases) {
    const first = decodeNameGossip(fromHex(c.gob))
    for (const [how, gossip] of [
      ['decoded', first],
      ['encoded', decodeNameGossip(encodeNameGossip(first))],
    ] as const) {
      const entries = gossip.entries.map((entry) => ({
        addr: formatIp4(entry.addr),
        containerID: entry.containerId,
        hostname: entry.hostname,
        origin: formatPeerName(entry.origin),
        tombstone: entry.tombstone,
        version: entry.version,
      }))
      yield {
        case: `${c.note}: ${how}`,
        expected: c.decoded,
        actual: { timestamp: gossip.timestampSec, entries },
      }
    }
  }
}

function showState(state: GossipState): unknown {
  return {
    now: state.nowSec,
    nicknames: Object.fromEntries(
      [...state.nicknames].map(([name, nickname]) => [formatPeerName(name), nickname]),
    ),
    paxos:
      // A map has no order.
      state.paxos
        ?.toSorted((a, b) => a.node.name - b.node.name)
        .map(({ node, claims }) => ({
          node: { name: formatPeerName(node.name), uid: String(node.uid) },
          promise: showProposal(claims.promise),
          accepted: showProposal(claims.accepted),
          acceptedOrigin: showProposal(claims.acceptedVal.origin),
          acceptedValue: claims.acceptedVal.value.map(formatPeerName),
        })) ?? null,
    ring: state.ring === undefined ? null : showRing(state.ring),
  }
}

const showProposal = (proposal: ProposalId): unknown => ({
  round: Number(proposal.round),
  proposerName: formatPeerName(proposal.proposer.name),
  proposerUID: String(proposal.proposer.uid),
})

const showRing = (ring: Ring): unknown => ({
  start: formatIp4(ring.start),
  end: formatIp4(ring.end),
  peer: formatPeerName(ring.peer),
  entries: ring.entries.map((entry) => ({
    token: formatIp4(entry.token),
    tokenUint: entry.token,
    peer: formatPeerName(entry.peer),
    version: entry.version,
    free: entry.free,
  })),
  seeds: ring.seeds.map(formatPeerName),
})

function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch (thrown) {
    if (thrown instanceof WireError) return messageOf(thrown)
    throw thrown
  }
}
