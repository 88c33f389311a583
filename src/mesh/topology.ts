import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import type { Deadlines } from './deadlines.ts'
import type { Gossip } from './gossip.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { NodeDeadline } from './node-context.ts'
import type { MeshOutput } from './node-types.ts'
import type { Overlay } from './overlay.ts'
import { type Applied, Peers } from './peers.ts'
import { gossipWidth } from './random-neighbours.ts'
import { Routes } from './routes.ts'
import { TopologyData } from './topology-data.ts'
import { TOPOLOGY_CHANNEL, TopologyGossiper } from './topology-gossiper.ts'
import { TopologyHistory } from './topology-history.ts'
import { TOPOLOGY_TAG } from './topology-message.ts'
import { TopologySync } from './topology-sync.ts'

/**
 * Changes are gathered for so long before routes are calculated from them (mesh §12): 100 ms, and in a big network,
 * where a calculation costs more and changes come more often, two milliseconds per peer up to a second.
 */
const routesAfter = (peers: number): number => Math.min(Math.max(2 * peers, 100), 1_000)
/**
 * News is gathered for so long before it is passed on along fresh trees; where most peers are neighbours, who hear it
 * without that, as long as routes wait.
 */
const SPREAD_AFTER = 100
/** While there is much of it longer, so that more of it goes at once: above all by who has many to tell. */
const spreadInStorm = (neighbours: number): number => Math.min(200 + 2 * neighbours, 500)
/** The data plane gets the whole table of short ids: in a big network not for every peer that comes, yet before its routes. */
const shortIdsAfter = (peers: number): number => Math.min(peers, 100)
/** The first update of a burst starts the time to the next collection (mesh §10.2). */
const COLLECT_AFTER = 1_000
/** Changes of our own are gathered for so long before old neighbours hear of them (mesh §10.4). */
const ANNOUNCE_OLD_AFTER = 1_000
/**
 * The same towards ours. A connection lost and a peer that nobody else may know are told soon: at once after a quiet
 * time, then ever less often.
 */
const ANNOUNCE_FIRST = 100
const QUIET = 3_000
/** What everybody tells everybody costs the square of the number of peers: in a big network each tells more at once. */
const slowestAfter = (peers: number): number => Math.min(Math.max(20 * peers, 1_000), 3_000)
/**
 * Other changes, which only make good routes better, wait until no more follow: the longer, the more peers there are
 * to tell and to be told of.
 */
const lullAfter = (peers: number): number => Math.min(Math.max(10 * peers, 100), 1_500)
const PATIENCE = 5
/** While changes go on the wait grows, up to this many lulls: whoever waits for calm need not be told of the storm. */
const MOST_PATIENCE = 20
/**
 * When the topology has been still for so long, some neighbours compare digests. Where most peers are no neighbours it never
 * is while many come up, and trees are known too little to tell everybody everything: there they do so long after the first
 * change.
 */
const COMPARE_AFTER = 2_000
const COMPARED = 2

export interface TopologyParts {
  readonly links: Links
  readonly rng: Rng
  readonly overlay: Overlay
  readonly deadlines: Deadlines<NodeDeadline>
  readonly send: (link: Link, tag: number, payload: Uint8Array) => void
  readonly queued: (link: Link) => void
  readonly emit: (output: MeshOutput) => void
}

/** What we know of the network, and who is told of it when (mesh §10, §12). */
export class Topology {
  readonly peers: Peers
  readonly routes: Routes
  readonly #parts: TopologyParts
  readonly #history: TopologyHistory
  readonly #sync: TopologySync
  #gossip: Gossip | undefined
  /** Peers of connections added since old neighbours were last told. */
  readonly #added = new Set<PeerName>()
  #revision: number
  /** An update came since the last `follow`. */
  #updated = false
  /** A neighbour was found to know something else, since then. */
  #differs = false
  #shortIds = 0
  #shortId: number | undefined
  #version: bigint
  /** Our version that neighbours of our kind were last told. */
  #announced: bigint
  #announcedAt = Number.NEGATIVE_INFINITY
  #announceAfter = ANNOUNCE_FIRST
  #patience = PATIENCE
  #announcedShortId: number | undefined
  /** When neighbours have to hear of what is urgent; Infinity: nothing is. */
  #announceBy = Number.POSITIVE_INFINITY
  /** Since when there is something that they were not told. */
  #changedSince: number | undefined
  /** A connection was added to a peer that perhaps only we know. */
  #hasNewcomer = false
  /** How many connections we had at our last change. */
  #claimed = 0

