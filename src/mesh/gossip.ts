import { WireError } from '../lib/errors.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import { Channel } from './channel.ts'
import { DeferredRelays, type Relay } from './deferred-relays.ts'
import type { GossipChannel, GossipData, Gossiper } from './gossiper.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import { decodeGossip, decodeGossipUnicast, encodeGossip, encodeGossipUnicast, Tag } from './message.ts'
import type { MeshEvent } from './node-types.ts'
import { drawNeighbours, gossipWidth, neighbourWeights } from './random-neighbours.ts'
import type { Routes } from './routes.ts'
import { TOPOLOGY_CHANNEL } from './topology-gossiper.ts'

/** Channels of others that we relay; more are ignored. */
const MAX_SURROGATES = 64

export interface GossipParts {
  readonly self: PeerName
  readonly links: Links
  readonly routes: Routes
  readonly rng: Rng
  readonly surrogate: () => Gossiper
  /** One message to one neighbour, now. */
  readonly send: (link: Link, tag: number, payload: Uint8Array) => void
  /** Something waits in the link's queue. */
  readonly queued: (link: Link) => void
  readonly report: (event: MeshEvent) => void
  readonly wake: () => void
}

/** Gossip channels: who gets what, and what becomes of what arrives (mesh §13). */
export class Gossip {
  readonly #parts: GossipParts
  readonly #channels = new Map<string, Channel>()
  readonly #deferred = new DeferredRelays()
  #surrogates = 0

  constructor(parts: GossipParts) {
    this.#parts = parts
  }

  get channels(): Iterable<Channel> {
    return this.#channels.values()
  }

  /** Makes `gossiper` the owner of a channel. */
  register(name: string, gossiper: Gossiper): GossipChannel {
    if (this.#channels.has(name)) throw new Error(`gossip channel ${name} is registered twice`)
    const channel = new Channel(name, gossiper, false)
    this.#channels.set(name, channel)
    const { self, wake } = this.#parts
    return {
      unicast: (destination, payload) => {
        const problem = this.#unicast(channel, destination, payload)
        wake()
        return problem
      },
      broadcast: (data) => {
        this.relay({ kind: 'broadcast', channel: name, originator: self }, data)
        wake()
      },
      neighbourSubset: (data) => {
        this.relay({ kind: 'gossip', channel: name, except: undefined }, data)
        wake()
      },
    }
  }

  /** A channel by its name. */
  channel(name: string): Channel | undefined {
    return this.#channels.get(name)
  }

  /** Tags 4, 5 and 6. Throws `WireError`, which ends the connection. */
  receive(link: Link, tag: number, message: Uint8Array): void {
    if (tag === Tag.gossip) this.#onGossip(link, message)
    else if (tag === Tag.gossipUnicast) this.#onUnicast(link, message)
    else this.#onBroadcast(link, message)
  }

  /** The complete state of every channel, to one neighbour that has none of it. */
  sendComplete(link: Link): void {
    for (const channel of this.#channels.values()) {
      if (!takes(link, channel.name)) continue
      const data = channel.gossiper.complete()
      if (data !== undefined) this.queue(link, channel.name, undefined, data)
    }
  }

  /** Periodic gossip: the complete state of every channel to some neighbours. */
  tick(): void {
    for (const channel of this.#channels.values()) {
      const data = channel.gossiper.complete()
      if (data !== undefined) this.relay({ kind: 'gossip', channel: channel.name, except: undefined }, data)
    }
  }

  /** Sends to those whom the routes say, or keeps it until the routes are up to date again. */
  relay(relay: Relay, data: GossipData): void {
    if (this.#parts.routes.stale) this.#deferred.add(relay, data)
    else this.#relayNow(relay, data)
  }

  /** The routes are fresh. */
  relayDeferred(): void {
    for (const { relay, data } of this.#deferred.take()) this.#relayNow(relay, data)
  }

  /** Writes what waits for a link, as long as its socket takes it. */
  flush(link: Link): void {
    while (link.congestedSince === undefined && link.state === 'added') {
      const item = link.queue.next()
      if (item === undefined) return
      const source = item.originator ?? this.#parts.self
      const tag = item.originator === undefined ? Tag.gossip : Tag.gossipBroadcast
      for (const payload of item.data.encode()) {
        this.#channels.get(item.channel)?.countOut(payload.length)
        this.#parts.send(link, tag, encodeGossip({ channel: item.channel, source, payload }))
      }
    }
  }

  #relayNow(relay: Relay, data: GossipData): void {
    if (relay.kind === 'broadcast') {
      for (const hop of this.#parts.routes.all.broadcast(relay.originator)) {
        const link = this.#parts.links.to(hop)
        if (link !== undefined) this.queue(link, relay.channel, relay.originator, data)
      }
      return
    }
    for (const link of this.#randomNeighbours(relay)) {
      this.queue(link, relay.channel, undefined, data)
    }
  }

  /** Those of a random subset of the neighbours (mesh §13.2) that take this channel. */
  #randomNeighbours({ channel, except, among }: Extract<Relay, { kind: 'gossip' }>): Link[] {
    const { links, routes, rng } = this.#parts
    const takers = new Set([...links.neighbours()].filter((link) => takes(link, channel)))
    if (takers.size === 0) return []
    const isTaker = (hop: PeerName): boolean => takers.has(links.to(hop) as Link)
    const { unicast } = routes.all
    const weights = neighbourWeights(unicast, except)
    if (among === 'takers') for (const hop of weights.keys()) if (!isTaker(hop)) weights.delete(hop)
    const drawn = drawNeighbours(weights, gossipWidth(unicast.size + 1, weights.size), rng)
    return drawn.flatMap((hop) => (isTaker(hop) ? (links.to(hop) ?? []) : []))
  }

  /** Lets it wait for one neighbour. */
  queue(link: Link, channel: string, originator: PeerName | undefined, data: GossipData): void {
    if (link.state !== 'added') return
    link.queue.add(channel, originator, data)
    this.#parts.queued(link)
  }

  #onGossip(link: Link, message: Uint8Array): void {
    const { channel: name, payload } = decodeGossip(message)
    const channel = this.#channelOf(link, name)
    if (channel === undefined) return
    channel.countIn(payload.length)
    const news = channel.gossiper.onGossip(payload)
    if (news !== undefined) this.relay({ kind: 'gossip', channel: name, except: link.peer?.name }, news)
  }

