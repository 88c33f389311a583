import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import {
  breakTie,
  collisionReason,
  duplicateReason,
  isTurnedAway,
  roomFor,
  SELF_REASON,
} from './admission.ts'
import type { ConnectionMaker } from './connection-maker.ts'
import { FeatureSets } from './feature-sets.ts'
import { formatHostPort } from './host-port.ts'
import type { RemoteIntroduction } from './introduction.ts'
import { type Link, newLink } from './link.ts'
import type { LinkSessions } from './link-sessions.ts'
import type { NodeContext } from './node-context.ts'
import type { ConnectionId } from './node-types.ts'
import type { OverlayEvents, OverlayParams, SocketAddress } from './overlay.ts'
import { OwnClaims } from './own-claims.ts'
import { formatPeer, isPlaceholder, type Peer } from './peer.ts'
import { holdSeconds } from './restart.ts'
import { TOPOLOGY_FEATURE, TOPOLOGY_FORMAT } from './topology-message.ts'
import { TopologyOutbox } from './topology-outbox.ts'

/** Inbound handshakes at one time; more are turned away, so that strangers cannot take all memory. */
const MAX_HANDSHAKES = 256
/** A peer that takes nothing for so long is as good as gone, in ms. */
const WRITE_TIMEOUT = 30_000
/** A failed handshake leaves its peer in the table until a collection, after this, in ms (mesh §10.3). */
const COLLECT_AFTER = 1_000

/** Connections of one peer, from the first byte to the last (mesh §9). */
export class Connections {
  readonly #context: NodeContext
  readonly #sessions: LinkSessions
  readonly #maker: ConnectionMaker
  readonly #claims: OwnClaims
  readonly #features = new FeatureSets()
  #nextId = 1
  #terminations = 0

  constructor(context: NodeContext, sessions: LinkSessions, maker: ConnectionMaker) {
    this.#context = context
    this.#sessions = sessions
    this.#maker = maker
    this.#claims = new OwnClaims(context.peers)
  }

  /** Connections that ended after their peer was known, without those to ourself. */
  get terminations(): number {
    return this.#terminations
  }

  /** `direct`: the user named it; `expected`: who else may answer although nobody told us of him. */
  dial(remote: SocketAddress, direct: boolean, expected: PeerName | undefined): ConnectionId {
    const link = this.#open(remote, { outbound: true, direct, expected })
    this.#context.emit({ kind: 'dial', id: link.id, address: remote })
    return link.id
  }

  dialled(id: ConnectionId, local: SocketAddress, now: number): void {
    const link = this.#context.links.get(id)
    if (link !== undefined && link.state === 'dialling') this.#introduce(link, local, now)
  }

  dialFailed(id: ConnectionId, reason: string, now: number): void {
    const link = this.#context.links.get(id)
    if (link === undefined || link.state !== 'dialling') return
    this.#context.links.remove(link)
    this.#maker.ended(link, reason, 'retry', now)
  }

