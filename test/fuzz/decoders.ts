import { decodeNameGossip, encodeNameGossip } from '../../src/dns/gossip-codec.ts'
import { decodeRecordSets, encodeRecordSets } from '../../src/dns/record-codec.ts'
import { bytes, GobStream } from '../../src/gob/gob.ts'
import { decodeState, decodeUnicast, encodeState, encodeUnicast } from '../../src/ipam/gossip-codec.ts'
import { ByteQueue } from '../../src/lib/byte-queue.ts'
import { type PeerName, parsePeerName } from '../../src/lib/peer-name.ts'
import { Claims } from '../../src/mesh/claims.ts'
import { decodeFeatures, encodeFeatures, featureMap, parseFeatures } from '../../src/mesh/features.ts'
import { encodeFrame, takeFrame } from '../../src/mesh/frame.ts'
import {
  decodeGossip,
  decodeGossipUnicast,
  encodeGossip,
  encodeGossipUnicast,
  Tag,
} from '../../src/mesh/message.ts'
import {
  decodeTopologyMessage,
  encodeRecord,
  encodeRecords,
  encodeTopologyMessage,
} from '../../src/mesh/topology-message.ts'
import { decodeTopology, encodeTopology } from '../../src/mesh/topology-payload.ts'
import { decodeControl, encodeControl } from '../../src/overlay/control.ts'
import { fromHex, toHex } from '../support/hex.ts'
import { bodies, gossipOn, messages, plainConversations, vector } from './corpus.ts'
import { dnsTargets } from './dns.ts'
import type { FuzzTarget } from './fuzz.ts'
import { decodeGobValues, gobValues } from './gob-values.ts'

interface Cases<T> {
  readonly cases: readonly T[]
}

const gobOf = (file: string): Uint8Array[] =>
  vector<Cases<{ readonly gob: string }>>(file).cases.map((c) => fromHex(c.gob))

const ipam = vector<{
  readonly gossipState: readonly { readonly gob: string }[]
  readonly ranges: readonly {
    readonly spaceRequestMessage: string
    readonly spaceRequestDeniedMessage: string
  }[]
}>('mesh/gob-ipam.json')
const ipamStates = [...ipam.gossipState.map((c) => fromHex(c.gob)), ...gossipOn('IPallocation')]

export const topologyPayloads: readonly Uint8Array[] = [
  ...vector<Cases<{ readonly payload: string }>>('mesh/topology-payloads.json').cases.map((c) =>
    fromHex(c.payload),
  ),
  ...gossipOn('topology'),
]

const name = parsePeerName('02:00:00:00:01:01')
const unicasts = ipamStates.map((payload) =>
  encodeGossipUnicast({ channel: 'IPallocation', source: name, destination: name, payload }),
)

const changed = Claims.of([
  { remote: 3 as PeerName, address: '10.0.0.3:6783', outbound: true, established: false },
  { remote: 4 as PeerName, address: '[fd00::4]:6783', outbound: false, established: true },
])
/** Between two of ours. */
export const topologyMessages: readonly Uint8Array[] = [
  ...topologyPayloads.map((payload) =>
    encodeRecords(
      name,
      decodeTopology(payload).map((peer) => encodeRecord({ kind: 'full', peer })),
    ),
  ),
  encodeRecords(name, [
    encodeRecord({ kind: 'delta', name, uid: 7n, base: 3n, version: 4n, changed, gone: [2 as PeerName] }),
  ]),
  encodeTopologyMessage({ kind: 'digest', digest: 1n }),
  encodeTopologyMessage({ kind: 'versions', versions: [{ name, uid: 7n, version: 300n }] }),
  encodeTopologyMessage({ kind: 'want', versions: [{ name: 2 as PeerName, uid: 0n, version: 0n }] }),
]