  #onBroadcast(link: Link, message: Uint8Array): void {
    const { channel: name, source, payload } = decodeGossip(message)
    // Came back to us in a loop of trees that disagree: taking it up again would feed the loop.
    if (source === this.#parts.self) return
    const channel = this.#channelOf(link, name)
    if (channel === undefined) return
    channel.countIn(payload.length)
    const data = channel.gossiper.onBroadcast(source, payload)
    if (data !== undefined) this.relay({ kind: 'broadcast', channel: name, originator: source }, data)
  }

  #onUnicast(link: Link, message: Uint8Array): void {
    const { channel: name, source, destination, payload } = decodeGossipUnicast(message)
    if (destination !== this.#parts.self) {
      const problem = this.#forward(destination, message, link)
      if (problem !== undefined) this.#ignored(link, `[gossip ${name}]: ${problem}`)
      return
    }
    const channel = this.#channelOf(link, name)
    if (channel === undefined) return
    channel.countIn(payload.length)
    channel.gossiper.onUnicast(source, payload)
  }

  #unicast(channel: Channel, destination: PeerName, payload: Uint8Array): string | undefined {
    const source = this.#parts.self
    const message = encodeGossipUnicast({ channel: channel.name, source, destination, payload })
    const problem = this.#forward(destination, message, undefined)
    if (problem === undefined) channel.countOut(payload.length)
    return problem
  }

  #forward(destination: PeerName, message: Uint8Array, from: Link | undefined): string | undefined {
    const hop = this.#parts.routes.all.unicast.get(destination)
    if (hop === undefined) return `unknown relay destination: ${formatPeerName(destination)}`
    const link = this.#parts.links.to(hop)
    if (link === undefined || link.state !== 'added') {
      return `unable to find connection to relay peer ${formatPeerName(hop)}`
    }
    // Two peers whose routes disagree would pass it to and fro for ever: there is no hop limit.
    if (link === from) return `route to ${formatPeerName(destination)} leads back to ${formatPeerName(hop)}`
    this.#parts.send(link, Tag.gossipUnicast, message)
    return undefined
  }

  /** The channel, made up as a surrogate if nobody here owns it. */
  #channelOf(link: Link, name: string): Channel | undefined {
    const known = this.#channels.get(name)
    if (known !== undefined) return known
    if (name.length > 255) throw new WireError(`gossip channel name of ${name.length} bytes`)
    if (this.#surrogates >= MAX_SURROGATES) {
      this.#ignored(link, `[gossip ${name}]: more than ${MAX_SURROGATES} channels that we do not know`)
      return undefined
    }
    this.#surrogates++
    const channel = new Channel(name, this.#parts.surrogate(), true)
    this.#channels.set(name, channel)
    this.#parts.report({ kind: 'surrogate-created', channel: name })
    return channel
  }

  #ignored(link: Link, reason: string): void {
    if (link.peer !== undefined) this.#parts.report({ kind: 'ignored', peer: link.peer, reason })
  }
}

/** Neighbours with an outbox get topology as deltas instead. */
const takes = (link: Link, channel: string): boolean =>
  channel !== TOPOLOGY_CHANNEL || link.outbox === undefined