  accepted(local: SocketAddress, remote: SocketAddress, now: number): ConnectionId | undefined {
    const { links } = this.#context
    // Attempts of ours are among these: only a crowd is worth counting.
    if (links.size - links.added >= MAX_HANDSHAKES && this.#handshakes() >= MAX_HANDSHAKES) return undefined
    const link = this.#open(remote, { outbound: false, direct: false, expected: undefined })
    this.#introduce(link, local, now)
    return link.id
  }

  /** The other side closed, or the socket failed. */
  closed(id: ConnectionId, reason: string, now: number): void {
    const link = this.#context.links.get(id)
    if (link === undefined) return
    const seconds = holdSeconds(link, this.#context.options)
    if (seconds > 0) this.#hold(link, seconds, now)
    else this.#sessions.closed(link, reason, now)
  }

  /** The socket takes nothing more for now. */
  congested(id: ConnectionId, now: number): void {
    const link = this.#context.links.get(id)
    if (link === undefined || link.congestedSince !== undefined) return
    link.congestedSince = now
    this.#context.deadlines.atLatest('writes', now + WRITE_TIMEOUT)
  }

  /** Ends connections whose peer takes nothing. Returns when to look again. */
  advanceWrites(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const link of [...this.#context.links]) {
      if (link.congestedSince === undefined) continue
      const at = link.congestedSince + WRITE_TIMEOUT
      if (at <= now)
        this.end(link, `write timed out: nothing taken for ${WRITE_TIMEOUT / 1000} s`, 'retry', now)
      else next = Math.min(next, at)
    }
    return next
  }

  /** Lets go of peers that did not come back in time. Returns when to look again. */
  advanceHolds(now: number): number {
    let next = this.#claims.advance(now)
    for (const link of [...this.#context.links]) {
      if (link.holdUntil <= now) this.end(link, 'peer did not come back from its restart', 'retry', now)
      else next = Math.min(next, link.holdUntil)
    }
    return next
  }

  /** Who is at the other end: decides whether the connection may stay, and adds it. */
  introduced(link: Link, remote: RemoteIntroduction, now: number): void {
    const { peers, routes, options, emit } = this.#context
    const { name, nickname, connUid } = remote
    link.introduction = { name, nickname, connUid, features: this.#features.shared(remote.features) }
    const { self } = peers
    if (remote.name === self.name) {
      this.end(link, remote.uid === self.uid ? SELF_REASON : collisionReason(self, remote), 'never', now)
      return
    }
    if (options.extensions !== false && isTurnedAway(link, remote, routes)) {
      this.end(link, `${formatPeer(remote)} has reached its connection limit`, 'retry', now)
      return
    }
    const known = peers.get(remote.name)
    const restarted = known !== undefined && !isPlaceholder(known) && known.uid !== remote.uid
    const wasUnknown = known === undefined || isPlaceholder(known)
    const peer = peers.retain(remote, !link.outbound || link.direct || link.expected === remote.name)
    if (peer === undefined) {
      const reason = `Found unknown remote name: ${formatPeerName(remote.name)} at ${link.address}`
      this.end(link, reason, 'retry', now)
      return
    }
    link.peer = peer
    this.#maker.found(link, peer.name)
    emit({ kind: 'connection-ready', peer, address: link.address, version: remote.version })
    if (this.#admit(link, peer, now)) this.#add(link, remote, peer, { wasUnknown, restarted }, now)
  }

  /** Closes a connection, takes it out of everything, and tells the connection maker (mesh §9.2). */
  end(link: Link, reason: string, how: 'retry' | 'never' | 'routine', now: number, fault?: unknown): void {
    const { links, emit, peers, deadlines } = this.#context
    if (links.get(link.id) !== link) return
    const { peer } = link
    const wasRegistered = links.isRegistered(link)
    links.remove(link)
    emit({ kind: 'close', id: link.id })
    const failed = {
      kind: 'connection-failed',
      address: link.address,
      reason,
      routine: how === 'routine',
      fault,
    } as const
    emit({ ...failed, peer: peer ?? link.introduction })
    if (peer !== undefined) this.#terminations++
    link.overlay?.stop()
    if (peer !== undefined) {
      peers.release(peer)
      deadlines.atLatest('collect', now + COLLECT_AFTER)
    }
    if (peer !== undefined && wasRegistered) {
      this.#claims.remove(peer.name)
      emit({ kind: 'connection-deleted', peer, address: link.address })
      deadlines.atLatest('collect', now)
    }
    this.#maker.ended(link, reason, how, now)
  }

  #open(remote: SocketAddress, how: Pick<Link, 'outbound' | 'direct' | 'expected'>): Link {
    const address = formatHostPort(remote.host, remote.port)
    const link = newLink({ id: this.#nextId++, address, remote, ...how })
    this.#context.links.insert(link)
    return link
  }

  #handshakes(): number {
    let handshakes = 0
    for (const { state, outbound } of this.#context.links)
      if (state === 'introducing' && !outbound) handshakes++
    return handshakes
  }

  #introduce(link: Link, local: SocketAddress, now: number): void {
    link.local = local
    link.state = 'introducing'
    this.#sessions.start(link, now)
    if (link.session !== undefined) this.#context.deadlines.atLatest('sessions', link.session.nextDeadline())
  }

  /** Settles duplicates and the limit; false if the new connection had to go. */
  #admit(link: Link, peer: Peer, now: number): boolean {
    const { links, options, peers } = this.#context
    const old = links.to(peer.name)
    if (old !== undefined && old.state !== 'held') {
      const verdict = breakTie(link.introduction?.connUid ?? 0n, old.introduction?.connUid ?? 0n)
      const reason = duplicateReason(peer, peers.self)
      if (verdict !== 'old survives') this.end(old, reason, 'routine', now)
      if (verdict !== 'new survives') this.end(link, reason, 'routine', now)
      return verdict === 'new survives'
    }
    const room = roomFor(peer.name, options.connectionLimit, links, peers)
    const full = `Connection limit reached (${options.connectionLimit})`
    if (room === 'none') {
      this.end(link, full, 'retry', now)
      return false
    }
    if (room !== 'free') this.end(room.evict, `${full}, its place is needed by a new peer`, 'retry', now)
    return true
  }

  #add(
    link: Link,
    remote: RemoteIntroduction,
    peer: Peer,
    { wasUnknown, restarted }: { readonly wasUnknown: boolean; readonly restarted: boolean },
    now: number,
  ): void {
    const { links, parts, routes, gossip, topology, options, emit } = this.#context
    const wasReachable = routes.established.unicast.has(peer.name)
    // Throws where the overlays have nothing in common: before anybody else knows of the connection.
    const overlay = parts.overlay.prepare(this.#overlayParams(link, remote), this.#overlayEvents(link, peer))
    link.overlay = overlay
    const held = links.to(peer.name)
    if (held !== undefined) this.#supersede(held, peer)
    link.state = 'added'
    links.register(link, peer.name)
    if (options.extensions !== false && remote.features.get(TOPOLOGY_FEATURE) === TOPOLOGY_FORMAT)
      link.outbox = new TopologyOutbox()
    this.#claims.add(link, peer.name)
    const how = restarted ? 'restarted peer' : wasReachable ? 'known peer' : 'new peer'
    emit({ kind: 'connection-added', peer, address: link.address, how })
    this.#maker.connected(link, peer.name, now)
    topology.connected(link, peer.name, wasUnknown || restarted)
    if (how !== 'known peer') gossip.sendComplete(link)
    overlay.confirm(now)
  }

  #established(link: Link, peer: Peer): void {
    if (link.state !== 'added' || link.established) return
    link.established = true
    this.#claims.established(link, peer.name)
    this.#context.emit({ kind: 'connection-established', peer, address: link.address })
  }

  /** TCP is gone, the peer asked to be waited for: its routes and its data plane stay as they are. */
  #hold(link: Link, seconds: number, now: number): void {
    const { links, emit, deadlines } = this.#context
    links.hold(link)
    link.session = undefined
    link.congestedSince = undefined
    link.holdUntil = now + seconds * 1000
    deadlines.atLatest('holds', link.holdUntil)
    emit({ kind: 'close', id: link.id })
    if (link.peer !== undefined) emit({ kind: 'connection-held', peer: link.peer, seconds })
    this.#maker.ended(link, 'peer restarts', 'retry', now)
  }

  /** The peer is back: the held connection goes, but what it stood for counts until the new one is established. */
  #supersede(held: Link, peer: Peer): void {
    const { links, peers, emit } = this.#context
    links.remove(held)
    held.overlay?.stop()
    peers.release(peer)
    this.#claims.carry(peer.name, held.holdUntil)
    emit({ kind: 'connection-deleted', peer, address: held.address })
  }

  #overlayParams(link: Link, remote: RemoteIntroduction): OverlayParams {
    const trusted = remote.trusted && this.#sessions.trusts(link)
    return {
      remote: remote.name,
      remoteNickname: remote.nickname,
      remoteShortId: remote.shortId,
      local: link.local ?? { host: '', port: 0 },
      peer: link.remote,
      outbound: link.outbound,
      connUid: remote.connUid,
      sessionKey: trusted ? undefined : remote.sessionKey,
      features: link.introduction?.features ?? remote.features,
    }
  }

  #overlayEvents(link: Link, peer: Peer): OverlayEvents {
    const { later, parts } = this.#context
    return {
      send: (tag, payload) => {
        later((now) => this.#sessions.send(link, tag, payload, now))
        parts.wake()
      },
      established: () => {
        later(() => this.#established(link, peer))
        parts.wake()
      },
      failed: (reason) => {
        later((now) => this.end(link, reason, 'retry', now))
        parts.wake()
      },
    }
  }
}
