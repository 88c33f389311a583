import { messageOf } from '../lib/errors.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import { type Discovered, Discovery } from './discovery.ts'
import { FormerNeighbours } from './former-neighbours.ts'
import { formatHostPort, type HostPort, parseHostPort } from './host-port.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { ConnectionId, Resolution } from './node-types.ts'
import type { SocketAddress } from './overlay.ts'
import type { Peers } from './peers.ts'
import type { ConnectionSnapshot } from './snapshot-types.ts'
import { newTarget, type Target, targetSnapshot } from './target.ts'

/**
 * Attempts at one time: a big network is joined in turns, not with hundreds of handshakes at once that wait for each
 * other until they time out. One that takes long, to a host that does not answer, is not counted any more.
 */
const MAX_ATTEMPTS = 8
const LONG_ATTEMPT = 3_000
/** How soon to look whether there is room for another attempt. */
const ROOM_AFTER = 250
/**
 * A connection that lived longer than this, in ms, is tried again at once when it ends. Old peers want a minute
 * (mesh §14.4); a few seconds are enough to tell a peer that restarts from one that turns us away.
 */
const LASTING = 3_000
/**
 * Both ends of a new pair learn of each other at about the same time: one gives the other this long, and in a big
 * network, where everybody has many to dial, some ms more per peer.
 */
const COURTESY = 2_000
const COURTESY_PER_PEER = 100
const LONGEST_COURTESY = 15_000
/**
 * And for as long as others whose turn it was go on coming: on hosts that are slow, or very many, it takes them that long.
 * Longer than this nobody waits.
 */
const STILL_COMING = 2_000
const UTMOST_COURTESY = 120_000
/** How long to wait for a peer at the same address that is just introducing itself. */
const HANDSHAKE_PAUSE = 250
/**
 * After changes the targets are looked through at most this often: less often where there are many, a ms per peer when
 * connections change, and when discovery may find others 10 ms per peer up to a second.
 */
const SETTLE = 50
const SETTLE_PER_PEER = 10
const LONGEST_SETTLE = 1_000

export interface ConnectionMakerParts {
  readonly peers: Peers
  readonly links: Links
  readonly rng: Rng
  readonly port: number
  readonly connectionLimit: number
  readonly discovery: boolean
  readonly loopback: boolean
  readonly dial: (address: SocketAddress, direct: boolean, expected: PeerName | undefined) => ConnectionId
  readonly resolve: (host: string) => void
}

/** Decides whom to dial, and when again (mesh §14). */
export class ConnectionMaker {
  readonly #parts: ConnectionMakerParts
  readonly #discovery: Discovery
  readonly #former: FormerNeighbours
  /** What the user typed → its target. */
  readonly #direct = new Map<string, { readonly key: string; readonly anyPort: boolean }>()
  readonly #targets = new Map<string, Target>()
  /** Attempts and connections that came of them, with the time at which the attempt became due. */
  readonly #attempts = new Map<ConnectionId, { readonly target: Target; readonly since: number }>()
  readonly #attempting = new Set<Target>()
  /** When a connection of somebody who dialled us was added last. */
  #visitedAt = Number.NEGATIVE_INFINITY
  /** What discovery found last, neighbours that nobody tells of any more, and when to look again. */
  #found: readonly Discovered[] = []
  #lost: readonly Discovered[] = []
  #discoverAt = Number.NEGATIVE_INFINITY
  #checkAt = Number.POSITIVE_INFINITY
  #checkedAt = Number.NEGATIVE_INFINITY

  constructor(parts: ConnectionMakerParts) {
    this.#parts = parts
    this.#discovery = new Discovery(parts.peers, parts.links, parts.port, parts.loopback)
    this.#former = new FormerNeighbours(parts.peers, parts.links, parts.port, parts.loopback)
  }

