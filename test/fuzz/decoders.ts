import { decodeNameGossip } from '../../src/dns/gossip-codec.ts'
import { parseQuery } from '../../src/dns/query.ts'
import { decodeRecordSets, encodeRecordSets } from '../../src/dns/record-codec.ts'
import { bytes, GobStream } from '../../src/gob/gob.ts'
import { decodeState, decodeUnicast } from '../../src/ipam/gossip-codec.ts'
import { ByteQueue } from '../../src/lib/byte-queue.ts'
import { type PeerName, parsePeerName } from '../../src/lib/peer-name.ts'
import { decodeFeatures, featureMap, parseFeatures } from '../../src/mesh/features.ts'
import { encodeFrame, takeFrame } from '../../src/mesh/frame.ts'
import { decodeGossip, decodeGossipUnicast, encodeGossipUnicast, Tag } from '../../src/mesh/message.ts'
import { decodeTopologyMessage, encodeTopologyMessage } from '../../src/mesh/topology-message.ts'
import { decodeTopology } from '../../src/mesh/topology-payload.ts'
import { decodeControl } from '../../src/overlay/control.ts'
import { fromHex } from '../support/hex.ts'
import { bodies, gossipOn, messages, plainConversations, vector } from './corpus.ts'
import type { FuzzTarget } from './fuzz.ts'

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

const topologyPayloads = [
  ...vector<Cases<{ readonly payload: string }>>('mesh/topology-payloads.json').cases.map((c) =>
    fromHex(c.payload),
  ),
  ...gossipOn('topology'),
]

const name = parsePeerName('02:00:00:00:01:01')
const unicasts = ipamStates.map((payload) =>
  encodeGossipUnicast({ channel: 'IPallocation', source: name, destination: name, payload }),
)

const topologyMessages = [
  ...topologyPayloads.map((payload) =>
    encodeTopologyMessage({
      kind: 'records',
      root: name,
      records: decodeTopology(payload).map((peer) => ({ kind: 'full', peer })),
    }),
  ),
  encodeTopologyMessage({
    kind: 'records',
    root: name,
    records: [{ kind: 'delta', name, uid: 7n, base: 3n, version: 4n, changed: [], gone: [2 as PeerName] }],
  }),
  encodeTopologyMessage({ kind: 'digest', digest: 1n }),
  encodeTopologyMessage({ kind: 'versions', versions: [{ name, uid: 7n, version: 300n }] }),
  encodeTopologyMessage({ kind: 'want', names: [name, 2 as PeerName] }),
]

const dnsQuery = fromHex(
  '1234 0100 0001 0000 0000 0001 03666f6f 05776561766505 6c6f63616c 00 0001 0001 00 0029 1000 0000 0000 0000',
)

/** Everything that turns remote bytes into values. */
export const decoders: readonly FuzzTarget[] = [
  { name: 'feature map', corpus: gobOf('mesh/gob-features.json'), run: decodeFeatures },
  {
    name: 'features',
    corpus: gobOf('mesh/gob-features.json'),
    run: (input) => {
      parseFeatures(decodeFeatures(input), { ownConnId: 1n, version: 2, sessionKey: undefined })
    },
  },
  { name: 'frame', corpus: messages.map((message) => encodeFrame(message)), run: drainFrames },
  { name: 'gob stream', corpus: plainConversations(1).map((sent) => sent.subarray(7)), run: drainGobStream },
  { name: 'gossip header', corpus: bodies(Tag.gossip, Tag.gossipBroadcast), run: decodeGossip },
  { name: 'gossip unicast header', corpus: unicasts, run: decodeGossipUnicast },
  { name: 'topology payload', corpus: topologyPayloads, run: decodeTopology },
  { name: 'topology delta message', corpus: topologyMessages, run: decodeTopologyMessage },
  { name: 'overlay control', corpus: bodies(Tag.overlayControl), run: controlOf },
  { name: 'ipam state', corpus: ipamStates, run: decodeState },
  {
    name: 'ipam unicast',
    corpus: [
      ...ipam.ranges.flatMap((c) => [fromHex(c.spaceRequestMessage), fromHex(c.spaceRequestDeniedMessage)]),
      ...ipamStates.map((state) => Uint8Array.of(1, ...state)),
    ],
    run: decodeUnicast,
  },
  {
    name: 'dns gossip',
    corpus: [...gobOf('mesh/gob-nameserver.json'), ...gossipOn('nameserver')],
    run: decodeNameGossip,
  },
  {
    name: 'dns records gossip',
    corpus: [encodeRecordSets([{ origin: name, version: 1, records: [] }])],
    run: decodeRecordSets,
  },
  { name: 'dns query', corpus: [dnsQuery], run: parseQuery },
]

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
  const negotiated = { compat: false, common: ['fastdp', 'sleeve'] }
  decodeControl(negotiated, { tag: Tag.overlayControl, payload })
}
