import { WireError } from '../lib/errors.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import { Claims } from './claims.ts'
import { deltaFrom, isNewer, type Peer, type PeerDescription, type PeerUpdate, placeholder } from './peer.ts'
import { ShortIds } from './short-ids.ts'
import { TopologyDigest } from './topology-digest.ts'

const MAX_UINT64 = 2n ** 64n

export interface PeersLimits {
  readonly maxPeers: number
  /** Connections that all peers together may claim: bounds the memory of the table to some 13 bytes each. */
  readonly maxClaims: number
}

const DEFAULT_LIMITS: PeersLimits = { maxPeers: 8192, maxClaims: 4_000_000 }

/** What an update did to the table. */
export interface Applied {
  /** Peers that we know better now, each with the version that we knew before. */
  readonly improved: ReadonlyMap<PeerName, bigint>
  /** All peers that the update described. */
  readonly received: readonly PeerName[]
  /** Our own version or short id changed because of it. */
  readonly selfChanged: boolean
}

/** Told of every replaced description, before it is. */
export type OnReplace = (old: PeerDescription, next: PeerUpdate) => void

/** The peers table (mesh §10): what each known peer says about itself, ourself among them. */
export class Peers {
  readonly self: Peer
  readonly shortIds = new ShortIds()
  readonly digest = new TopologyDigest()
  readonly #byName = new Map<PeerName, Peer>()
  readonly #rng: Rng
  readonly #limits: PeersLimits
  readonly #onReplace: OnReplace
  /** Peers that a connection of ours holds, and perhaps nothing else: those that they claim may have been collected. */
  #dangling: ReadonlySet<PeerName> = new Set()
  /** Something happened since the last collection that may have cut a peer off. */
  #mayBeCut = false
  #claims = 0
  #revision = 0

  constructor(
    self: {
      readonly name: PeerName
      readonly nickname: string
      readonly uid: bigint
      readonly shortId: number
    },
    rng: Rng,
    options: { readonly limits?: PeersLimits; readonly onReplace?: OnReplace } = {},
  ) {
    this.self = { ...self, version: 0n, claims: Claims.none, localRefs: 1 }
    this.#rng = rng
    this.#limits = options.limits ?? DEFAULT_LIMITS
    this.#onReplace = options.onReplace ?? (() => undefined)
    this.#insert(this.self)
  }

  /** Grows with every change of who is there and who claims which connection. */
  get revision(): number {
    return this.#revision
  }

  get size(): number {
    return this.#byName.size
  }

  get(name: PeerName): Peer | undefined {
    return this.#byName.get(name)
  }

  [Symbol.iterator](): IterableIterator<Peer> {
    return this.#byName.values()
  }

  /**
   * Holds on to the peer at the other end of a connection of ours, adding it if `mayAdd`; undefined if it is unknown
   * and may not be added. A known entry stays as it is: only gossip changes it (mesh §9 step 4).
   */
  retain(introduced: Omit<PeerDescription, 'version' | 'claims'>, mayAdd: boolean): Peer | undefined {
    let peer = this.#byName.get(introduced.name)
    if (peer === undefined) {
      if (!mayAdd) return undefined
      const { name, nickname, uid, shortId } = introduced
      peer = { name, nickname, uid, shortId, version: 0n, claims: Claims.none, localRefs: 0 }
      this.#insert(peer)
      this.settleShortId()
    }
    peer.localRefs++
    return peer
  }

  release(peer: Peer): void {
    peer.localRefs--
    this.#mayBeCut ||= peer.localRefs === 0
  }

  /** Our own connections changed: a new version of us. */
  changeOwnClaims(changed: Claims, gone: readonly PeerName[] = []): void {
    const { self } = this
    const claims = self.claims.with(changed, gone)
    const delta = { base: self.version, changed, gone }
    this.#replace(self, { ...self, claims, version: (self.version + 1n) % MAX_UINT64, delta })
  }

  /** Takes an update as a whole or throws `WireError` when it would exceed the limits. */
  apply(update: readonly PeerUpdate[]): Applied {
    const fresh = this.#insertMentioned(update)
    const improved = new Map<PeerName, bigint>()
    let selfChanged = false
    for (const next of update) {
      const known = this.#byName.get(next.name)
      if (known === this.self) {
        selfChanged = this.#outdo(next) || selfChanged
        continue
      }
      if (known === undefined) continue
      // What was just inserted is an empty entry: any description is better, even one that looks like a placeholder.
      if (!fresh.delete(next.name) && !isNewer(next, known)) continue
      if (!improved.has(next.name)) improved.set(next.name, known.version)
      this.#replace(known, next)
    }
    selfChanged = this.settleShortId() || selfChanged
    return { improved, received: [...new Set(update.map(({ name }) => name))], selfChanged }
  }