  /** The targets as typed. */
  get targets(): string[] {
    return [...this.#direct.keys()]
  }

  /** Direct targets that may be peers: not known to be ourself or to have our name. */
  get initialPeers(): number {
    return [...this.#directKeys()].filter((key) => this.#targets.get(key)?.tryAt !== Number.POSITIVE_INFINITY)
      .length
  }

  connect(texts: readonly string[], replace: boolean, now: number): string[] {
    if (replace) this.#direct.clear()
    const problems: string[] = []
    for (const text of texts) {
      try {
        this.#addDirect(text, parseHostPort(text), now)
      } catch (thrown) {
        problems.push(messageOf(thrown))
      }
    }
    this.#check(now)
    return problems
  }

  forget(texts: readonly string[], now: number): void {
    for (const text of texts) {
      this.#direct.delete(text)
      this.#forgetFormer(text)
    }
    this.#check(now)
  }

  #forgetFormer(text: string): void {
    try {
      const { host, port = this.#parts.port } = parseHostPort(text)
      this.#former.forget(host, port)
    } catch {
      // What is no address was never connected: there is nothing to forget.
    }
  }

  /** Discovery may find somebody new. */
  topologyChanged(now: number): void {
    this.#checkAt = Math.min(this.#checkAt, Math.max(now + SETTLE, this.#discoverAt))
  }

  /** An inbound connection came or went: targets may be needless, or needed again. */
  connectionsChanged(now: number): void {
    const settle = Math.max(SETTLE, this.#parts.peers.size)
    this.#checkAt = Math.min(this.#checkAt, Math.max(now, this.#checkedAt + settle))
  }

  /** A name was looked up; all attempts that wait for it go on. */
  resolved(host: string, resolution: Resolution, now: number): void {
    for (const target of this.#targets.values()) {
      if (target.host.host !== host || target.host.isAddress || !this.#awaitsName(target)) continue
      if ('error' in resolution) {
        this.#failed(target, resolution.error, now)
        continue
      }
      const addresses = [...resolution.addresses].sort(
        (a, b) => Number(a.includes(':')) - Number(b.includes(':')),
      )
      const address = addresses[(target.attempts - 1) % addresses.length]
      if (address === undefined) this.#failed(target, `lookup ${host}: no addresses`, now)
      else this.#dial(target, address, now)
    }
    this.#check(now)
  }

  /** The connection of an attempt is added: we know who is there. */
  connected(link: Link, peer: PeerName, now: number): void {
    const attempt = this.#attempts.get(link.id)
    if (attempt !== undefined) {
      attempt.target.state = 'connected'
      this.#attempting.delete(attempt.target)
      attempt.target.peer = peer
      attempt.target.error = undefined
    }
    if (!link.outbound) this.#visitedAt = now
    this.#former.connected(link, peer, now)
    this.connectionsChanged(now)
  }

  /** An attempt told us who is there, although nothing may come of the connection. */
  found(link: Link, peer: PeerName): void {
    const attempt = this.#attempts.get(link.id)
    if (attempt !== undefined) attempt.target.peer = peer
  }

  /**
   * An attempt failed or a connection ended. `never`: trying again is of no use; `routine`: nothing is wrong, another
   * connection to the same peer is there.
   */
  ended(link: Link, reason: string, how: 'retry' | 'never' | 'routine', now: number): void {
    const attempt = this.#attempts.get(link.id)
    this.#attempts.delete(link.id)
    this.connectionsChanged(now)
    if (attempt === undefined) return
    const { target, since } = attempt
    this.#attempting.delete(target)
    if (how === 'routine') {
      target.state = 'waiting'
      target.tryAt = now + target.backOff.failed(this.#parts.rng, now)
    } else if (how === 'never') {
      target.state = 'waiting'
      target.error = reason
      target.tryAt = Number.POSITIVE_INFINITY
    } else if (target.state === 'connected' && now - since > LASTING) {
      target.state = 'waiting'
      target.error = reason
      target.backOff.lost(now)
      target.tryAt = now
    } else {
      this.#failed(target, reason, now)
    }
  }

  nextDeadline(): number {
    return this.#checkAt
  }

  advance(now: number): void {
    if (now >= this.#checkAt) this.#check(now)
  }

  /** Targets without a connection, as status lists them. */
  snapshot(): ConnectionSnapshot[] {
    return [...this.#targets.values()].flatMap((target) => targetSnapshot(target) ?? [])
  }

  #addDirect(text: string, host: HostPort, now: number): void {
    const port = host.port ?? this.#parts.port
    const key = host.isAddress ? formatHostPort(host.host, port) : text
    this.#direct.set(text, { key, anyPort: host.port === undefined })
    const target = this.#targets.get(key) ?? newTarget(key, host, port, now)
    this.#targets.set(key, target)
    if (target.state === 'attempting' || target.state === 'connected') return
    target.tryAt = now
    target.backOff.reset()
  }

  #directKeys(): Set<string> {
    return new Set(Array.from(this.#direct.values(), ({ key }) => key))
  }

  #check(now: number): void {
    this.#checkAt = Number.POSITIVE_INFINITY
    this.#checkedAt = now
    const valid = this.#validTargets(now)
    const direct = this.#directKeys()
    for (const [key, target] of this.#targets) {
      if (target.state === 'attempting' || target.state === 'connected') continue
      if (valid.has(target)) this.#proceed(target, now)
      else if (direct.has(key)) target.state = 'suspended'
      else this.#drop(target, now)
    }
  }

  /** Nobody wants it now. What failed lately is kept, or it would be tried at once when it is wanted again. */
  #drop(target: Target, now: number): void {
    target.state = 'suspended'
    if (target.error === undefined || target.tryAt <= now || target.tryAt === Number.POSITIVE_INFINITY) {
      this.#targets.delete(target.key)
    } else {
      this.#checkAt = Math.min(this.#checkAt, target.tryAt)
    }
  }

  #proceed(target: Target, now: number): void {
    target.state = 'waiting'
    if (target.tryAt <= now) this.#attempt(target, now)
    // What is due but has to wait for an attempt to end is looked at again when one does.
    if (target.state === 'waiting' && target.tryAt > now)
      this.#checkAt = Math.min(this.#checkAt, target.tryAt)
  }

  #validTargets(now: number): Set<Target> {
    const { links } = this.#parts
    const valid = new Set<Target>()
    const isConnected = ({ peer }: Target) => peer !== undefined && links.connected(peer)

    for (const { key, anyPort } of this.#direct.values()) {
      const target = this.#targets.get(key)
      if (target === undefined || isConnected(target) || links.connectedTo(target.address)) continue
      if (!(anyPort && links.connectedFrom(target.host.host))) valid.add(target)
    }
    if (this.#parts.discovery && this.#hasRoom()) {
      this.#discover(now)
      const isOpen = ({ peer, address }: Discovered) => !links.connected(peer) && !links.connectedTo(address)
      for (const found of this.#found) if (isOpen(found)) valid.add(this.#discovered(found, false, now))
      for (const lost of this.#lost) if (isOpen(lost)) valid.add(this.#discovered(lost, true, now))
    }
    return valid
  }

  #discover(now: number): void {
    if (now < this.#discoverAt) return
    const { peers } = this.#parts
    const settle = peers.size * SETTLE_PER_PEER
    this.#discoverAt = now + Math.min(Math.max(settle, SETTLE), LONGEST_SETTLE)
    this.#found = this.#discovery.find(now)
    this.#lost = this.#former.find(now)
  }

  #discovered(found: Discovered, former: boolean, now: number): Target {
    let target = this.#targets.get(found.address)
    if (target === undefined) {
      const { peers, rng } = this.#parts
      const courtesy = Math.min(COURTESY + COURTESY_PER_PEER * peers.size, LONGEST_COURTESY)
      const isOurs = dialsFirst(peers.self.name, found.peer)
      const wait = isOurs ? 0 : courtesy * (1 + rng.float())
      const utmost = isOurs ? undefined : now + UTMOST_COURTESY
      target = newTarget(found.address, found.host, found.port, now + wait, utmost)
      this.#targets.set(found.address, target)
    }
    target.peer ??= found.peer
    target.former = former
    return target
  }

  /** `--conn-limit` governs what we dial of our own accord (mesh §14.5). */
  #hasRoom(): boolean {
    const { connectionLimit, links } = this.#parts
    return connectionLimit === 0 || links.added + this.#attempting.size < connectionLimit
  }

  #attempt(target: Target, now: number): void {
    const { connectionLimit, links } = this.#parts
    if (this.#recentAttempts(now) >= MAX_ATTEMPTS) {
      this.#checkAt = Math.min(this.#checkAt, now + ROOM_AFTER)
      return
    }
    if (connectionLimit !== 0 && links.added >= connectionLimit) {
      this.#failed(target, `Connection limit reached (${connectionLimit})`, now)
      return
    }
    if (target.attempts === 0 && now < target.courteousUntil && now - this.#visitedAt < STILL_COMING) {
      target.tryAt = now + STILL_COMING * (1 + this.#parts.rng.float())
      return
    }
    if (this.#isExpected(target)) {
      target.tryAt = now + HANDSHAKE_PAUSE * (1 + this.#parts.rng.float())
      return
    }
    target.state = 'attempting'
    this.#attempting.add(target)
    target.tryAt = now
    target.attempts++
    if (target.host.isAddress) this.#dial(target, target.host.host, now)
    else this.#parts.resolve(target.host.host)
  }

  #recentAttempts(now: number): number {
    let recent = 0
    for (const { tryAt } of this.#attempting) if (now - tryAt < LONG_ATTEMPT) recent++
    return recent
  }

  /** Somebody from there is introducing himself, or we try another address of the same peer. */
  #isExpected({ host, peer }: Target): boolean {
    for (const link of this.#parts.links) {
      if (link.state === 'introducing' && !link.outbound && link.remote.host === host.host) return true
    }
    if (peer === undefined) return false
    for (const other of this.#attempting) if (other.peer === peer) return true
    return false
  }

  #dial(target: Target, host: string, now: number): void {
    const { port } = target
    target.address = formatHostPort(host, port)
    const direct = this.#directKeys().has(target.key)
    const expected = target.former ? target.peer : undefined
    this.#attempts.set(this.#parts.dial({ host, port }, direct, expected), { target, since: now })
  }

  #awaitsName(target: Target): boolean {
    if (target.state !== 'attempting') return false
    for (const attempt of this.#attempts.values()) if (attempt.target === target) return false
    return true
  }

  #failed(target: Target, reason: string, now: number): void {
    this.#attempting.delete(target)
    target.state = 'waiting'
    target.error = reason
    target.tryAt = now + target.backOff.failed(this.#parts.rng, now)
    this.#checkAt = Math.min(this.#checkAt, target.tryAt)
  }
}

/** Which of two peers dials the other: of many pairs each has about as many to dial as to wait for. */
function dialsFirst(self: PeerName, other: PeerName): boolean {
  let parity = (self % 2 ** 32) ^ (other % 2 ** 32)
  for (let shift = 16; shift > 0; shift >>= 1) parity ^= parity >>> shift
  return (parity & 1) === 0 ? self < other : self > other
}
