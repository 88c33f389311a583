import { parsePeerName } from '../../src/lib/peer-name.ts'
import { seededRng } from '../../src/lib/rng.ts'
import { encodeGossip, Tag } from '../../src/mesh/message.ts'
import { MeshNode } from '../../src/mesh/node.ts'
import type { ConnectionId } from '../../src/mesh/node-types.ts'
import { MemoryOverlay } from '../support/memory-overlay.ts'
import { naclCrypto } from '../support/nacl-crypto.ts'
import { Endpoint, sessionOptions } from '../support/session-pair.ts'
import { messages } from './corpus.ts'
import { topologyMessages, topologyPayloads } from './decoders.ts'
import type { FuzzTarget } from './fuzz.ts'

/** Peers that an attacker may make us remember until they are collected. */
const MAX_PEERS = 10_000
/** Reconnections after which the node is replaced, so that a failing input stands on few before it. */
const LIFETIME = 200

/** A peer with the whole control plane behind it, and one neighbour that says anything. */
class Besieged {
  readonly #node: MeshNode
  #id: ConnectionId | undefined
  #peer = new Endpoint(sessionOptions({ outbound: true }))
  #now = 0
  connections = 0

  constructor(seed: number) {
    const parts = {
      rng: seededRng(seed),
      crypto: naclCrypto,
      overlay: new MemoryOverlay(),
      wake: () => undefined,
    }
    this.#node = new MeshNode(
      parts,
      {
        name: parsePeerName('::c8'),
        nickname: 'besieged',
        host: undefined,
        port: 6783,
        password: undefined,
        minVersion: 1,
        maxVersion: 2,
        connectionLimit: 10,
        discovery: true,
        trustedSubnets: [],
      },
      0,
    )
  }

  hear(message: Uint8Array): void {
    this.#now += 20
    if (this.#id === undefined) this.#connect()
    this.#peer.take(this.#peer.session.send(message[0] ?? 0, message.subarray(1)))
    this.#exchange()
    this.#node.advance(this.#now)
    this.#take()
    const { peers } = this.#node.snapshot()
    if (peers.length > MAX_PEERS) throw new Error(`${peers.length} peers are remembered`)
  }

  #connect(): void {
    this.connections++
    this.#peer = new Endpoint(
      sessionOptions({
        outbound: true,
        features: new Map([
          ['Overlays', 'sleeve'],
          ['TopologyDeltas', '1'],
        ]),
      }),
      this.#now,
    )
    this.#id = this.#node.accepted(
      { host: '10.0.0.1', port: 6783 },
      { host: '10.0.0.2', port: 40_000 },
      this.#now,
    )
    if (this.#id === undefined) throw new Error('a peer whose connection was closed is not accepted again')
    this.#exchange()
    if (this.#id === undefined) throw new Error('the introduction failed')
  }

  #exchange(): void {
    for (let moved = true; moved; ) {
      moved = this.#peer.written.length > 0
      for (const bytes of this.#peer.written.splice(0)) {
        if (this.#id !== undefined) this.#node.received(this.#id, bytes, this.#now)
      }
      moved = this.#take() || moved
    }
  }

  #take(): boolean {
    const outputs = this.#node.take()
    for (const output of outputs) {
      if (output.kind === 'connection-failed' && output.fault !== undefined) throw output.fault
      if (output.kind === 'write' && output.id === this.#id) this.#peer.receive(output.bytes, this.#now)
      if (output.kind === 'close' && output.id === this.#id) this.#id = undefined
      if (output.kind === 'dial') this.#node.dialFailed(output.id, 'connection refused', this.#now)
    }
    return outputs.length > 0
  }
}

let besieged = new Besieged(0)

function hear(message: Uint8Array): void {
  if (besieged.connections > LIFETIME) besieged = new Besieged(besieged.connections)
  besieged.hear(message)
}

/** Mutated messages into a live node: headers, topology, routes, relays, targets, all of it. */
const wholeMessages: FuzzTarget = {
  name: 'live node, messages',
  weight: 0.2,
  corpus: [...messages, ...topologyMessages.map((message) => Uint8Array.of(64, ...message))],
  run: hear,
}

/** Mutated topology inside valid messages, to a neighbour and along a tree: more of it is understood. */
const topologyOnly: FuzzTarget = {
  name: 'live node, topology',
  weight: 0.2,
  corpus: topologyPayloads,
  run(payload) {
    const tag = payload.length % 2 === 0 ? Tag.gossip : Tag.gossipBroadcast
    hear(Uint8Array.of(tag, ...encodeGossip({ channel: 'topology', source: parsePeerName('::1'), payload })))
  },
}

export const nodes: readonly FuzzTarget[] = [wholeMessages, topologyOnly]