/** Everything that turns remote bytes into values. */
export const decoders: readonly FuzzTarget[] = [
  {
    name: 'feature map',
    corpus: gobOf('mesh/gob-features.json'),
    run: again(decodeFeatures, encodeFeatures),
  },
  {
    name: 'features',
    corpus: gobOf('mesh/gob-features.json'),
    run: (input) => {
      parseFeatures(decodeFeatures(input), { ownConnId: 1n, version: 2, sessionKey: undefined })
    },
  },
  { name: 'frame', corpus: messages.map((message) => encodeFrame(message)), run: drainFrames },
  { name: 'gob stream', corpus: plainConversations(1).map((sent) => sent.subarray(7)), run: drainGobStream },
  {
    name: 'gossip header',
    corpus: bodies(Tag.gossip, Tag.gossipBroadcast),
    run: again(decodeGossip, encodeGossip),
  },
  { name: 'gossip unicast header', corpus: unicasts, run: again(decodeGossipUnicast, encodeGossipUnicast) },
  { name: 'topology payload', corpus: topologyPayloads, run: again(decodeTopology, encodeTopology) },
  { name: 'topology delta message', corpus: topologyMessages, run: topologyAgain },
  { name: 'gob values', corpus: gobValues, run: decodeGobValues },
  { name: 'overlay control', corpus: bodies(Tag.overlayControl), run: controlOf },
  { name: 'ipam state', corpus: ipamStates, run: again(decodeState, encodeState) },
  {
    name: 'ipam unicast',
    corpus: [
      ...ipam.ranges.flatMap((c) => [fromHex(c.spaceRequestMessage), fromHex(c.spaceRequestDeniedMessage)]),
      ...ipamStates.map((state) => Uint8Array.of(1, ...state)),
    ],
    run: unicastAgain,
  },
  {
    name: 'dns gossip',
    corpus: [...gobOf('mesh/gob-nameserver.json'), ...gossipOn('nameserver')],
    run: again(decodeNameGossip, encodeNameGossip),
  },
  {
    name: 'dns records gossip',
    corpus: [
      encodeRecordSets([]),
      encodeRecordSets([
        {
          origin: name,
          version: 1,
          records: [
            { name: 'a.weave.local.', type: 'TXT', value: 'text' },
            { name: 'c.weave.local.', type: 'CNAME', value: 'a.weave.local.' },
            { name: '_s._tcp.weave.local.', type: 'SRV', value: '1 2 80 a.weave.local.' },
            { name: 'a.weave.local.', type: 'AAAA', value: 'fd00::1' },
          ],
        },
      ]),
    ],
    run: again(decodeRecordSets, encodeRecordSets),
  },
  ...dnsTargets,
]

/** What is taken has to survive our own encoding: we would pass on to others what they refuse. */
function again<T>(decode: (input: Uint8Array) => T, encode: (value: T) => Uint8Array): FuzzTarget['run'] {
  return (input) => {
    const encoded = encode(decode(input))
    try {
      decode(encoded)
    } catch (thrown) {
      throw new Error(`refuses its own encoding ${toHex(encoded)}`, { cause: thrown })
    }
  }
}

function topologyAgain(input: Uint8Array): void {
  const message = decodeTopologyMessage(input)
  if (message === undefined) return
  const encoded =
    message.kind === 'records'
      ? encodeRecords(message.root, message.records.map(encodeRecord))
      : encodeTopologyMessage(message)
  again(decodeTopologyMessage, () => encoded)(input)
}

function unicastAgain(input: Uint8Array): void {
  const message = decodeUnicast(input)
  if (message !== undefined) again(decodeUnicast, () => encodeUnicast(message))(input)
}

function drainFrames(input: Uint8Array): void {
  const queue = new ByteQueue()
  queue.push(input)
  while (takeFrame(queue) !== undefined);
}

function drainGobStream(input: Uint8Array): void {
  const queue = new ByteQueue()
  const stream = new GobStream(queue, 1 << 20)
  queue.push(input)
  if (stream.next(featureMap) === undefined) return
  while (stream.next(bytes) !== undefined);
}

function controlOf(payload: Uint8Array): void {
  const old = decodeControl({ compat: true }, { tag: payload[0] ?? 0, payload })
  if (old !== undefined) encodeControl({ compat: true }, old)
  const negotiated = { compat: false, common: ['fastdp', 'sleeve'] }
  const message = decodeControl(negotiated, { tag: Tag.overlayControl, payload })
  if (message !== undefined) encodeControl(negotiated, message)
}