  /** Removes and returns the peers that nobody leads to from us and no connection of ours holds (mesh §10.3). */
  collect(): Peer[] {
    if (!this.#mayBeCut) return []
    this.#mayBeCut = false
    const reached = this.#reached()
    const cut = [...this.#byName.values()].filter((peer) => !reached.has(peer.name))
    const removed = cut.filter(({ localRefs }) => localRefs === 0)
    for (const peer of removed) this.#remove(peer)
    this.#dangling = new Set(cut.flatMap(({ name, localRefs }) => (localRefs === 0 ? [] : [name])))
    return removed
  }

  /** Peers to whom claims lead from us; once nobody is left that may go, no more are looked for. */
  #reached(): ReadonlySet<PeerName> {
    const reached = new Set<PeerName>([this.self.name])
    let left = 0
    for (const { localRefs } of this.#byName.values()) if (localRefs === 0) left++
    const open: Peer[] = [this.self]
    for (let peer = open.pop(); peer !== undefined; peer = open.pop()) {
      // Our own claims are always gone through: they reach most of those that we hold.
      if (left === 0 && peer !== this.self) break
      for (let i = 0; i < peer.claims.size; i++) {
        const remote = this.#byName.get(peer.claims.remoteAt(i))
        if (remote === undefined || reached.has(remote.name)) continue
        reached.add(remote.name)
        if (remote.localRefs === 0) left--
        open.push(remote)
      }
    }
    return reached
  }

  /**
   * Sees to it that we own our short id, taking another one where a lower name has it (mesh §11). True if it changed;
   * where all are taken we keep ours and try again after the next collection.
   */
  settleShortId(): boolean {
    const { shortId } = this.self
    if (shortId !== undefined && this.shortIds.owner(shortId) === this.self.name) return false
    const chosen = this.shortIds.choose(this.#rng)
    if (chosen === undefined) return false
    this.#replace(this.self, {
      ...this.self,
      shortId: chosen,
      version: (this.self.version + 1n) % MAX_UINT64,
    })
    return true
  }

  /** Adds an empty entry for every name in the update that we do not know; returns those that it describes. */
  #insertMentioned(update: readonly PeerUpdate[]): Set<PeerName> {
    const unknown = new Set<PeerName>()
    let claims = this.#claims
    for (const peer of update) {
      const known = this.#byName.get(peer.name)
      claims += peer.claims.size - (known?.claims.size ?? 0)
      if (known === undefined) unknown.add(peer.name)
      for (const remote of this.#mentionedFirst(known, peer))
        if (!this.#byName.has(remote)) unknown.add(remote)
    }
    if (this.#byName.size + unknown.size > this.#limits.maxPeers) {
      throw new WireError(
        `topology update would make ${this.#byName.size + unknown.size} peers, the limit is ${this.#limits.maxPeers}`,
      )
    }
    if (claims > this.#limits.maxClaims) {
      throw new WireError(
        `topology update would make ${claims} connections, the limit is ${this.#limits.maxClaims}`,
      )
    }
    for (const name of unknown) this.#insert(placeholder(name))
    return new Set(update.map(({ name }) => name).filter((name) => unknown.has(name)))
  }

  /** Whom an update mentions that we may not know. */
  #mentionedFirst(known: Peer | undefined, next: PeerUpdate): PeerName[] {
    if (known === undefined || this.#dangling.has(known.name)) return next.claims.remotes()
    if (known.claims === next.claims) return []
    return deltaFrom(known, next)?.changed.remotes() ?? next.claims.remotesBeyond(known.claims)
  }

  /** Somebody still gossips an earlier incarnation of us: be newer than it. */
  #outdo(old: PeerDescription): boolean {
    if (old.uid === this.self.uid || old.version < this.self.version) return false
    // Wraps around at the greatest version, as with old peers.
    this.#replace(this.self, { ...this.self, version: (old.version + 1n) % MAX_UINT64 })
    return true
  }

  #replace(peer: Peer, next: PeerUpdate): void {
    this.#onReplace(peer, next)
    // New claims alone cut nobody off.
    this.#mayBeCut ||= losesSomebody(peer, next)
    this.digest.toggle(peer)
    if (peer.shortId !== next.shortId) {
      if (peer.shortId !== undefined) this.shortIds.unregister(peer.shortId, peer.name)
      if (next.shortId !== undefined) this.shortIds.register(next.shortId, peer.name)
    }
    this.#claims += next.claims.size - peer.claims.size
    peer.uid = next.uid
    peer.version = next.version
    peer.nickname = next.nickname
    peer.shortId = next.shortId
    peer.claims = next.claims
    this.digest.toggle(peer)
    this.#revision++
  }

  #insert(peer: Peer): void {
    this.#byName.set(peer.name, peer)
    this.#mayBeCut = true
    this.#claims += peer.claims.size
    if (peer.shortId !== undefined) this.shortIds.register(peer.shortId, peer.name)
    this.digest.toggle(peer)
    this.#revision++
  }

  #remove(peer: Peer): void {
    this.#byName.delete(peer.name)
    this.#claims -= peer.claims.size
    if (peer.shortId !== undefined) this.shortIds.unregister(peer.shortId, peer.name)
    this.digest.toggle(peer)
    this.#revision++
  }
}

function losesSomebody(peer: Peer, next: PeerUpdate): boolean {
  if (peer.claims.size === 0 || peer.claims === next.claims) return false
  const delta = deltaFrom(peer, next)
  return delta === undefined ? peer.claims.remotesBeyond(next.claims).length > 0 : delta.gone.length > 0
}