  constructor(
    parts: TopologyParts,
    self: { name: PeerName; nickname: string; uid: bigint; shortId: number },
  ) {
    this.#parts = parts
    const { links, rng, queued } = parts
    const send = (link: Link, payload: Uint8Array): void => {
      this.#gossip?.channel(TOPOLOGY_CHANNEL)?.countOut(payload.length)
      parts.send(link, TOPOLOGY_TAG, payload)
    }
    this.#history = new TopologyHistory(self.name)
    this.peers = new Peers(self, rng, { onReplace: (old, next) => this.#history.replaced(old, next) })
    this.routes = new Routes(this.peers)
    const { peers, routes } = this
    this.#sync = new TopologySync({
      peers,
      links,
      routes,
      history: this.#history,
      rng,
      send,
      queued,
      tellOld: (link, names) =>
        this.#gossip?.queue(link, TOPOLOGY_CHANNEL, undefined, new TopologyData(peers, names)),
      onApplied: () => {
        this.#updated = true
      },
      onDiffers: () => {
        this.#differs = true
      },
    })
    this.#revision = peers.revision
    this.#version = peers.self.version
    this.#announced = peers.self.version
    this.#shortId = self.shortId
  }

  /** Takes the topology channel, by which old neighbours are told and tell. */
  register(gossip: Gossip): void {
    this.#gossip = gossip
    gossip.register(TOPOLOGY_CHANNEL, new TopologyGossiper(this.peers, (applied) => this.#toldByOld(applied)))
  }

  /** A connection was added; `unknown`: its peer may know nothing of what we know. */
  connected(link: Link, peer: PeerName, unknown: boolean): void {
    this.#added.add(peer)
    this.#hasNewcomer ||= unknown
    if (unknown && link.outbox !== undefined) this.#sync.greet(link)
  }

  /** A message between two of ours. Throws `WireError`, which ends the connection. */
  receive(link: Link, payload: Uint8Array): void {
    this.#gossip?.channel(TOPOLOGY_CHANNEL)?.countIn(payload.length)
    this.#sync.receive(link, payload)
  }

  flush(link: Link): void {
    this.#sync.flush(link)
  }

  /** Nothing is left to flush for now. */
  flushed(): void {
    this.#history.flushed()
  }

  /** Periodic gossip is due: to neighbours of our kind a digest will do. */
  tick(): void {
    const neighbours = this.#parts.links.added
    this.#sync.compare(Math.ceil(gossipWidth(this.peers.size, neighbours)))
    this.#history.clear()
  }

  /** Draws the consequences of changes since the last call; true if there were any. */
  follow(now: number): boolean {
    const { deadlines, emit } = this.#parts
    const { self, shortIds } = this.peers
    if (this.#updated) deadlines.atLatest('collect', now + COLLECT_AFTER)
    this.#updated = false
    // Whoever lacked something may not be the only one, and those who know of no change do not look.
    if (this.#differs) deadlines.atLatest('compare', now + COMPARE_AFTER)
    this.#differs = false
    if (self.version !== this.#version) {
      this.#version = self.version
      deadlines.atLatest('announce-old', now + ANNOUNCE_OLD_AFTER)
      this.#changed(now)
    }
    if (self.shortId !== this.#shortId && self.shortId !== undefined) {
      this.#shortId = self.shortId
      emit({ kind: 'short-id-changed', shortId: self.shortId })
    }
    if (shortIds.revision !== this.#shortIds) {
      this.#shortIds = shortIds.revision
      deadlines.atLatest('short-ids', now + shortIdsAfter(this.peers.size))
    }
    if (this.peers.revision === this.#revision) return false
    this.#revision = this.peers.revision
    deadlines.atLatest('spread', now + this.#spreadAfter())
    deadlines.atLatest('routes', now + routesAfter(this.peers.size))
    if (this.#sync.isSparse) deadlines.atLatest('compare', now + COMPARE_AFTER)
    else deadlines.set('compare', now + COMPARE_AFTER)
    return true
  }

  advance(now: number): void {
    const { deadlines } = this.#parts
    if (deadlines.take('collect', now)) this.#collect()
    if (deadlines.take('short-ids', now)) this.#parts.overlay.shortIdsChanged(this.peers.shortIds.table())
    if (deadlines.take('spread', now)) this.#spread()
    if (deadlines.take('routes', now)) this.#recalculate()
    if (deadlines.take('announce', now)) this.#announce(now)
    if (deadlines.take('announce-old', now)) this.#announceToOld()
    if (deadlines.take('compare', now)) this.#sync.compare(COMPARED)
  }

  /** We are at a new version: when to tell neighbours of our kind. */
  #changed(now: number): void {
    const { claims, shortId } = this.peers.self
    const isUrgent = this.#hasNewcomer || claims.size < this.#claimed || shortId !== this.#announcedShortId
    this.#hasNewcomer = false
    this.#claimed = claims.size
    if (now - this.#announcedAt > QUIET && this.#changedSince === undefined) {
      this.#announceAfter = ANNOUNCE_FIRST
      this.#patience = PATIENCE
    }
    if (isUrgent)
      this.#announceBy = Math.min(this.#announceBy, Math.max(now, this.#announcedAt) + this.#announceAfter)
    const lull = lullAfter(this.peers.size)
    this.#changedSince ??= now
    const calm = Math.min(now + lull, this.#changedSince + this.#patience * lull)
    this.#parts.deadlines.set('announce', Math.min(this.#announceBy, calm))
  }

  #spreadAfter(): number {
    if (!this.#sync.isSparse) return routesAfter(this.peers.size)
    return this.#sync.isStorm ? spreadInStorm(this.#parts.links.added) : SPREAD_AFTER
  }

  #spread(): void {
    this.routes.renew()
    this.#gossip?.relayDeferred()
    this.#sync.spreadDeferred()
  }

  #recalculate(): void {
    this.routes.recalculate()
    this.#parts.overlay.routesChanged(this.routes.established)
  }

  /** Removes who cannot be reached any more (mesh §10.3). */
  #collect(): void {
    const removed = this.peers.collect()
    for (const peer of removed) {
      this.#history.forget(peer.name)
      this.#parts.overlay.peerGone(peer.name)
      this.#parts.emit({ kind: 'peer-gone', name: peer.name, nickname: peer.nickname })
      this.#parts.emit({ kind: 'peer-collected', peer })
    }
    if (removed.length > 0) this.peers.settleShortId()
  }

  #announce(now: number): void {
    const { self } = this.peers
    this.#announcedAt = now
    this.#announceBy = Number.POSITIVE_INFINITY
    if (
      this.#changedSince !== undefined &&
      now - this.#changedSince >= this.#patience * lullAfter(this.peers.size)
    )
      this.#patience = Math.min(2 * this.#patience, MOST_PATIENCE)
    this.#changedSince = undefined
    this.#announcedShortId = self.shortId
    this.#announceAfter = Math.min(2 * this.#announceAfter, slowestAfter(this.peers.size))
    if (self.version === this.#announced) return
    this.#sync.originate(new Map([[self.name, this.#announced]]))
    this.#announced = self.version
  }

  /** To a random subset of them, as they do (mesh §10.4). */
  #announceToOld(): void {
    const relay = { kind: 'gossip', channel: TOPOLOGY_CHANNEL, except: undefined, among: 'takers' } as const
    const told = new TopologyData(this.peers, [this.peers.self.name, ...this.#added])
    this.#added.clear()
    for (const { outbox } of this.#parts.links.neighbours()) {
      if (outbox !== undefined) continue
      this.#gossip?.relay(relay, told)
      return
    }
  }

  /** The gossip channel passes it on to old neighbours itself. */
  #toldByOld(applied: Applied): void {
    this.#updated = true
    if (applied.improved.size > 0) this.#sync.originate(applied.improved)
  }
}
