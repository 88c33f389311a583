import { ConnectionMaker } from './connection-maker.ts'
import { Connections } from './connections.ts'
import { Deadlines } from './deadlines.ts'
import { isLoopback } from './discovery.ts'
import { Gossip } from './gossip.ts'
import type { GossipChannel, Gossiper } from './gossiper.ts'
import type { Link } from './link.ts'
import { LinkSessions } from './link-sessions.ts'
import { Links } from './links.ts'
import { Tag } from './message.ts'
import type { NodeContext, NodeDeadline } from './node-context.ts'
import type { ConnectionId, MeshOptions, MeshOutput, MeshParts, Resolution } from './node-types.ts'
import type { SocketAddress } from './overlay.ts'
import type { Peers } from './peers.ts'
import { LEAVE_TAG } from './restart.ts'
import type { Routes } from './routes.ts'
import { SHORT_IDS } from './short-ids.ts'
import { snapshotOf } from './snapshot.ts'
import type { MeshSnapshot } from './snapshot-types.ts'
import { Surrogate } from './surrogate.ts'
import { Topology } from './topology.ts'
import { TOPOLOGY_TAG } from './topology-message.ts'

/** Periodic gossip of complete states (mesh §13.7). */
const GOSSIP_EVERY = 30_000

/**
 * The control plane of one peer, without IO. After each call the shell takes the outputs; it calls `advance` at
 * `nextDeadline()` and after a `wake`. All times are monotonic milliseconds.
 */
export class MeshNode {
  readonly #context: NodeContext
  readonly #sessions: LinkSessions
  readonly #connections: Connections
  readonly #maker: ConnectionMaker
  readonly #topology: Topology
  readonly #outputs: MeshOutput[] = []
  /** What came from channels and the data plane since the last input. */
  readonly #inbox: ((now: number) => void)[] = []
  /** Links with something to send. */
  readonly #waiting = new Set<Link>()
  #now: number

  constructor(parts: MeshParts, options: MeshOptions, now: number) {
    const { rng, crypto, overlay, wake } = parts
    const { name, nickname } = options
    this.#now = now
    const emit = (output: MeshOutput): void => void this.#outputs.push(output)
    const send = (link: Link, tag: number, payload: Uint8Array): void =>
      this.#sessions.send(link, tag, payload, this.#now)
    const queued = (link: Link): void => void this.#waiting.add(link)
    const links = new Links()
    const deadlines = new Deadlines<NodeDeadline>()
    const self = { name, nickname, uid: rng.u64() || 1n, shortId: options.shortId ?? rng.below(SHORT_IDS) }
    const topology = new Topology({ links, rng, overlay, deadlines, send, queued, emit }, self)
    const { peers, routes } = topology
    const gossip = new Gossip({
      self: name,
      links,
      routes,
      rng,
      surrogate: () => new Surrogate(crypto.sha256, () => this.#now),
      send,
      queued,
      report: emit,
      wake,
    })
    topology.register(gossip)
    const later = (event: (now: number) => void): void => void this.#inbox.push(event)
    this.#topology = topology
    this.#context = { options, parts, peers, routes, links, gossip, topology, deadlines, emit, later }
    this.#sessions = new LinkSessions(
      { options, parts, self: peers.self, links, emit },
      {
        introduced: (link, remote, at) => this.#connections.introduced(link, remote, at),
        message: (link, tag, payload, at) => this.#message(link, tag, payload, at),
        failed: (link, reason, at, fault) => this.#connections.end(link, reason, 'retry', at, fault),
      },
    )
    this.#maker = new ConnectionMaker({
      peers,
      links,
      rng,
      port: options.port,
      connectionLimit: options.connectionLimit,
      discovery: options.discovery,
      loopback: options.host !== undefined && isLoopback(options.host),
      dial: (address, direct, expected) => this.#connections.dial(address, direct, expected),
      resolve: (host) => emit({ kind: 'resolve', host }),
    })
    this.#connections = new Connections(this.#context, this.#sessions, this.#maker)
    deadlines.set('gossip', now + GOSSIP_EVERY)
  }

  /** A connection came in; undefined: refuse it, close the socket. */
  accepted(local: SocketAddress, remote: SocketAddress, now: number): ConnectionId | undefined {
    this.#begin(now)
    const id = this.#connections.accepted(local, remote, now)
    this.#follow(now)
    return id
  }

  dialled(id: ConnectionId, local: SocketAddress, now: number): void {
    this.#input(now, () => this.#connections.dialled(id, local, now))
  }

  dialFailed(id: ConnectionId, reason: string, now: number): void {
    this.#input(now, () => this.#connections.dialFailed(id, reason, now))
  }

  received(id: ConnectionId, bytes: Uint8Array, now: number): void {
    this.#input(now, () => {
      const link = this.#context.links.get(id)
      if (link !== undefined) this.#sessions.receive(link, bytes, now)
    })
  }

  /** The other side closed, or the socket failed. */
  closed(id: ConnectionId, reason: string, now: number): void {
    this.#input(now, () => this.#connections.closed(id, reason, now))
  }

  /** The socket holds more unsent bytes than it should: gossip waits (and merges) until `drained`. */
  congested(id: ConnectionId, now: number): void {
    this.#input(now, () => this.#connections.congested(id, now))
  }

  /** A congested socket is slow, but not stuck: the time to a write timeout begins anew. */
  progressed(id: ConnectionId, now: number): void {
    this.#input(now, () => {
      const link = this.#context.links.get(id)
      if (link?.congestedSince !== undefined) link.congestedSince = now
    })
  }

  drained(id: ConnectionId, now: number): void {
    this.#input(now, () => {
      const link = this.#context.links.get(id)
      if (link === undefined) return
      link.congestedSince = undefined
      this.#waiting.add(link)
    })
  }

  resolved(host: string, resolution: Resolution, now: number): void {
    this.#input(now, () => this.#maker.resolved(host, resolution, now))
  }

  /** Adds targets; with `replace` the earlier ones go. Returns a text per entry that is not `host[:port]`; the others are added. */
  connect(targets: readonly string[], { replace }: { readonly replace: boolean }, now: number): string[] {
    this.#begin(now)
    const problems = this.#maker.connect(targets, replace, now)
    this.#context.emit({ kind: 'targets-changed', targets: this.#maker.targets })
    this.#follow(now)
    return problems
  }

  /** Targets spelt as they were added; connections that stand are left alone. */
  forget(targets: readonly string[], now: number): void {
    this.#input(now, () => this.#maker.forget(targets, now))
    this.#context.emit({ kind: 'targets-changed', targets: this.#maker.targets })
  }

  /** We shall not come back: neighbours need not hold our routes when our connections end. */
  leave(now: number): void {
    this.#input(now, () => {
      for (const link of this.#context.links.neighbours()) {
        if (link.outbox !== undefined) this.#sessions.send(link, LEAVE_TAG, new Uint8Array(0), now)
      }
    })
  }

  /** Registers the owner of a gossip channel; before the first connection. */
  channel(name: string, gossiper: Gossiper): GossipChannel {
    return this.#context.gossip.register(name, gossiper)
  }

  /** Runs what is due, and what channels and the data plane left behind. */
  advance(now: number): void {
    this.#input(now, () => this.#runDue(now))
  }

  nextDeadline(): number {
    return Math.min(this.#context.deadlines.next(), this.#maker.nextDeadline())
  }

  /** What the shell has to do, in order. */
  take(): MeshOutput[] {
    return this.#outputs.splice(0)
  }

  snapshot(): MeshSnapshot {
    return snapshotOf(this.#context, this.#maker, this.#connections.terminations)
  }

  /** Direct targets that may be peers, without ourself, for the quorum (mesh §15.4). */
  initialPeers(): number {
    return this.#maker.initialPeers
  }

  /** The peers table. */
  get peers(): Peers {
    return this.#context.peers
  }

  /** The present routes. */
  get routes(): Routes {
    return this.#context.routes
  }

  #input(now: number, step: () => void): void {
    this.#begin(now)
    step()
    this.#follow(now)
  }

  #begin(now: number): void {
    this.#now = now
    for (const event of this.#inbox.splice(0)) event(now)
  }

  /** Draws the consequences of an input. */
  #follow(now: number): void {
    if (this.#topology.follow(now)) this.#maker.topologyChanged(now)
    for (const link of this.#waiting) {
      this.#waiting.delete(link)
      this.#topology.flush(link)
      this.#context.gossip.flush(link)
    }
    this.#topology.flushed()
  }

  #runDue(now: number): void {
    const { deadlines, gossip } = this.#context
    if (deadlines.take('sessions', now)) deadlines.atLatest('sessions', this.#sessions.advance(now))
    if (deadlines.take('writes', now)) deadlines.atLatest('writes', this.#connections.advanceWrites(now))
    if (deadlines.take('holds', now)) deadlines.atLatest('holds', this.#connections.advanceHolds(now))
    if (deadlines.take('gossip', now)) {
      deadlines.set('gossip', now + GOSSIP_EVERY)
      gossip.tick()
      this.#topology.tick()
    }
    this.#topology.advance(now)
    this.#maker.advance(now)
  }

  #message(link: Link, tag: number, payload: Uint8Array, now: number): void {
    if (link.state !== 'added') return
    if (tag === Tag.gossip || tag === Tag.gossipUnicast || tag === Tag.gossipBroadcast) {
      this.#context.gossip.receive(link, tag, payload)
    } else if (tag === TOPOLOGY_TAG && link.outbox !== undefined) {
      this.#topology.receive(link, payload)
    } else if (tag === LEAVE_TAG && link.outbox !== undefined) {
      link.leaving = true
    } else if (OVERLAY_TAGS.has(tag)) {
      link.overlay?.control(tag, payload, now)
    } else if (link.peer !== undefined) {
      this.#context.emit({ kind: 'ignored', peer: link.peer, reason: `unknown protocol tag: ${tag}` })
    }
  }
}

const OVERLAY_TAGS: ReadonlySet<number> = new Set([
  Tag.overlayControl,
  Tag.compatEstablished,
  Tag.compatFragmentation,
  Tag.compatMtuVerified,
])
